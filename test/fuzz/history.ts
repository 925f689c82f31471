/**
 * One seeded history: honest members that write, join and lose links, and a hostile one among them. After each of its
 * frames is looked whether anything but its link has suffered, and at the end whether the honest ones, left alone, hold
 * the same and all that their users wrote.
 */

import { type Config, type Instant, Packed, resolveConfig, type Value } from '@sessionmesh/core'
import { World } from '../sim/world.js'
import { type Decode, decodeFrame } from './agent.js'
import { BOUNDS, Fault, measure, Prototypes } from './bounds.js'
import { type Honest, isPowerful, read } from './honesty.js'
import { type Attack, Hostile } from './hostile.js'
import { Member } from './member.js'
import { type End, Wires } from './wires.js'

export interface Settings {
  readonly seed: number
  /** Of the hostile member. */
  readonly frames: number
  /** It sends thousands at once, under many names; `undefined`: the seed says whether, and few do. */
  readonly isHeavy?: boolean | undefined
  /** Called now and then, with the number of frames so far: whoever watches sees that it goes on. */
  readonly onProgress?: (frames: number) => void
  /** Faults on purpose, to see that they are found. */
  readonly decode?: Decode
}

export interface Outcome {
  readonly seed: number
  readonly frames: number
  readonly fault: string | undefined
  readonly counts: Record<string, number>
  readonly maxima: Record<string, number>
  readonly slowest: { readonly ms: number; readonly what: string }
}

/** How many a seed stands for, unless fewer are wanted. */
export const FRAMES_OF_A_HISTORY = 5_000
/** Of CPU, for one frame: what a busy machine cannot stretch, and before others take notice. */
export const MAX_FRAME_MS = resolveConfig({}).suspectAfterMs
const SLOW_MS = 5
/** With all links of the hostile member cut. */
const RECOVERY_MS = 60_000
const THOROUGH_EVERY = 256
/** Of frames that are not understood. */
const DELIVERED_SHARE = 0.05
interface Session {
  readonly sid: string
  /** What each member wrote last, under a name of its own. */
  readonly written: Map<string, Value>
  isDestroyed: boolean
}

export function runHistory(settings: Settings): Outcome {
  const history = new History(settings)
  try {
    history.run()
  } catch (error) {
    return history.outcome(error instanceof Error ? `${error.stack}` : String(error))
  } finally {
    history.end()
  }
  return history.outcome(undefined)
}

class History {
  readonly #settings: Settings
  readonly #world: World
  readonly #wires: Wires
  readonly #config: Config
  /** As far ahead of the wall clock may be what a frame tells. */
  readonly #driftMs: number
  readonly #hostile: Hostile
  readonly #members: Member[] = []
  readonly #sessions: Session[] = []
  readonly #sids = new Set<string>()
  readonly #prototypes = new Prototypes()
  readonly #counts: Record<string, number> = {}
  readonly #maxima: Record<string, number> = {}
  /** Without frames by which who holds the secret may do as it likes. */
  readonly #isDecent: boolean
  readonly #decode: Decode
  #slowest = { ms: 0, what: '' }
  #cpu = process.cpuUsage()
  #frames = 0
  #writes = 0
  #sentBytes = 0
  #attack: Attack | undefined
  #warning = ''
  /** The link of this attack was dropped, and why. */
  #refusal: string | undefined

  constructor(settings: Settings) {
    this.#settings = settings
    this.#world = new World(settings.seed, false)
    this.#wires = new Wires(this.#world)
    this.#config = resolveConfig({})
    this.#driftMs = 2 * this.#config.maxClockDriftMs
    const { random } = this.#world
    this.#isDecent = random.chance(0.6)
    const isHeavy = random.chance(0.04) || settings.isHeavy === true
    this.#decode = settings.decode ?? decodeFrame
    this.#hostile = new Hostile(this.#world, this.#wires, this.#driftMs, isHeavy)
  }

  run(): void {
    const { random } = this.#world
    const joiners = random.integer(0, 2)
    for (let i = 0; i < 3; i++) this.#join()
    for (let i = 0; i < 40; i++) this.#work()
    for (let joined = 0; this.#frames < this.#settings.frames; ) {
      this.#world.run(random.skewed(0, 4))
      if (random.chance(0.05)) this.#work()
      if (random.chance(0.0005)) this.#reset()
      if (joined < joiners && random.chance(4 / FRAMES_OF_A_HISTORY)) {
        this.#join()
        joined++
      }
      this.#strike()
    }
    this.#hostile.goAway()
    this.#attack = undefined
    if (this.#isDecent) this.#expectRecovery()
    else this.#world.run(5_000)
    this.#checkThoroughly()
  }

  end(): void {
    for (const { diagnostics } of this.#members) diagnostics.stop()
  }

  outcome(fault: string | undefined): Outcome {
    const { seed } = this.#settings
    const attack = this.#attack
    const where =
      attack === undefined
        ? ''
        : `\nafter frame ${this.#frames} (${attack.how}, ${attack.frame.length} bytes) to ${attack.member.id}: ${Buffer.from(attack.frame.subarray(0, 200)).toString('hex')}`
    return {
      seed,
      frames: this.#frames,
      fault: fault && `${fault}${where}`,
      counts: this.#counts,
      maxima: this.#maxima,
      slowest: this.#slowest,
    }
  }

  // ---- the hostile member ----

  #strike(): void {
    const attack = this.#hostile.attack(this.#members)
    this.#attack = attack
    this.#frames++
    // (The link takes none of these.)
    if (attack.frame.length > this.#config.maxFrameBytes) return this.#count('too large')
    const startedMs = performance.now()
    const reading = read(attack, this.#decode, this.#driftMs)
    const tookMs = performance.now() - startedMs
    // (The machine is not asked each time: it can only cut the link.)
    const isDelivered = reading !== 'refused' || this.#world.random.chance(DELIVERED_SHARE)
    if (!isDelivered) this.#took(tookMs, attack.how)
    if (!isDelivered) this.#count(`${attack.how}: not understood`)
    else if (this.#isDecent && isPowerful(reading, attack, this.#honest, this.#driftMs))
      this.#count('left out')
    else this.#deliver(attack)
    if (this.#frames % THOROUGH_EVERY !== 0) return
    this.#cpu = process.cpuUsage()
    this.#checkThoroughly()
    this.#settings.onProgress?.(this.#frames)
  }

  #deliver(attack: Attack): void {
    const { member, end, frame, how, sender } = attack
    // What is due is not what the frame does.
    member.run(member.replica.flush(member.now))
    const before = this.#stateOf(member)
    this.#refusal = undefined
    this.#sentBytes = 0
    const startedMs = performance.now()
    member.frame(end, frame)
    this.#took(performance.now() - startedMs, how)
    this.#count('delivered')
    this.#count(`${how}: ${this.#refusal === undefined ? 'taken' : 'refused'}`)
    this.#max('sentBytes', this.#sentBytes)
    if (this.#refusal !== undefined) this.#expectUnharmed(member, before)
    else if (sender === undefined && member.replica.isLinked(end.id)) {
      const id = member.replica.peers().find(({ link }) => link === end.id)?.id
      if (id !== undefined) this.#hostile.greeted(attack, id)
    }
    this.#check(member)
  }

  /**
   * (To ask for the CPU costs more than most frames do: of one that was slow it is counted since the last look, which is too
   * much rather than too little.)
   */
  #took(ms: number, how: string): void {
    if (ms < Math.max(SLOW_MS, this.#slowest.ms)) return
    const { user, system } = process.cpuUsage(this.#cpu)
    this.#cpu = process.cpuUsage()
    const cpuMs = Math.min(ms, (user + system) / 1_000)
    const what = `${how}, seed ${this.#settings.seed}, frame ${this.#frames}`
    if (cpuMs > this.#slowest.ms) this.#slowest = { ms: cpuMs, what }
    if (cpuMs > MAX_FRAME_MS) throw new Fault(`a frame took ${ms.toFixed(0)} ms`)
  }

  /** What counts as harm of a frame that is refused: all but the end of its link. */
  #stateOf({ replica, changes }: Member): string {
    const { size, tombstones, heldBytes } = replica
    return `${size} ${tombstones} ${heldBytes === 0} ${changes} ${replica.peers().length} ${replica.digest().length}`
  }

  #expectUnharmed(member: Member, before: string): void {
    const after = this.#stateOf(member)
    // (What was held for this link goes with it.)
    if (after.replace(/(true|false)/, '') !== before.replace(/(true|false)/, ''))
      throw new Fault(`a frame was refused (${this.#refusal}), and did harm: ${before} -> ${after}`)
  }

  get #honest(): Honest {
    return { ids: new Set(this.#members.map(({ id }) => id)), isOurs: (sid) => this.#sids.has(sid) }
  }

  // ---- honest members ----

  #join(): void {
    const name = String.fromCharCode(65 + this.#members.length)
    const member = new Member(this.#world, name, this.#config, {
      decode: this.#decode,
      dial: (from, address) => this.#dial(from, address),
      dropped: (at, end, reason) => this.#dropped(at, end, reason),
      sent: (_, frame) => {
        this.#sentBytes += frame.length
        if (frame.length < 4_000) this.#hostile.record(frame)
      },
      warned: (code, message) => {
        this.#count(`warning: ${code}`)
        this.#warning = message
      },
      anew: ({ id }) => {
        this.#count('began anew')
        if (this.#isDecent) throw new Fault(`${id} begins anew, and loses all that it has`)
      },
    })
    const others = this.#members.map(({ address }) => address)
    this.#members.push(member)
    member.start(others)
    this.#world.run(50)
  }

  #dial(from: Member, address: string): void {
    const { random } = this.#world
    const { id } = from
    // (What a former run dialled is given up when it ends.)
    const after = (ms: number, then: () => void) =>
      this.#world.after(ms, () => {
        if (from.id === id) then()
      })
    const to = this.#members.find((member) => member.address === address)
    if (to !== undefined && to !== from) {
      after(1, () => {
        const end = this.#wires.connect(from, to, address)
        from.linkUp(end)
        to.linkUp(end.peer)
      })
    } else if (address === 'm:7373' || random.chance(0.05)) {
      after(1, () => {
        const end = this.#wires.connect(from, this.#hostile, address)
        this.#hostile.accepted(from, end.peer)
        from.linkUp(end)
      })
    } else if (random.chance(0.3)) after(1, () => from.dialFailed(address, 'refused'))
    else after(1_000, () => from.dialFailed(address, 'unreachable'))
  }

  #dropped(at: Member, end: End, reason: string): void {
    this.#count(`dropped: ${reason}`)
    if (end === this.#attack?.end) this.#refusal ??= reason
    const { owner } = end.peer
    if (owner === this.#hostile || !this.#isDecent || reason === 'duplicate') return
    throw new Fault(`${at.id} cut its link to ${(owner as Member).id}: ${reason}: ${this.#warning}`)
  }

  /** One honest link breaks. */
  #reset(): void {
    const member = this.#world.random.pick(this.#members)
    const ends = [...member.ends.values()].filter(({ peer }) => peer.owner !== this.#hostile)
    if (ends.length > 0) this.#world.random.pick(ends).terminate()
  }

  // ---- their users ----

  #work(): void {
    const { random } = this.#world
    const member = random.pick(this.#members)
    if (!member.isReady) return
    const share = random.next()
    if (this.#sessions.length < 12 || share < 0.02) this.#create(member)
    const session = random.pick(this.#sessions)
    const { replica, now } = member
    if (share < 0.6) this.#write(member, session, now)
    else if (share < 0.8) member.run(replica.touch(session.sid, undefined, now).effects)
    else if (share < 0.82) this.#destroy(member, session, now)
    else if (share < 0.9) this.#read(member, session, now)
    else if (share < 0.92)
      void member.diagnostics.report({ of: random.pick(this.#members).id }).catch(() => {})
    else member.run(replica.flush(now))
  }

  #create(member: Member): void {
    const { random } = this.#world
    // (Nobody can make up the id of a session that is to come.)
    const sid = `${random.integer(0, 2 ** 31).toString(36)}.${random.integer(0, 2 ** 31).toString(36)}`
    const session: Session = { sid, written: new Map(), isDestroyed: false }
    this.#sessions.push(session)
    this.#sids.add(sid)
    this.#write(member, session, member.now)
  }

  #write(member: Member, session: Session, now: Instant): void {
    const { replica, name } = member
    const { sid, written } = session
    const view = replica.load(sid, now)
    // Not here yet, or over.
    if (view === undefined && written.size > 0) return
    const value = this.#value()
    const next = new Map(view?.base.attributes).set(`of${name}`, value)
    const { written: result, effects } = replica.write(sid, next, { base: view?.base }, now)
    if (result.outcome === 'created' || result.outcome === 'changed') written.set(`of${name}`, value)
    member.run(effects)
  }

  #value(): Value {
    const kinds: readonly Value[] = [
      ++this.#writes,
      `text ${this.#writes}`,
      this.#writes % 2 === 0,
      new Packed(`\x92\x01\xa1${String.fromCharCode(this.#writes & 127)}`),
    ]
    return this.#world.random.pick(kinds)
  }

  #destroy(member: Member, session: Session, now: Instant): void {
    member.run(member.replica.destroy(session.sid, 'none', now).effects)
    session.isDestroyed = true
  }

  /** With a token that names what may not be here yet, or never comes. */
  #read(member: Member, { sid }: Session, now: Instant): void {
    const { random } = this.#world
    const origin = random.pick(this.#members).id
    const token = [{ time: now.wallMs - random.integer(0, 20), counter: 0, origin }]
    member.run(member.replica.catchUp(sid, token, now).effects)
  }

  // ---- what has to hold ----

  #check(member: Member): void {
    for (const [name, value] of Object.entries(measure(member))) this.#max(name, value)
    for (const name in {}) throw new Fault(`every object has ${name} by now`)
  }

  #checkThoroughly(): void {
    this.#prototypes.check()
    for (const member of this.#members) {
      this.#check(member)
      const { replica, now } = member
      const latestMs = now.wallMs + this.#driftMs + 1
      for (const { time, counter, origin } of replica.digest())
        if (!(time <= latestMs && time >= 0 && counter <= 2 ** 31))
          throw new Fault(`${member.id} claims ${time}.${counter}@${origin} at ${now.wallMs}`)
      for (const record of replica.records())
        if (!Number.isFinite(record.accessedMs) || record.accessedMs > now.monoMs + 1)
          throw new Fault(
            `${member.id} has ${record.sid} used at ${record.accessedMs}, and it is ${now.monoMs}`,
          )
    }
  }

  #expectRecovery(): void {
    const untilMs = this.#world.nowMs + RECOVERY_MS
    for (let wrong = 'it'; wrong !== ''; ) {
      this.#world.run(1_000)
      wrong = this.#wrong()
      if (wrong !== '' && this.#world.nowMs > untilMs)
        throw new Fault(`left alone for ${RECOVERY_MS / 1_000} s, ${wrong}`)
    }
  }

  /** What is not as it should be, yet. */
  #wrong(): string {
    for (const member of this.#members) {
      const { id, isReady, replica, now } = member
      if (!isReady) return `${id} has not joined`
      for (const other of this.#members) {
        if (other === member) continue
        const peer = replica.peers().find((each) => each.id === other.id)
        if (peer?.state !== 'alive') return `${id} holds ${other.id} for ${peer?.state}`
        if (!other.replica.covers(replica.digest().filter(({ origin }) => this.#isHonest(origin))))
          return `${other.id} lacks writes that ${id} has`
      }
      for (const { sid, written, isDestroyed } of this.#sessions) {
        const view = replica.load(sid, now)
        if (isDestroyed ? view !== undefined : view === undefined)
          return `${id} ${isDestroyed ? 'shows' : 'has lost'} session ${sid}, which ${isDestroyed ? 'was destroyed' : 'lives'}`
        for (const [name, value] of isDestroyed ? [] : written) {
          const held = view?.base.attributes.get(name)
          const text = (each: Value | undefined) =>
            each instanceof Packed ? `packed ${each.latin1}` : `${each}`
          if (text(held) !== text(value))
            return `${id} has ${name}: ${text(held)} in ${sid}, instead of ${text(value)}`
        }
      }
    }
    return ''
  }

  #isHonest(origin: string): boolean {
    return this.#members.some(({ id }) => id === origin)
  }

  #count(name: string): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1
  }

  #max(name: string, value: number): void {
    if (value > (this.#maxima[name] ?? 0)) this.#maxima[name] = value
    const bound = BOUNDS[name]
    if (bound !== undefined && value > bound)
      throw new Fault(`${name}: ${value}, and at most ${bound} are allowed`)
  }
}
