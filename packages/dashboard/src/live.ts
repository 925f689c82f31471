/** The picture as it changes, as server-sent events to any number of pages. */

import type { ServerResponse } from 'node:http'
import type { Cluster } from 'sessionmesh'
import type { MeshWatch } from 'sessionmesh/diagnostics'
import type { Shown } from './shown.js'

/** Who takes less than comes is cut off, and comes again by himself. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024
/** Then the browser asks anew, and is let in anew. */
const MAX_STREAM_MS = 300_000
const RETRY_MS = 500

export class LiveStreams {
  readonly #watch: MeshWatch
  readonly #shown: Shown
  readonly #streams = new Set<ServerResponse>()
  #unwatch: (() => void) | undefined
  #isDraining = false

  constructor(cluster: Cluster, watch: MeshWatch, shown: Shown) {
    this.#watch = watch
    this.#shown = shown
    // They would hold up the end of the HTTP server.
    cluster.once('draining', () => {
      this.#isDraining = true
      for (const stream of this.#streams) stream.end()
    })
  }

  async add(res: ServerResponse): Promise<void> {
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      // What compresses on the way would hold it back, and so would nginx.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    res.write(`retry: ${RETRY_MS}\n\n`)
    const end = setTimeout(() => res.end(), MAX_STREAM_MS).unref()
    res.once('close', () => {
      clearTimeout(end)
      this.#streams.delete(res)
      if (this.#streams.size > 0) return
      this.#unwatch?.()
      this.#unwatch = undefined
    })
    this.#unwatch ??= this.#watch.onUpdate((update) => this.#tell('update', this.#shown.picture(update)))
    const picture = this.#shown.picture(await this.#watch.picture())
    if (res.destroyed) return
    send(res, 'mesh', picture)
    if (this.#isDraining) res.end()
    else this.#streams.add(res)
  }

  #tell(event: string, picture: unknown): void {
    for (const stream of this.#streams) {
      if (stream.writableLength > MAX_BUFFERED_BYTES) stream.destroy()
      else send(stream, event, picture)
    }
  }
}

function send(res: ServerResponse, event: string, data: unknown): void {
  res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}
