/**
 * What heartbeats say, from both ends. Most say what the one before said: links lose nothing, so that is left out, and who
 * reads one knows it from the one before.
 */

import type { Context } from './context.js'
import type { DigestEntries } from './digest.js'
import { SessionMeshError } from './errors.js'
import type { LinkId } from './members.js'
import type { Heartbeat, RosterEntry } from './messages.js'
import type { Instant } from './stamp.js'

type Roster = readonly RosterEntry[]

/** With what was left out. */
interface Said {
  readonly digest: DigestEntries
  readonly roster: Roster
}

interface Heard extends Said {
  /** When it was last heeded. */
  atMs: number
}

export class Heartbeats {
  readonly #context: Context
  readonly #fromHere: (link: LinkId, roster: Roster) => Roster
  /** What was said last, and on which links. */
  #said: Said = { digest: [], roster: [] }
  #saidOn: ReadonlySet<LinkId> = new Set()
  /** What was heard last on each link, addresses as they are from here. */
  readonly #heard = new Map<LinkId, Heard>()

  constructor(context: Context, fromHere: (link: LinkId, roster: Roster) => Roster) {
    this.#context = context
    this.#fromHere = fromHere
  }

  send(now: Instant): void {
    const { members, isReady } = this.#context
    const digest = this.#context.digest.entries()
    const roster = members.roster('heartbeat', now)
    const news = {
      digest: isSame(digest, this.#said.digest, Object.is) ? undefined : digest,
      roster: isSame(roster, this.#said.roster, isSameEntry) ? undefined : roster,
    }
    const links = members.links()
    const knows = (link: LinkId) => this.#saidOn.has(link)
    const beat = { kind: 'heartbeat', sentMs: now.monoMs, isJoining: !isReady } as const
    this.#context.send(links.filter(knows), { ...beat, ...news })
    const others = links.filter((link) => !knows(link))
    this.#context.send(others, { ...beat, digest, roster })
    this.#said = { digest, roster }
    this.#saidOn = new Set(links)
  }

  /**
   * `undefined`: it says nothing new, and nothing is to be done beyond that it was heard. (A few bytes, in which many origins
   * and members are said again, may come by the thousand.)
   * @throws SessionMeshError when it leaves out what was never said on this link.
   */
  heard(link: LinkId, { digest, roster }: Heartbeat, { monoMs }: Instant): Said | undefined {
    const before = this.#heard.get(link)
    if (before !== undefined && digest === undefined && roster === undefined) {
      if (monoMs - before.atMs < this.#context.config.heartbeatMs / 2) return undefined
      before.atMs = monoMs
      return before
    }
    const heard = {
      digest: digest ?? before?.digest ?? refuse(),
      roster: roster === undefined ? (before?.roster ?? refuse()) : this.#fromHere(link, roster),
      atMs: monoMs,
    }
    this.#heard.set(link, heard)
    return heard
  }

  linkGone(link: LinkId): void {
    this.#heard.delete(link)
  }
}

function isSame<T>(a: readonly T[], b: readonly T[], isSameItem: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((item, i) => isSameItem(item, b[i] as T))
}

function isSameEntry(a: RosterEntry, b: RosterEntry): boolean {
  return a.id === b.id && a.state === b.state && a.address === b.address && a.name === b.name
}

function refuse(): never {
  throw new SessionMeshError(
    'SESSIONMESH_BAD_FRAME',
    'A frame is refused: a heartbeat leaves out what none before it said',
  )
}
