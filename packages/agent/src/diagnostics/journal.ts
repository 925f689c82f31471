/** The latest events of this member, for who comes to look after something has happened. */

import type { ClusterEvents, Member } from '../types.js'
import type { DiagnosticEvent } from './types.js'

/** Changes of sessions are many, and must not push out what happened to the cluster. */
const MAX_SESSION_EVENTS = 2_000
const MAX_OTHERS = 1_000
/** In one report, of each of the two. */
const MAX_TOLD = 500
/** Of attributes, in one event. */
const MAX_NAMES = 50
const MAX_NAME = 100
/** Of a message, and of an id. */
const MAX_TEXT = 1_000

export class Journal {
  readonly #ofSessions = new Ring<DiagnosticEvent>(MAX_SESSION_EVENTS)
  readonly #others = new Ring<DiagnosticEvent>(MAX_OTHERS)
  #last = 0

  get last(): number {
    return this.#last
  }

  add(event: Omit<DiagnosticEvent, 'number' | 'atMs'>, atMs: number): void {
    const ring = event.sid === undefined ? this.#others : this.#ofSessions
    ring.push({ number: ++this.#last, atMs, ...event })
  }

  /** The latest of those after `number`, and how many more there were. */
  after(number: number): { events: DiagnosticEvent[]; omitted: number } {
    // (What is no number of ours is as if it were the first time.)
    const since = number > this.#last ? 0 : number
    const isNew = (event: DiagnosticEvent) => event.number > since
    const latest = (ring: Ring<DiagnosticEvent>) => ring.latest(isNew).slice(-MAX_TOLD)
    const events = [...latest(this.#ofSessions), ...latest(this.#others)].sort((a, b) => a.number - b.number)
    return { events, omitted: this.#last - since - events.length }
  }
}

/** The latest `size` of what was pushed. */
export class Ring<T> {
  readonly #size: number
  readonly #slots: T[] = []
  #next = 0

  constructor(size: number) {
    this.#size = size
  }

  push(value: T): void {
    this.#slots[this.#next] = value
    this.#next = (this.#next + 1) % this.#size
  }

  /** From the newest back as long as they are wanted, in the order in which they came. */
  latest(isWanted: (value: T) => boolean): T[] {
    const found: T[] = []
    for (let back = 1; back <= this.#slots.length; back++) {
      const value = this.#slots.at((this.#next - back) % this.#slots.length)
      if (value === undefined || !isWanted(value)) break
      found.push(value)
    }
    return found.reverse()
  }
}

/** Of sessions each change is noted once in the cluster: where it was made, or is told alone. @param local made here */
export function isNoted(event: keyof ClusterEvents, local: boolean): boolean {
  return local || event === 'session:expired'
}

/** An event of the cluster as it is noted. */
export function asNoted<E extends keyof ClusterEvents>(
  event: E,
  payload: ClusterEvents[E][0],
): Omit<DiagnosticEvent, 'number' | 'atMs'> | undefined {
  if ('sid' in payload) {
    const { sid, changed, local } = payload
    if (!isNoted(event, local)) return undefined
    // (What is longer than any id of a framework is not worth the memory.)
    if (sid.length > MAX_TEXT) return undefined
    return { event, sid, changed: changed.slice(0, MAX_NAMES).map(cutName) }
  }
  if ('code' in payload) {
    const { code, message, address } = payload
    return { event, code, message: message.slice(0, MAX_TEXT), ...(address !== undefined && { address }) }
  }
  if ('member' in payload) return { event, peer: named(payload.member), sessions: payload.sessions.length }
  if ('complete' in payload) {
    const { peer, complete, sessions } = payload
    return { event, peer: named(peer), complete, sessions }
  }
  return { event, peer: named('peer' in payload ? payload.peer : payload) }
}

function cutName(name: string): string {
  return name.length > MAX_NAME ? name.slice(0, MAX_NAME) : name
}

function named({ id, name }: Member): { id: string; name: string } {
  return { id, name }
}
