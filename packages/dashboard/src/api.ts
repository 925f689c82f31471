/** What the page and the handler say to each other: JSON, at addresses below where the dashboard is mounted. */

import type { AttributeReport, MemberState, SessionReport } from 'sessionmesh'
import type { MeshEvent, MeshPicture } from 'sessionmesh/diagnostics'

/**
 * A session's name on the page. Its id may be all that its user's cookie has, so it is shown only where the mount says
 * `reveal: true`; this is a hash of it, the same on all members.
 */
export type Ref = string

/** An event as it is shown: `sid` only with `reveal`. */
export interface ShownEvent extends MeshEvent {
  readonly ref?: Ref | undefined
}

/** `GET mesh.json?samples=60&events=100`; and at `GET live`, as server-sent events `mesh` (all) and then `update` (news). */
export interface ShownPicture extends Omit<MeshPicture, 'events'> {
  readonly events: readonly ShownEvent[]
}

/** `GET about`: what this mount offers. */
export interface About {
  readonly cluster: string
  /** Values and ids of sessions are shown. */
  readonly reveal: boolean
  /** The attributes by which sessions are found. */
  readonly indexes: readonly string[]
  /** Buttons of the application's own, for each member in one of these states. */
  readonly actions: readonly {
    readonly name: string
    readonly label: string
    readonly states: readonly MemberState[]
  }[]
  /** To be sent as the header `x-sessionmesh-token` with every POST. */
  readonly token: string
}

/**
 * `POST session` with `{ ref }` or `{ sid }` (an id does not belong into an address, which is logged). 404 when no member that
 * answers holds anything of it.
 */
export interface ShownSession {
  readonly ref: Ref
  readonly sid?: string | undefined
  /** As each member holds it. */
  readonly members: readonly {
    readonly id: string
    readonly name: string
    /** `undefined`: it holds nothing of it. */
    readonly report?: ShownReport | undefined
    /** Why it could not be asked. */
    readonly error?: string | undefined
  }[]
  /** All that answer hold the same: the same attributes, with the same stamps and values. */
  readonly isSame: boolean
  /** Values of its attributes as texts, for people; only with `reveal`. */
  readonly values?: Readonly<Record<string, string>> | undefined
  /** What is kept of what happened to it, the oldest first. */
  readonly events: readonly ShownEvent[]
}

export type ShownReport = Omit<SessionReport, 'sid' | 'attributes'> & {
  readonly attributes: readonly ShownAttribute[]
}

export type ShownAttribute = Omit<AttributeReport, 'checksum'>

/** `POST sessions` with `{ by: 'userId', value: '42' }`. */
export interface Found {
  readonly refs: readonly Ref[]
  /** How many there are; `refs` are 100 of them at the most. */
  readonly total: number
}

/** `POST destroy` with `{ ref }`: the session ends for good, on every member. */
export interface Destroyed {
  readonly destroyed: boolean
}

/** With any status from 400 on. */
export interface Refusal {
  /** Stable: `this-machine-only`, `forbidden`, `bad-token`, `bad-request`, `not-found`, `failed`. */
  readonly code: string
  /** For people. */
  readonly message: string
}
