/** What of the mesh and its sessions is shown, and what is masked. */

import { inspect } from 'node:util'
import type { Cluster, SessionReport } from 'sessionmesh'
import { latestEvents, type MeshEvent, type MeshPicture, type MeshWatch } from 'sessionmesh/diagnostics'
import type { ShownEvent, ShownPicture, ShownSession } from './api.js'
import type { Refs } from './refs.js'

const OVERLAP_MS = 10_000

export class Shown {
  readonly #cluster: Cluster
  readonly #watch: MeshWatch
  readonly #refs: Refs
  readonly #reveal: boolean

  constructor(cluster: Cluster, watch: MeshWatch, refs: Refs, reveal: boolean) {
    this.#cluster = cluster
    this.#watch = watch
    this.#refs = refs
    this.#reveal = reveal
  }

  /** With so many of the latest samples of each member; and of the latest events of sessions, and others. */
  picture(picture: MeshPicture, samples = Number.POSITIVE_INFINITY, events = samples): ShownPicture {
    return {
      ...picture,
      members: picture.members.map((member) => ({ ...member, samples: latest(member.samples, samples) })),
      events: latestEvents(picture.events, events).map((event) => this.#event(event)),
    }
  }

  /** What a page lacks that heard all until then, and some seconds more: members' clocks differ. */
  pictureSince(picture: MeshPicture, heardMs: number): ShownPicture {
    const isNew = ({ atMs }: { atMs: number }) => atMs > heardMs - OVERLAP_MS
    return {
      ...picture,
      members: picture.members.map((member) => ({ ...member, samples: member.samples.filter(isNew) })),
      events: picture.events.filter(isNew).map((event) => this.#event(event)),
    }
  }

  /** `undefined` when nobody who answers holds anything of it. */
  async session(sid: string): Promise<ShownSession | undefined> {
    const asked = this.#cluster.members().filter(({ state }) => state === 'alive' || state === 'suspect')
    const members = await Promise.all(asked.map(({ id, name }) => this.#at(id, name, sid)))
    if (members.every(({ report }) => report === undefined)) return undefined
    const values = this.#reveal ? this.#values(sid) : undefined
    return {
      ref: this.#refs.of(sid),
      ...(this.#reveal && { sid }),
      members,
      isSame: isSame(members.filter(({ error }) => error === undefined).map(({ report }) => report)),
      ...(values && { values }),
      events: (await this.#watch.eventsOf(sid)).map((event) => this.#event(event)),
    }
  }

  #event(event: MeshEvent): ShownEvent {
    if (event.sid === undefined) return event
    const { sid, ...rest } = event
    const ref = this.#refs.of(sid)
    return this.#reveal ? { ...rest, sid, ref } : { ...rest, ref }
  }

  async #at(id: string, name: string, sid: string): Promise<ShownSession['members'][number]> {
    try {
      const report = await this.#cluster.diagnostics.inspect(sid, { of: id })
      if (report === undefined) return { id, name }
      const { sid: _, ...shown } = report
      return { id, name, report: shown }
    } catch (error) {
      return { id, name, error: messageOf(error) }
    }
  }

  /** (To look is no use of the session.) */
  #values(sid: string): Record<string, string> | undefined {
    try {
      const data = this.#cluster.sessions.load(sid)?.data
      if (data === undefined) return undefined
      const local = new Set(this.#cluster.sessions.localAttributes)
      // (What is local may be anything, a socket with all that hangs on it.)
      return Object.fromEntries(
        Object.entries(data)
          .filter(([name]) => !local.has(name))
          .map(([name, value]) => [name, textOf(value)]),
      )
    } catch (error) {
      return { '': messageOf(error) }
    }
  }
}

/** The same attributes, of the same writes, at all; marks of removal go from one member sooner than from another. */
function isSame(reports: readonly (Omit<SessionReport, 'sid'> | undefined)[]): boolean {
  const texts = reports.map((report) => {
    if (report === undefined) return ''
    const { state, attributes } = report
    const held = attributes
      .filter(({ removed }) => !removed)
      .map(({ name, slotOf, stamp }) =>
        JSON.stringify([name, slotOf, stamp.timeMs, stamp.counter, stamp.origin]),
      )
    return [state, ...held.sort()].join()
  })
  return new Set(texts).size <= 1
}

function textOf(value: unknown): string {
  return inspect(value, { depth: 6, maxArrayLength: 50, maxStringLength: 2_000, customInspect: false })
}

function latest<T>(list: readonly T[], count: number): readonly T[] {
  return count >= list.length ? list : list.slice(list.length - count)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
