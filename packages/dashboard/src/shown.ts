/** What of the mesh and its sessions is shown, and what is masked. */

import { inspect } from 'node:util'
import type { Cluster, SessionReport } from 'sessionmesh'
import {
  isLiving,
  latestEvents,
  type MeshEvent,
  type MeshPicture,
  type MeshWatch,
} from 'sessionmesh/diagnostics'
import type { ShownEvent, ShownPicture, ShownSession } from './api.js'
import type { Refs } from './refs.js'

const OVERLAP_MS = 10_000
/** Samples, one a second. */
const RECENT = 60

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
      members: picture.members.map((member) => ({
        ...member,
        samples: thinned(member.samples.filter(isNew)),
      })),
      events: picture.events.filter(isNew).map((event) => this.#event(event)),
    }
  }

  /** `undefined` when nobody who answers holds anything of it. */
  async session(sid: string): Promise<ShownSession | undefined> {
    const asked = this.#cluster.members().filter(isLiving)
    const members = await Promise.all(asked.map(({ id, name }) => this.#at(id, name, sid)))
    if (members.every(({ report }) => report === undefined)) return undefined
    const values = this.#reveal ? this.#values(sid) : undefined
    const held = members.filter(({ error }) => error === undefined).map(({ held }) => held)
    return {
      ref: this.#refs.of(sid),
      ...(this.#reveal && { sid }),
      members: members.map(({ held: _, ...member }) => member),
      isSame: new Set(held).size <= 1,
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

  async #at(
    id: string,
    name: string,
    sid: string,
  ): Promise<ShownSession['members'][number] & { held?: string }> {
    try {
      const report = await this.#cluster.diagnostics.inspect(sid, { of: id })
      if (report === undefined) return { id, name }
      const { sid: _, ...shown } = report
      // (Of a value that may be guessed it would say which it is.)
      const attributes = shown.attributes.map(({ checksum: _, ...attribute }) => attribute)
      return { id, name, report: { ...shown, attributes }, held: heldOf(report) }
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

/** All that is to be the same on all members; marks of removal go from one member sooner than from another. */
function heldOf({ state, attributes }: SessionReport): string {
  const held = attributes
    .filter(({ removed }) => !removed)
    .map(({ name, slotOf, stamp, checksum }) => JSON.stringify([name, slotOf, stamp, checksum]))
  return [state, ...held.sort()].join()
}

function textOf(value: unknown): string {
  return inspect(value, { depth: 6, maxArrayLength: 50, maxStringLength: 2_000, customInspect: false })
}

/** Of what is older than a minute one of five: it is drawn by points that are nearer to each other than that. */
function thinned<T>(samples: readonly T[]): T[] {
  const recent = samples.length - RECENT
  return samples.filter((_, i) => i >= recent || i % 5 === 0)
}

function latest<T>(list: readonly T[], count: number): readonly T[] {
  return count >= list.length ? list : list.slice(list.length - count)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
