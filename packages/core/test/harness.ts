/**
 * A few machines, an in-memory network and one virtual clock, for tests of what members do to each other.
 * Messages travel as packed wires, so that nothing is shared; links can be cut, held back, and looked into.
 * Each member has a monotonic clock of its own: comparing two of them would show.
 */

import type { Effect } from '../src/events.js'
import { type Config, type LinkId, type Message, packMessage, resolveConfig } from '../src/index.js'
import { Member, type MemberOptions } from './member.js'

interface End {
  readonly member: Member
  readonly link: LinkId
  readonly dialled: string | undefined
  readonly inbox: Frame[]
  isOpen: boolean
  peer: End
}

type Frame =
  | { readonly type: 'up' }
  | { readonly type: 'message'; readonly message: Message; readonly wire: unknown; readonly resume: boolean }
  | { readonly type: 'closed'; readonly reason: string }

/** Tests that look at what is forgotten do not want to wait for it. */
const SOON: Partial<Config> = { tombstoneGraceMs: 1 }

export class Net {
  /** Virtual time. */
  ms = 0
  readonly #config: Partial<Config>
  readonly #members: Member[] = []
  readonly #ends: End[] = []
  readonly #cut = new Set<string>()
  readonly #held = new Set<string>()
  /** Addresses where a dial neither succeeds nor fails. */
  readonly silent = new Set<string>()
  /** Connections of which nothing is read by itself, not even that they are there. */
  readonly unread = new Set<LinkId>()
  #dials: { member: Member; address: string }[] = []
  #lastLink = 0

  constructor(config: Partial<Config> = {}) {
    this.#config = config
  }

  /** A member that does nothing yet, and accepts links. */
  member(name: string, options: MemberOptions = {}): Member {
    const run = 1 + this.#members.filter((member) => member.name === name).length
    const config = resolveConfig({ ...SOON, ...this.#config, ...options.config })
    const member = new Member(this, name, run, options, config, this.#members.length + 1)
    this.#members.push(member)
    return member
  }

  start(member: Member, ...peers: readonly (Member | string)[]): Member {
    const addresses = peers.map((peer) => (typeof peer === 'string' ? peer : peer.address))
    member.start(addresses)
    return member
  }

  /** Members that all know each other, are linked and ready; what they did to get there is not recorded. */
  cluster<T extends readonly string[]>(...names: T): { [I in keyof T]: Member } {
    const members = names.map((name) => this.member(name)) as { [I in keyof T]: Member }
    for (const member of members) this.start(member, ...members.filter((other) => other !== member))
    this.run(2 * resolveConfig(this.#config).heartbeatMs)
    for (const member of members) member.forgetLog()
    return members
  }

  /** Breaks the links between two members; new ones fail without an answer until they are healed. */
  cut(a: Member, b: Member): void {
    this.#cut.add(way(a, b)).add(way(b, a))
    this.breakLink(a, b)
  }

  heal(a: Member, b: Member): void {
    this.#cut.delete(way(a, b))
    this.#cut.delete(way(b, a))
  }

  breakLink(a: Member, b: Member): void {
    for (const end of this.#between(a, b)) this.#close(end, 'closed')
  }

  /** Frames from `a` to `b` are kept back until `release`, in order. */
  hold(a: Member, b: Member): void {
    this.#held.add(way(a, b))
  }

  release(a: Member, b: Member): void {
    this.#held.delete(way(a, b))
    this.settle()
  }

  /** What is on its way from `a` to `b`. */
  inFlight(a: Member, b: Member): Message[] {
    const frames = this.#between(b, a).flatMap((end) => end.inbox)
    return frames.flatMap((frame) => (frame.type === 'message' ? [frame.message] : []))
  }

  /** Lets the first frame of a held direction through. */
  deliverOne(a: Member, b: Member): void {
    for (const end of this.#between(b, a)) if (this.#deliver(end)) return this.settle()
    throw new Error(`nothing is on its way from ${a.name} to ${b.name}`)
  }

  /** Throws away what is on its way, as no real link does: for tests of the net under the net. */
  lose(a: Member, b: Member): void {
    for (const { inbox } of this.#between(b, a)) inbox.splice(0)
  }

  /** A gap: `a` writes a session `lost` that never reaches `b`, and what it sends after that is held back. */
  loseWrite(a: Member, b: Member): void {
    this.hold(a, b)
    a.write('lost', { x: '1' })
    this.settle()
    this.lose(a, b)
  }

  /** SIGKILL: links close, frames held back are lost, dials are refused. */
  kill(member: Member): void {
    member.isDown = true
    for (const end of this.#ends) {
      if (end.member === member) this.#close(end, 'closed')
    }
    this.settle()
  }

  /** SIGSTOP: nothing is read and no timer runs; others can still connect and send. */
  freeze(member: Member): void {
    member.isFrozen = true
  }

  /** What was queued may be read before its timers judge anybody; both come at once. */
  thaw(member: Member, { timersFirst = false } = {}): void {
    member.isFrozen = false
    if (!timersFirst) this.settle()
    member.tick()
    this.settle()
  }

  /** Delivers everything on its way, and what that causes, in no time. */
  settle(): void {
    for (let rounds = 0; this.#round(); rounds++) if (rounds > 5_000) throw new Error('it never settles')
  }

  run(ms: number): void {
    const endMs = this.ms + ms
    this.settle()
    for (let ticks = 0; ; ticks++) {
      if (ticks > 100 * (ms + 10)) throw new Error('a member ticks without end')
      const running = this.#members.filter(({ isDown, isFrozen }) => !isDown && !isFrozen)
      const next = Math.min(...running.map(({ nextTickMs }) => nextTickMs))
      if (next > endMs || running.length === 0) break
      // A member that has not ticked yet is due since ever.
      this.ms = Math.max(this.ms, Math.ceil(next))
      for (const member of running) if (member.nextTickMs <= this.ms) member.tick()
      this.settle()
    }
    this.ms = endMs
    this.settle()
  }

  /** Opens a connection by hand: returns each side's link. */
  connect(from: Member, to: Member): [LinkId, LinkId] {
    const near: Omit<End, 'peer'> = this.#end(from, to.address)
    const far: Omit<End, 'peer'> = this.#end(to, undefined)
    const [a, b] = [near as End, far as End]
    a.peer = b
    b.peer = a
    this.#ends.push(a, b)
    a.inbox.push({ type: 'up' })
    b.inbox.push({ type: 'up' })
    return [a.link, b.link]
  }

  /** Lets a member read one frame of one of its links, and nothing else happen. */
  deliver(member: Member, link: LinkId): void {
    const end = this.#endOf(member, link)
    if (end === undefined || !this.#deliver(end)) throw new Error(`nothing to read on link ${link}`)
  }

  linksBetween(a: Member, b: Member): number {
    return this.#between(a, b).length
  }

  effect(member: Member, effect: Effect): void {
    switch (effect.type) {
      case 'send': {
        const wire = packMessage(effect.message, member.id)
        for (const link of effect.links)
          this.#send(member, link, effect.message, wire, effect.resume === true)
        return
      }
      case 'drop': {
        const end = this.#endOf(member, effect.link)
        if (end !== undefined) this.#close(end, effect.reason, false)
        return
      }
      case 'dial':
        member.dials.push(effect.address)
        if (!this.silent.has(effect.address)) this.#dials.push({ member, address: effect.address })
        return
      case 'notify':
        member.events.push(effect.event)
        return
      case 'forgotten':
        for (const end of this.#ends.filter((each) => each.member === member))
          this.#close(end, 'closed', false)
        return member.beginAnew(effect.addresses, effect.sought)
      case 'flush':
        member.isFlushDue = true
        return
      case 'acked': {
        const { type: _, ...acked } = effect
        member.acked.push(acked)
        return
      }
      case 'caughtUp':
        member.caughtUp.push({ wait: effect.wait, isStale: effect.isStale })
        return
    }
  }

  #round(): boolean {
    const dials = this.#dials
    this.#dials = []
    for (const { member, address } of dials) this.#dial(member, address)
    let progressed = dials.length > 0
    for (const member of this.#members) {
      if (!member.isFlushDue || member.isFrozen || member.isDown) continue
      member.isFlushDue = false
      member.act(member.replica.flush(member.now))
      progressed = true
    }
    for (const end of [...this.#ends])
      if (!this.unread.has(end.link) && !this.#isHeld(end) && this.#deliver(end)) progressed = true
    return progressed
  }

  #dial(member: Member, address: string): void {
    if (member.isDown) return
    const there = this.#members.findLast((other) => other.address === address)
    const isRefused = there === undefined || there.isDown
    if (isRefused || this.#cut.has(way(member, there))) {
      member.act(member.replica.dialFailed(address, isRefused ? 'refused' : 'unreachable', member.now))
    } else this.connect(member, there)
  }

  #send(member: Member, link: LinkId, message: Message, wire: unknown, resume: boolean): void {
    const end = this.#endOf(member, link)
    if (end === undefined || !end.isOpen) return
    member.sent.push({ to: end.peer.member.id, message })
    end.peer.inbox.push({ type: 'message', message, wire: structuredClone(wire), resume })
  }

  #deliver(end: End): boolean {
    const { member, link, inbox, dialled, peer } = end
    if (member.isFrozen || member.isDown) return false
    const frame = inbox.shift()
    if (frame === undefined || !end.isOpen) return false
    const { replica, now } = member
    if (frame.type === 'up') {
      member.act(replica.linkUp(link, { dialled, remoteHost: peer.member.name }, now))
    } else if (frame.type === 'closed') {
      end.isOpen = false
      member.act(replica.linkDown(link, frame.reason, now))
    } else {
      member.act(replica.receive(link, frame.wire, now))
      const sender = peer.member
      if (frame.resume && peer.isOpen) sender.act(sender.replica.drained(peer.link, sender.now))
    }
    return true
  }

  /** The other side reads what was sent before, unless it was held back, then the end. */
  #close(end: End, reason: string, isTold = true): void {
    if (!end.isOpen) return
    end.isOpen = false
    const { member, dialled, inbox } = end
    // A dial that never came to be has to end as well.
    const isUp = inbox.splice(0)[0]?.type !== 'up'
    if (!isUp && dialled !== undefined && !member.isDown)
      member.act(member.replica.dialFailed(dialled, 'unreachable', member.now))
    if (this.#isHeld(end.peer)) end.peer.inbox.splice(0)
    end.peer.inbox.push({ type: 'closed', reason })
    if (isTold && isUp && !end.member.isDown)
      end.member.act(end.member.replica.linkDown(end.link, reason, end.member.now))
  }

  #isHeld({ member, peer, inbox }: End): boolean {
    if (!this.#held.has(way(peer.member, member))) return false
    // A hello is never kept back: what is tested is what happens on links.
    const first = inbox[0]
    return first !== undefined && first.type === 'message' && first.message.kind !== 'hello'
  }

  #end(member: Member, dialled: string | undefined): Omit<End, 'peer'> {
    return { member, link: ++this.#lastLink, dialled, inbox: [], isOpen: true }
  }

  #endOf(member: Member, link: LinkId): End | undefined {
    return this.#ends.find((end) => end.member === member && end.link === link)
  }

  /** The open ends at `a` of connections with `b`. */
  #between(a: Member, b: Member): End[] {
    return this.#ends.filter(({ member, peer, isOpen }) => isOpen && member === a && peer.member === b)
  }
}

/** Of processes, not of runs: what is cut stays cut when one of them begins anew. */
function way(from: Member, to: Member): string {
  return `${from.process} ${to.process}`
}
