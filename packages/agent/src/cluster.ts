/** This process's membership of a cluster, as its user sees it. */

import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { getHeapStatistics } from 'node:v8'
import {
  type CoreEvent,
  type Counters,
  type ErrorCode,
  formatStamp,
  type Peer,
  type Purge,
  Replica,
  SessionMeshError,
} from '@sessionmesh/core'
import { formatAddress, isOwn, isWildcard, ownAddresses, shown } from './address.js'
import { Alone } from './alone.js'
import { isSubscribed, publish } from './diagnostics/channels.js'
import { LocalDiagnostics } from './diagnostics/diagnostics.js'
import { asNoted, isNoted } from './diagnostics/journal.js'
import { Searches } from './discovery/searches.js'
import { isThenable, messageOf, stackOf } from './errors.js'
import { roomInFrames } from './frames.js'
import { Kept } from './kept.js'
import { deriveKeys } from './keys.js'
import { Links } from './links.js'
import { RateLimit } from './log.js'
import { heapLimitBytes, type Room, roomIn } from './memory.js'
import { attributesOf } from './merged-attributes.js'
import { type ResolvedOptions, rekeyed, resolveOptions } from './options.js'
import { Runner } from './runner.js'
import { LocalSessions } from './sessions.js'
import { SpecialAttributes } from './special-attributes.js'
import type { Credentials } from './tls.js'
import { Tokens } from './token.js'
import type { Cluster, ClusterEvents, ClusterOptions, Logger, Member, Sessions, Status } from './types.js'

const HEAP_LIMIT_BYTES = heapLimitBytes(getHeapStatistics())
/** Fewer would let one slow handshake keep a peer out, more would let strangers take memory. */
const maxPendingSockets = 64
/** A peer on a LAN answers in milliseconds; a frozen one accepts and never does. */
const handshakeTimeoutMs = 1_000

/**
 * Joins the cluster. Resolves when this member may serve: it has the state of every peer that answered, or
 * knows that there is none. Await it before the HTTP server listens.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`, `SESSIONMESH_BAD_ADDRESS`, `SESSIONMESH_SECRET_REQUIRED`,
 * `SESSIONMESH_WEAK_SECRET`, `SESSIONMESH_PORT_IN_USE`, `SESSIONMESH_LISTEN_FAILED`
 */
export async function joinCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const resolved = resolveOptions(options, process.env)
  // The links exist before the machine does, because only a bound socket knows its port.
  const hooks: { runner?: Runner } = {}
  const links = new Links(
    {
      credentials: resolved.credentials,
      host: resolved.host,
      ports: resolved.ports,
      maxFrameBytes: resolved.config.maxFrameBytes,
      handshakeTimeoutMs,
      maxPendingSockets,
    },
    {
      open: (link) => (hooks.runner ? hooks.runner.onOpen(link) : link.terminate()),
      frame: (link, frame) => hooks.runner?.onFrame(link, frame),
      closed: (link, reason, error) => hooks.runner?.onClosed(link, reason, error),
      dialFailed: (address, failure) => hooks.runner?.onDialFailed(address, failure),
      refused: (remoteHost, message, code) => hooks.runner?.onRefused(remoteHost, message, code),
    },
  )
  const { port } = await links.listen()
  try {
    const agent = new Agent(resolved, links, port)
    hooks.runner = agent.runner
    await agent.join()
    return agent
  } catch (error) {
    await links.close()
    throw error
  }
}

class Agent implements Cluster {
  readonly name: string
  #self: Member
  readonly runner: Runner
  readonly #sessions: LocalSessions
  readonly diagnostics: LocalDiagnostics
  #special: SpecialAttributes
  readonly #options: ResolvedOptions
  readonly #links: Links
  #credentials: Credentials
  readonly #logger: Logger
  readonly #emitter = new EventEmitter()
  readonly #warnings = new RateLimit()
  readonly #port: number
  /** Its own, for people. Once: to ask the system costs more than what most calls that show it do. */
  readonly #shownAddress: string
  #searches: Searches | undefined
  /** Those of former runs, until they have said goodbye. */
  readonly #stopping = new Set<Promise<void>>()
  /** Until this member has joined. */
  #alone: Alone | undefined
  /** What former runs of this process counted. */
  #countedBefore: Counters | undefined
  #repairsTold: Counters | undefined
  /** Nobody can listen before `joinCluster` resolves: what happens until then is told right after. */
  #early: (() => void)[] | undefined = []
  #onReady = () => {}
  #room: Room = 'enough'
  #isDraining = false
  #closing: Promise<void> | undefined
  #hasLeft = false

  constructor(options: ResolvedOptions, links: Links, port: number) {
    const { name, config, credentials, logger } = options
    const address =
      options.advertise ?? (isWildcard(options.host) ? `:${port}` : formatAddress(options.host, port))
    const memberName = options.memberName(port)
    this.name = name
    this.#self = { id: newId(), name: memberName, address, state: 'alive', self: true }
    this.#options = options
    this.#links = links
    this.#credentials = credentials
    this.#special = this.#newSpecial(options)
    this.#port = port
    this.#shownAddress = address.startsWith(':') ? shown(port) : address
    this.#logger = guarded(logger)
    this.#alone = new Alone(options, (own) => own === address || isOwn(own, port) || this.#replica.isOwn(own))
    const runnerOptions = {
      id: this.#self.id,
      roomInFrames: roomInFrames(config),
      maxLinkBufferBytes: config.maxLinkBufferBytes,
      isLoopbackOnly: !options.hasSecret,
    }
    this.runner = new Runner(this.#newReplica(), links, runnerOptions, {
      core: (event) => this.#onCore(event),
      warning: (code, message, where) => this.#warn(code, message, where),
      unproven: (code, message, where) => this.#warnOfStranger(code, message, where),
      dialFailed: (address, report) => this.#alone?.dialFailed(address, report),
      forgotten: (addresses, sought) => this.#beginAnew(addresses, sought),
      aside: (link, wire) => this.diagnostics.onFrame(link, wire),
      closed: (link) => this.diagnostics.onClosed(link),
    })
    this.diagnostics = new LocalDiagnostics({
      config,
      self: () => this.self,
      isReady: () => this.ready,
      replica: () => this.#replica,
      counters: () => this.#counters(),
      links: () => this.runner.links,
      now: () => this.runner.now(),
      sampled: (heapBytes) => this.#watchHeap(heapBytes),
    })
    this.#sessions = new LocalSessions(
      this.runner,
      () => this.#special,
      {
        acks: options.acks,
        ttlMs: config.ttlMs,
        indexBy: options.sessions.indexBy,
        localAttributes: options.sessions.localAttributes,
      },
      this.#newTokens(),
      (member) => this.#member(member),
    )
  }

  get #replica(): Replica {
    return this.runner.replica
  }

  #newSpecial({ sessions }: ResolvedOptions): SpecialAttributes {
    return new SpecialAttributes(sessions, (name, cause) => {
      const message = `The merge of the session attribute "${name}" failed, and one of the values stands for all: ${messageOf(cause)}`
      this.#warn('SESSIONMESH_MERGE_FAILED', message, undefined, name)
    })
  }

  #newReplica(sought?: readonly Purge[]): Replica {
    const { id, name, address } = this.#self
    const { name: cluster, config } = this.#options
    const seenAt = address.startsWith(':') ? ownAddresses(this.#port) : undefined
    const self = { id, name, address, seenAt }
    const observer = this.#special
    return new Replica({ self, cluster, config, random: Math.random, sought, observer, keep: new Kept() })
  }

  #newTokens(): Tokens {
    const keys = deriveKeys(this.#credentials.keyring, 'causal token')
    return new Tokens(keys, this.#options.config.forgetDeadAfterMs)
  }

  /** A run that the others have forgotten must not be taken for the one that comes back. */
  #beginAnew(addresses: readonly string[], sought: readonly Purge[]): void {
    this.#countedBefore = this.#counters()
    this.diagnostics.note({ event: 'anew' })
    this.#self = { ...this.#self, id: newId() }
    this.#special = this.#newSpecial(this.#options)
    this.runner.beginAnew(this.#newReplica(sought), this.#self.id)
    this.#replica.shortOfMemory(this.#room === 'none')
    this.#start(addresses)
  }

  /** Begins to join, and to look for others. */
  #start(addresses: readonly string[]): void {
    const { discoveries, host } = this.#options
    const self = { cluster: this.name, id: this.#self.id, host, port: this.#port }
    this.#stopSearches()
    this.runner.run(this.#replica.start(addresses, this.runner.now(), true))
    this.#searches = new Searches(discoveries, self, {
      found: (address, source, member) => {
        if (source === 'named') this.#alone?.named(address)
        else if (!this.#replica.isReady) this.#alone?.heard(address)
        this.runner.run(this.#replica.candidate(address, source, member, this.runner.now()))
      },
      lost: (address, source) =>
        this.runner.run(this.#replica.candidateGone(address, source, this.runner.now())),
      failed: (message, discovery) => {
        this.#alone?.searchFailed(message)
        this.#warn('SESSIONMESH_DISCOVERY_FAILED', message, undefined, discovery)
      },
      looked: () => this.runner.run(this.#replica.discovered(this.runner.now())),
    })
  }

  get self(): Member {
    const self = { ...this.#self, address: this.#shownAddress }
    return this.#hasLeft ? { ...self, state: 'left' } : self
  }

  get sessions(): Sessions {
    return this.#sessions
  }

  get ready(): boolean {
    return this.#replica.isReady && !this.#isDraining
  }

  async join(): Promise<void> {
    const { host, hasSecret, isSecretUnset } = this.#options
    const open = `${host} is open to every process of this machine`
    const mend =
      'set it (is its variable set?), to the same on all servers; `npx sessionmesh secret` makes one'
    if (isSecretUnset) this.#warn('SESSIONMESH_NO_SECRET', `The secret given is empty: ${open}; ${mend}`)
    else if (!hasSecret) this.#logger.warn(`No secret: ${open}`)
    const ready = new Promise<void>((resolve) => {
      this.#onReady = resolve
    })
    this.diagnostics.start()
    this.#start([])
    await ready
    setImmediate(() => {
      const early = this.#early ?? []
      this.#early = undefined
      for (const tell of early) tell()
      const isAlone = this.#replica.peers().every(({ link }) => link === undefined)
      const reason = isAlone ? this.#alone?.reason() : undefined
      if (reason !== undefined) this.#warn('SESSIONMESH_ALONE', reason)
      this.#alone = undefined
    })
  }

  members(): Member[] {
    return [this.self, ...this.#replica.peers().map(memberOf)]
  }

  status(): Status {
    return {
      cluster: this.name,
      self: this.self,
      members: this.members(),
      ready: this.ready,
      sessions: this.#replica.size,
      tombstones: this.#replica.tombstones,
      candidates: this.#replica.candidates,
      pending: this.#replica.pending,
      heldBytes: this.#replica.heldBytes,
      strangers: this.runner.strangers,
      links: this.diagnostics.links(),
      digest: Object.fromEntries(this.#replica.digest().map((stamp) => [stamp.origin, formatStamp(stamp)])),
      counters: this.#counters(),
    }
  }

  #counters(): Counters {
    const counters = { ...this.#replica.counters }
    const before = this.#countedBefore
    if (before === undefined) return counters
    for (const name of Object.keys(counters) as (keyof Counters)[]) counters[name] += before[name]
    return counters
  }

  on<E extends keyof ClusterEvents>(event: E, listener: (...args: ClusterEvents[E]) => void): this {
    this.#emitter.on(event, listener)
    return this
  }

  once<E extends keyof ClusterEvents>(event: E, listener: (...args: ClusterEvents[E]) => void): this {
    this.#emitter.once(event, listener)
    return this
  }

  off<E extends keyof ClusterEvents>(event: E, listener: (...args: ClusterEvents[E]) => void): this {
    this.#emitter.off(event, listener)
    return this
  }

  drain(): void {
    if (this.#isDraining) return
    this.#beginToDrain()
    this.#logger.info(
      `${this.self.name} is draining: it serves what still comes, and tells that it is not ready`,
    )
  }

  #beginToDrain(): void {
    this.#isDraining = true
    this.#emit('draining', this.self)
  }

  rekey(keys: Pick<ClusterOptions, 'secret' | 'tls'>): void {
    if (this.#closing !== undefined)
      throw new SessionMeshError(
        'SESSIONMESH_CLOSED',
        'This member has left the cluster: its keys are of no use.',
      )
    this.#credentials = rekeyed(this.#credentials, this.#options.hasSecret, keys)
    this.#sessions.rekey(this.#newTokens())
    this.#links.rekey(this.#credentials)
    this.#logger.info(`${this.self.name} has other keys`)
  }

  close(): Promise<void> {
    if (!this.#isDraining) this.#beginToDrain()
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#sessions.close()
    this.runner.flushNow()
    // A goodbye hands over all sessions, so every peer should hold what this member has before it is said.
    const { ack, effects } = this.#replica.handOver(this.runner.now())
    const held = this.runner.acked(ack)
    this.runner.run(effects)
    const { peers, missing } = await held
    const isCutOff =
      peers === 0 && this.#replica.size > 0 && this.members().some(({ state }) => state === 'dead')
    if (missing !== undefined || isCutOff) this.#warn(missing ?? 'SESSIONMESH_NO_PEER', notHandedOver(peers))
    this.#stopSearches()
    this.diagnostics.stop()
    await Promise.all([...this.#stopping, this.runner.leave()])
    this.#hasLeft = true
    this.diagnostics.note({ event: 'left' })
    this.#logger.info(`${this.self.name} has left cluster ${this.name}`)
    this.#emitter.removeAllListeners()
  }

  #stopSearches(): void {
    if (this.#searches === undefined) return
    const stopping = this.#searches.stop().finally(() => this.#stopping.delete(stopping))
    this.#stopping.add(stopping)
    this.#searches = undefined
  }

  #member(id: string): Member | undefined {
    return id === this.self.id ? this.self : this.members().find((member) => member.id === id)
  }

  #watchHeap(bytes: number): void {
    const room = roomIn(this.#room, bytes, HEAP_LIMIT_BYTES)
    if (room === this.#room) return
    this.#room = room
    this.#replica.shortOfMemory(room === 'none')
    const percent = Math.round((100 * bytes) / HEAP_LIMIT_BYTES)
    const what =
      room === 'none' ? 'no session begins until there is more' : 'from nine tenths on no session begins'
    const message = `The heap is at ${percent} % of its limit, ${Math.round(HEAP_LIMIT_BYTES / 2 ** 20)} MiB: ${what}`
    if (room !== 'enough') this.#warn('SESSIONMESH_SHORT_OF_MEMORY', message, undefined, room)
  }

  #onCore(event: CoreEvent): void {
    switch (event.type) {
      case 'ready':
        this.#logger.info(
          `${this.self.name} has joined cluster ${this.name} with ${this.#replica.size} sessions`,
        )
        this.diagnostics.note({ event: 'joined', sessions: this.#replica.size })
        return this.#onReady()
      case 'member':
        this.#logger.info(`${event.peer.name} at ${event.peer.address} is ${event.state}`)
        // It may be in another state by now, if much happened at once.
        return this.#emit(`member:${event.state}`, { ...memberOf(event.peer), state: event.state })
      case 'takeover':
        this.#logger.info(`${event.sids.length} sessions of ${event.peer.name} are taken over`)
        return this.#emit('takeover', { member: memberOf(event.peer), sessions: event.sids })
      case 'sync':
        return this.#onSync(event)
      case 'session': {
        const { sid, owned, local } = event
        const name = SESSION_EVENTS[event.change]
        // Most applications listen to none of these, and there are some for each write.
        if (!isNoted(name, local) && !this.#isHeard(name)) return
        return this.#emit(name, { sid, changed: attributesOf(event.changed), owned, local })
      }
      case 'warning':
        return this.#onWarning(event)
    }
  }

  #onWarning({ code, message, address }: Extract<CoreEvent, { type: 'warning' }>): void {
    // (From a peer that cuts a link comes nothing but the code.)
    const isCutThere = message.endsWith(`: ${code}`)
    if (isCutThere) return this.#warn(code, message + (MENDS_OF_CUTS[code] ?? ''), address)
    if (code === 'SESSIONMESH_TOO_MANY_SESSIONS' && address !== undefined)
      this.#alone?.broughtTooMany(address)
    const isAwaited = code === 'SESSIONMESH_JOIN_TIMEOUT' && address !== undefined
    const text = isAwaited ? this.#alone?.awaited(address, message) : undefined
    this.#warn(code, text ?? message, address)
  }

  #onSync(event: Extract<CoreEvent, { type: 'sync' }>): void {
    const peer = memberOf(event.peer)
    if (event.phase === 'start') {
      this.#logger.debug(`Asks ${peer.name} for all that is lacking here${this.#repairs()}`)
      return this.#emit('sync:start', { peer })
    }
    const { complete, sessions } = event
    this.#logger.debug(`Transfer from ${peer.name}: ${complete ? `${sessions} records` : 'broken off'}`)
    this.#emit('sync:end', { peer, complete, sessions })
  }

  /** What was amiss since the last time, as in ` (gaps: 1)`. */
  #repairs(): string {
    const counters = this.#counters()
    const names = ['gaps', 'stalls', 'fetches'] as const
    const news = names.map((name) => ({ name, count: counters[name] - (this.#repairsTold?.[name] ?? 0) }))
    this.#repairsTold = counters
    const told = news.filter(({ count }) => count > 0).map(({ name, count }) => `${name}: ${count}`)
    return told.length === 0 ? '' : ` (${told.join(', ')})`
  }

  /** What the user named is told of one by one. The rest is one source: who floods a network has ever new addresses. */
  #warnOfStranger(code: ErrorCode, message: string, where: string): void {
    this.#warn(code, message, where, this.#searches?.isNamed(where) ? where : 'hearsay')
  }

  /** @param source of such warnings, each of which is told now and then */
  #warn(code: ErrorCode, message: string, address?: string, source = address ?? ''): void {
    const suppressed = this.#warnings.pass(`${code} ${source}`, Date.now())
    if (suppressed === undefined) return
    const text = suppressed === 0 ? message : `${message} (and ${suppressed} more like it)`
    this.#logger.warn(`${code}: ${text}`)
    this.#emit('warning', { code, message: text, address })
    // A cluster that does not form looks like one that works, until a user is logged out.
    if (!this.#options.isLogged) this.#whenJoined(() => this.#tellConsole(code, text))
  }

  #tellConsole(code: ErrorCode, text: string): void {
    if (this.#emitter.listenerCount('warning') === 0) console.warn(`sessionmesh: ${code}: ${text}`)
  }

  #whenJoined(tell: () => void): void {
    if (this.#early === undefined) tell()
    else this.#early.push(tell)
  }

  #emit<E extends keyof ClusterEvents>(event: E, ...args: ClusterEvents[E]): void {
    const noted = asNoted(event, args[0])
    if (noted !== undefined) this.diagnostics.note(noted)
    if (this.#early === undefined) this.#tell(event, args)
    else this.#early.push(() => this.#tell(event, args))
  }

  #isHeard(event: keyof ClusterEvents): boolean {
    return this.#early !== undefined || this.#emitter.listenerCount(event) > 0 || isSubscribed(event)
  }

  #tell<E extends keyof ClusterEvents>(event: E, args: ClusterEvents[E]): void {
    publish(event, () => ({ cluster: this.name, self: this.self, event: args[0] }))
    const listeners = this.#emitter.rawListeners(event) as ((...args: ClusterEvents[E]) => unknown)[]
    for (const listener of listeners) this.#call(event, () => Reflect.apply(listener, this, args))
  }

  /** A listener's fault is not the cluster's, nor that of the next one: the protocol goes on, and all are told. */
  #call(event: string, tell: () => unknown): void {
    try {
      const done = tell()
      if (isThenable(done)) Promise.resolve(done).catch((error) => this.#listenerFailed(event, error))
    } catch (error) {
      this.#listenerFailed(event, error)
    }
  }

  #listenerFailed(event: string, error: unknown): void {
    const text = `A listener of "${event}" failed: ${stackOf(error)}`
    this.#logger.error(text)
    if (!this.#options.isLogged) console.error(`sessionmesh: ${text}`)
  }
}

/** Of what the other end of a link cut it for. */
const MENDS_OF_CUTS: Partial<Record<ErrorCode, string>> = {
  SESSIONMESH_TOO_MANY_SESSIONS:
    '. What is here is more than the limits there allow: give all members the same maxSessions, maxTombstones and maxTotalBytes, and heaps alike',
  SESSIONMESH_FRAME_TOO_LARGE: '. Give all members the same maxFrameBytes',
  SESSIONMESH_CLOCK_DRIFT: '. Set the clocks of both by NTP',
}

const SESSION_EVENTS = {
  created: 'session:created',
  changed: 'session:changed',
  destroyed: 'session:destroyed',
  expired: 'session:expired',
} as const

function newId(): string {
  return randomBytes(9).toString('base64url')
}

function memberOf({ id, name, address, state }: Peer): Member {
  return { id, name, address, state, self: false }
}

function notHandedOver(peers: number): string {
  const held = peers === 0 ? 'nobody else holds' : `only ${peers} of the others hold`
  return `This member leaves, and ${held} all that it had: what it alone held is gone`
}

/** A logger that throws is its owner's fault, and must not stop the protocol. */
function guarded(logger: Logger): Logger {
  const guard = (level: keyof Logger) => (message: string) => {
    try {
      logger[level](message)
    } catch {
      // There is nowhere to say it.
    }
  }
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') }
}
