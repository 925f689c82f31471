/**
 * From an authenticated connection to the one link between two members: hello from both ends, checks, and
 * the choice between two connections that crossed.
 */

import type { Context } from './context.js'
import { type ErrorCode, isErrorCode, SessionMeshError } from './errors.js'
import { LinkClock } from './link-clock.js'
import type { LinkId, Peer } from './members.js'
import { type Hello, PROTOCOL, type RosterEntry } from './messages.js'
import { type Told, type Verdict, verdictOf } from './parts.js'
import { type Purge, Purged } from './purged.js'
import type { Instant } from './stamp.js'

interface Connection {
  readonly dialled: string | undefined
  readonly remoteHost: string
  readonly sinceMs: number
  /** Which of the dialler's dials it is, counted from 1. */
  dial: number
  /** Our hello, by which both ends decide. */
  readonly told: Told
  peer: Peer | undefined
  readonly clock: LinkClock
}

export interface Established {
  readonly peer: Peer
  readonly roster: readonly RosterEntry[]
  /** The link that this one takes the place of. */
  readonly replaced: LinkId | undefined
}

// Close reasons that are no fault.

/** Nothing comes on this link any more. */
export const SILENT = 'silent'
export const DUPLICATE = 'duplicate'
const SELF = 'self'
/** Who says so holds us for gone, whatever made him believe it; or he goes himself. */
export const LEFT = 'leave'
const YIELD = 'starts afresh'
/** The peer has merged what may not come here, or told of what is past: the next hellos tell who has to begin anew. */
export const OTHER_PART = 'other part'

/** One end does not want the other: no link that broke. */
function isRejection(reason: string): boolean {
  return isErrorCode(reason) || [DUPLICATE, SELF, YIELD].includes(reason)
}

export class Handshake {
  readonly #context: Context
  readonly #onForgotten: (address: string, purged: readonly Purge[]) => void
  readonly #connections = new Map<LinkId, Connection>()
  #dials = 0

  /** @param onForgotten who answers there went on without this member for too long: it must start afresh. */
  constructor(context: Context, onForgotten: (address: string, purged: readonly Purge[]) => void) {
    this.#context = context
    this.#onForgotten = onForgotten
  }

  /** Some connection has not said hello yet. */
  get isWaiting(): boolean {
    for (const { peer } of this.#connections.values()) if (peer === undefined) return true
    return false
  }

  /** Every connection on which we have said hello. */
  links(): LinkId[] {
    return [...this.#connections.keys()]
  }

  /** The member at the other end, once the link is established. */
  peerOf(link: LinkId): Peer | undefined {
    return this.#connections.get(link)?.peer
  }

  /** A moment on the clock of the other end as one on ours. */
  toLocal(link: LinkId, sentMs: number, now: Instant): number {
    return this.#connections.get(link)?.clock.toLocal(sentMs, now) ?? now.monoMs
  }

  /** Connections on which the other end has not said hello in time. */
  mute(now: Instant): LinkId[] {
    return this.links().filter((link) => this.isMute(link, now))
  }

  /** One of these. */
  isMute(link: LinkId, now: Instant): boolean {
    const { peer, sinceMs = now.monoMs } = this.#connections.get(link) ?? {}
    return peer === undefined && now.monoMs - sinceMs > this.#context.config.deadAfterMs
  }

  /**
   * What the other end tells of others, as seen from here: its own machine's loopback is where we see it, and
   * link-local addresses are on the network by which we see it (a zone names an interface of one host: RFC 4007).
   */
  fromHere(link: LinkId, roster: readonly RosterEntry[]): readonly RosterEntry[] {
    const remoteHost = this.#connections.get(link)?.remoteHost
    if (remoteHost === undefined || LOOPBACK.test(remoteHost)) return roster
    return roster.map((entry) => ({ ...entry, address: seenFrom(remoteHost, entry.address) }))
  }

  /** Where the other end is, as far as known. */
  addressOf(link: LinkId): string | undefined {
    return this.listensAt(link) ?? this.#connections.get(link)?.remoteHost
  }

  /** Where the other end can be dialled. */
  listensAt(link: LinkId): string | undefined {
    const connection = this.#connections.get(link)
    return connection?.peer?.address ?? connection?.dialled
  }

  begin(
    link: LinkId,
    { dialled, remoteHost }: { dialled?: string | undefined; remoteHost: string },
    now: Instant,
  ): void {
    const { self, cluster, members } = this.#context
    const dial = dialled === undefined ? 0 : ++this.#dials
    // (Retired origins too: of what they removed nobody is to be thought ignorant.)
    const told = { digest: this.#context.digest.all(), purged: this.#context.purged.told() }
    this.#connections.set(link, {
      dialled,
      remoteHost,
      sinceMs: now.monoMs,
      dial,
      told,
      peer: undefined,
      clock: new LinkClock(),
    })
    this.#context.send([link], {
      kind: 'hello',
      sentMs: now.monoMs,
      protocolMin: PROTOCOL.min,
      protocolMax: PROTOCOL.max,
      cluster,
      id: self.id,
      name: self.name,
      address: self.address,
      dial,
      heartbeatMs: this.#context.config.heartbeatMs,
      isJoining: !this.#context.isReady,
      clockMs: now.wallMs,
      ...told,
      roster: members.roster('hello', now),
    })
  }

  /** @throws SessionMeshError when this peer must not be linked. */
  hello(link: LinkId, hello: Hello, now: Instant): Established | undefined {
    const connection = this.#connections.get(link)
    if (connection === undefined) return undefined
    const { dialer, members, self } = this.#context
    if (hello.id === self.id) return this.#drop(link, connection, SELF, hello, now)
    const part = verdictOf(connection.told, hello)
    const isOutdated = part !== undefined && !this.#isStillMissed(part, hello)
    this.#check(hello, connection, isOutdated ? undefined : part, now)
    // (The other end may not know yet, and decides by these hellos: none of this link may count.)
    if (isOutdated) return this.#drop(link, connection, OTHER_PART, hello, now)
    if (part === 'yield') {
      // It refuses what we said in our hello anyway: we come again with nothing.
      this.#onForgotten(filledIn(hello.address, connection.remoteHost), hello.purged)
      return this.#drop(link, connection, YIELD, hello, now)
    }
    if (connection.dialled === undefined) connection.dial = hello.dial
    const known = members.get(hello.id)
    if (known !== undefined && members.isLeaving(known, now))
      return this.#drop(link, connection, LEFT, hello, now)
    const existing = known?.link
    if (known !== undefined && existing !== undefined) {
      // (No sign of life for the link that is: it may be broken, and this one would be refused for ever.)
      if (!this.#isPreferred(connection, known, existing, now))
        return this.#drop(link, connection, DUPLICATE, hello, now)
      this.#connections.delete(existing)
      this.#context.effect({ type: 'drop', link: existing, reason: DUPLICATE })
    }
    const peer = members.established(
      { ...hello, address: filledIn(hello.address, connection.remoteHost) },
      link,
      now,
    )
    peer.heartbeatMs = hello.heartbeatMs
    peer.isJoining = hello.isJoining
    // (Written when the connection began, and not when it is read.)
    members.toldDigest(peer, hello.digest, connection.sinceMs)
    connection.peer = peer
    this.#warnOfTwin(peer, now)
    if (connection.dialled !== undefined) dialer.answered(connection.dialled, peer.id, false, now)
    return { peer, roster: hello.roster, replaced: existing }
  }

  /** The connection is gone. Returns the peer if this was its link. */
  end(link: LinkId, reason: string, now: Instant): { peer: Peer | undefined } | undefined {
    const connection = this.#connections.get(link)
    if (connection === undefined) return undefined
    this.#connections.delete(link)
    const { dialled, peer } = connection
    if (peer === undefined && dialled !== undefined) {
      if (reason === SELF) this.#context.dialer.answered(dialled, this.#context.self.id, true, now)
      // (Who was cut off before he could say hello may have what nobody else has.)
      else this.#context.dialer.failed(dialled, isRejection(reason) ? 'rejected' : 'unreachable', now)
    }
    const isOurs = peer !== undefined && peer.link === link
    if (isOurs) this.#context.members.linkLost(peer, now, reason === DUPLICATE)
    return { peer: isOurs ? peer : undefined }
  }

  /** Who would have to begin anew may have merged, by other links, what it lacked when it said hello on this one. */
  #isStillMissed(part: 'yield' | 'refuse', { id, purged }: Hello): boolean {
    const { digest, members } = this.#context
    if (part === 'yield') return Purged.of(purged).missedBy(digest).length > 0
    const known = members.get(id)
    return known === undefined || this.#context.purged.missedBy(known.digest).length > 0
  }

  #drop(link: LinkId, { dialled }: Connection, reason: string, { id }: Hello, now: Instant): undefined {
    this.#connections.delete(link)
    if (dialled !== undefined) this.#context.dialer.answered(dialled, id, reason === SELF, now)
    // (He may go on to listen there, if it was not he who said goodbye.)
    if (dialled !== undefined && reason === LEFT) this.#context.dialer.failed(dialled, 'rejected', now)
    this.#context.effect({ type: 'drop', link, reason })
    return undefined
  }

  /**
   * Two dials crossed: both ends keep the one that the lower id dialled. Of two from one dialler the later one is
   * the living one, in whatever order they come (two addresses are two ways), and an existing link that is silent is
   * none.
   */
  #isPreferred({ dialled, dial }: Connection, peer: Peer, existing: LinkId, now: Instant): boolean {
    const { self, config } = this.#context
    const former = this.#connections.get(existing)
    const wasDialledByUs = former?.dialled !== undefined
    const isDialledByUs = dialled !== undefined
    if (wasDialledByUs === isDialledByUs) return dial > (former?.dial ?? 0)
    if (now.monoMs - peer.heardMs > 2 * Math.max(config.heartbeatMs, peer.heartbeatMs)) return true
    return isDialledByUs === self.id < peer.id
  }

  /** (One whose successor has its address already is silent.) */
  #warnOfTwin({ id, name, address }: Peer, now: Instant): void {
    const { members, config, self } = this.#context
    const isTwin = (other: Peer) =>
      other.id !== id && other.address === address && now.monoMs - other.heardMs <= 2 * config.heartbeatMs
    const twin = address === self.address ? self : members.linked().find(isTwin)
    if (twin === undefined) return
    const both =
      twin === self
        ? `${name} says that it is at ${address}, as this member does`
        : `${name} and ${twin.name} are both at ${address}`
    const mend = 'give each an address of its own, with `advertise` where a port mapping is in between'
    this.#context.warn(
      'SESSIONMESH_SAME_ADDRESS',
      `${both}, so that only one of them can be dialled: ${mend}`,
      address,
    )
  }

  #check(hello: Hello, { remoteHost }: Connection, part: Verdict, now: Instant): void {
    const { cluster, config } = this.#context
    const at = filledIn(hello.address, remoteHost)
    const refuse = (code: ErrorCode, message: string) =>
      new SessionMeshError(code, `${hello.name} at ${at} ${message}`)
    if (hello.cluster !== cluster) {
      throw refuse(
        'SESSIONMESH_CLUSTER_MISMATCH',
        `is of cluster "${hello.cluster}", this member of "${cluster}"`,
      )
    }
    const aheadMs = Math.round(hello.clockMs - now.wallMs)
    const clocks = `has clock ${hello.clockMs} ms, this member ${now.wallMs} ms (${aheadMs} ms apart): set the clocks by NTP`
    // By both ends: else one would take for a link what the other cuts. (Of the hybrid clocks, which follow the one that is
    // the most ahead, each frame is judged by itself.)
    if (Math.abs(aheadMs) > config.maxClockDriftMs) throw refuse('SESSIONMESH_CLOCK_DRIFT', clocks)
    // Not if it is behind: a hello that was delayed looks so. Where that is the clock, it finds ours ahead.
    if (aheadMs > config.clockDriftWarningMs) {
      this.#context.warn('SESSIONMESH_CLOCK_DRIFT', `${hello.name} at ${at} ${clocks}`, at)
    }
    // Not "it knows us and we do not know it": word of it may be on its way to us.
    if (part === 'refuse') {
      throw refuse(
        'SESSIONMESH_FORGOTTEN_MEMBER',
        'was away for longer than forgetDeadAfterMs and missed what was destroyed: it must start afresh',
      )
    }
  }
}

const LOOPBACK = /^(127(\.\d+){3}|\[?::1\]?|localhost)(:\d+)?$/

const LINK_LOCAL = /^\[(fe[89ab][^%\]]*)(%[^\]]*)?\](:\d+)$/i

/** What a peer that is seen at `remoteHost` tells as `address`. (Without a zone to give a link-local one stays as it is.) */
function seenFrom(remoteHost: string, address: string): string {
  if (LOOPBACK.test(address)) return filledIn(address.replace(/^.*:/, ':'), remoteHost)
  const zone = /%.+$/.exec(remoteHost)
  return zone === null ? address : address.replace(LINK_LOCAL, `[$1${zone[0]}]$3`)
}

/** A member that listens everywhere tells no host: it is where we see it. */
function filledIn(address: string, remoteHost: string): string {
  if (!address.startsWith(':')) return address
  return remoteHost.includes(':') ? `[${remoteHost}]${address}` : `${remoteHost}${address}`
}
