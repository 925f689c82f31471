/** The picture as it changes, as server-sent events to any number of pages. */

import type { ServerResponse } from 'node:http'
import type { Cluster } from 'sessionmesh'
import type { MeshWatch } from 'sessionmesh/diagnostics'
import type { ShownPicture } from './api.js'
import type { Shown } from './shown.js'

/** Who takes less than comes is cut off, and comes again by himself, for what he lacks. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024
/** Then the browser asks anew, and is let in anew, or not. */
const MAX_STREAM_MS = 60_000
const RETRY_MS = 500
/** Of a server that is about to end: its load balancer may still send it requests. */
const RETRY_DRAINING_MS = 2_000
/** What is ended and not taken is cut off then: it would hold up the end of the HTTP server. */
const LAST_WORDS_MS = 1_000

export class LiveStreams {
  readonly #watch: MeshWatch
  readonly #shown: Shown
  /** Somebody is at the other end. */
  readonly #open = new Set<ServerResponse>()
  /** Those that are told what is new. */
  readonly #streams = new Set<ServerResponse>()
  #unwatch: (() => void) | undefined
  #isDraining = false

  constructor(cluster: Cluster, watch: MeshWatch, shown: Shown) {
    this.#watch = watch
    this.#shown = shown
    // They would hold up the end of the HTTP server.
    cluster.once('draining', () => {
      this.#isDraining = true
      for (const stream of this.#streams) this.#end(stream)
    })
  }

  /** @param heardMs until when the page has heard all; 0 for a new one */
  async add(res: ServerResponse, heardMs: number): Promise<void> {
    // (He may have gone while it was asked whether he may come in.)
    if (res.destroyed) return
    this.#open.add(res)
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      // What compresses on the way would hold it back, and so would nginx.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    res.write(`retry: ${this.#isDraining ? RETRY_DRAINING_MS : RETRY_MS}\n\n`)
    const end = setTimeout(() => this.#end(res), MAX_STREAM_MS).unref()
    // (A connection that breaks is no news: it is closed.)
    res.on('error', () => {})
    res.once('close', () => {
      clearTimeout(end)
      this.#streams.delete(res)
      this.#open.delete(res)
      if (this.#open.size > 0) return
      this.#unwatch?.()
      this.#unwatch = undefined
    })
    this.#unwatch ??= this.#watch.onUpdate((update) => this.#tell('update', this.#shown.picture(update)))
    const picture = this.#shown.pictureSince(await this.#watch.picture(), heardMs)
    if (res.destroyed || res.writableEnded) return
    send(res, 'mesh', picture)
    if (this.#isDraining) this.#end(res)
    else this.#streams.add(res)
  }

  /** Nothing is written to it any more. */
  #end(stream: ServerResponse): void {
    this.#streams.delete(stream)
    stream.end()
    const cut = setTimeout(() => stream.destroy(), LAST_WORDS_MS).unref()
    stream.once('close', () => clearTimeout(cut))
  }

  #tell(event: string, picture: ShownPicture): void {
    for (const stream of this.#streams) {
      if (stream.writableLength > MAX_BUFFERED_BYTES) stream.destroy()
      else send(stream, event, picture)
    }
  }
}

/** The id is what the browser names when it comes again. */
function send(res: ServerResponse, event: string, picture: ShownPicture): void {
  res.write(`event: ${event}\nid: ${picture.atMs}\ndata: ${JSON.stringify(picture)}\n\n`)
}
