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

export class Heartbeats {
  readonly #context: Context
  readonly #fromHere: (link: LinkId, roster: Roster) => Roster
  /** What was said last, and on which links. */
  #said: Said = { digest: [], roster: [] }
  #saidOn: ReadonlySet<LinkId> = new Set()
  /** What was heard last on each link, addresses as they are from here. */
  readonly #heard = new Map<LinkId, Said>()

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

  /** @throws SessionMeshError when it leaves out what was never said on this link. */
  heard(link: LinkId, { digest, roster }: Heartbeat): Said {
    const before = this.#heard.get(link)
    if (before !== undefined && digest === undefined && roster === undefined) return before
    const said = {
      digest: digest ?? before?.digest ?? refuse(),
      roster: roster === undefined ? (before?.roster ?? refuse()) : this.#fromHere(link, roster),
    }
    this.#heard.set(link, said)
    return said
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
