/** The sessions of the cluster, free of any framework: values in, values out; all reads are local. */

import { type Acks, type Base, type Replica, SessionMeshError, type Stamp } from '@sessionmesh/core'
import { keyOf } from './attribute-index.js'
import { badOption, checkNames, isObject } from './errors.js'
import { ownText } from './kept.js'
import { attributesOf } from './merged-attributes.js'
import { checkAcks } from './options.js'
import type { Runner } from './runner.js'
import type { SpecialAttributes } from './special-attributes.js'
import type { Tokens } from './token.js'
import type { DestroyByOptions, Loaded, Member, Sessions, WriteOptions, WriteResult } from './types.js'
import { isOther, packAttributes, unpackAttributes } from './values.js'

const noAcks = Promise.resolve(0)

export class LocalSessions implements Sessions {
  readonly #runner: Runner
  readonly #special: () => SpecialAttributes
  readonly acks: Acks
  readonly ttlMs: number
  readonly indexBy: readonly string[]
  readonly localAttributes: readonly string[]
  #tokens: Tokens
  readonly #member: (id: string) => Member | undefined
  #isClosed = false

  constructor(
    runner: Runner,
    special: () => SpecialAttributes,
    {
      acks,
      ttlMs,
      indexBy,
      localAttributes,
    }: Pick<Sessions, 'acks' | 'ttlMs' | 'indexBy' | 'localAttributes'>,
    tokens: Tokens,
    member: (id: string) => Member | undefined,
  ) {
    this.#runner = runner
    this.#special = special
    this.acks = acks
    this.ttlMs = ttlMs
    this.indexBy = indexBy
    this.localAttributes = localAttributes
    this.#tokens = tokens
    this.#member = member
  }

  /** Another one after a new beginning. */
  get #replica(): Replica {
    return this.#runner.replica
  }

  get size(): number {
    return this.#replica.size
  }

  load(sid: string): Loaded | undefined {
    const view = this.#replica.load(sid, this.#runner.now())
    if (view === undefined) return undefined
    const { base, ttlMs, remainingMs } = view
    const { merged, local } = this.#special()
    const data = unpackAttributes(merged.view(base))
    local.load(sid, data, base)
    return { data, base, ttlMs, remainingMs }
  }

  catchUp(sid: string, token: string | undefined): Promise<void> | undefined {
    if (this.#isClosed) return undefined
    const { wait, effects } = this.#replica.catchUp(sid, this.#seen(token), this.#runner.now())
    const waiting = wait === undefined ? undefined : this.#runner.caughtUp(wait)
    this.#runner.run(effects)
    // A new run in its place has to be asked anew: it holds nothing until it is ready.
    return waiting?.then((outcome) => (outcome === 'forgotten' ? this.catchUp(sid, token) : undefined))
  }

  token(sid: string, brought: string | undefined): string | undefined {
    const now = this.#runner.now()
    return this.#tokens.encode(this.#replica.token(sid, this.#seen(brought), now), now.wallMs)
  }

  write(sid: string, data: Record<string, unknown>, options: WriteOptions = {}): WriteResult {
    checkOptions('write', options, ['base', 'ttlMs', 'acks'])
    const { base, ttlMs, acks = this.acks } = options
    checkAcks(acks)
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      throw new SessionMeshError(
        'SESSIONMESH_BAD_OPTION',
        'data must be an object: each of its fields is an attribute',
      )
    }
    if (this.#isClosed && base !== undefined && this.has(sid) && !this.differs(data, base))
      return { outcome: 'unchanged', changed: [], base, acked: noAcks }
    this.#checkOpen()
    const { local, merged } = this.#special()
    const packed = packAttributes(local.isEmpty ? data : local.without(data), base?.attributes)
    const held = () => this.#replica.load(sid, this.#runner.now())?.base
    const next = merged.write(this.#runner.id, packed, base, held, (origin) => this.#isGone(origin))
    const { written, effects } = this.#replica.write(
      this.#own(sid),
      next.attributes,
      { base, ttlMs, acks },
      this.#runner.now(),
    )
    if (written.base !== undefined) {
      next.note(written.base)
      if (!local.isEmpty && this.#replica.record(sid) !== undefined) local.save(sid, data, base, written.base)
    }
    const acked = this.#acked(written.ack)
    this.#runner.run(effects)
    const changed = attributesOf(written.changed)
    return { outcome: written.outcome, changed, base: written.base, acked }
  }

  differs(data: Record<string, unknown>, base: Base, aside?: string): boolean {
    const { local, merged } = this.#special()
    if (!local.isEmpty && local.differs(data, base)) return true
    try {
      return isOther(local.isEmpty ? data : local.without(data), merged.view(base), aside)
    } catch {
      return true
    }
  }

  touch(sid: string, options: { ttlMs?: number | undefined } = {}): boolean {
    checkOptions('touch', options, ['ttlMs'])
    const { ttlMs } = options
    // (Nobody would hear of it. But whoever reads touches, and reads go on.)
    if (this.#isClosed) return this.has(sid)
    const { touched, effects } = this.#replica.touch(sid, ttlMs, this.#runner.now())
    this.#runner.run(effects)
    return touched
  }

  destroy(
    sid: string,
    options: { acks?: Acks | undefined } = {},
  ): { destroyed: boolean; acked: Promise<number> } {
    this.#checkOpen()
    checkOptions('destroy', options, ['acks'])
    const { acks = this.acks } = options
    checkAcks(acks)
    const { destroyed, effects } = this.#replica.destroy(this.#own(sid), acks, this.#runner.now())
    const acked = this.#acked(destroyed.ack)
    this.#runner.run(effects)
    return { destroyed: destroyed.destroyed, acked }
  }

  findBy(path: string, value: unknown): string[] {
    const { index } = this.#special()
    if (!index.paths.includes(path))
      throw badOption(
        `There is no index of ${path}: name it in joinCluster({ sessions: { indexBy: [...] } })`,
      )
    if (keyOf(value) === undefined)
      throw badOption(
        `${path} is found by a text, a number, a bigint or a boolean; this is ${value === null ? null : typeof value}`,
      )
    const found = new Set(index.find(path, value).filter((sid) => this.has(sid)))
    // As readers see it: what was fetched for them is not in the records yet.
    for (const record of this.#replica.fetched(this.#runner.now())) {
      if (index.isAt(path, value, record)) found.add(record.sid)
      else found.delete(record.sid)
    }
    return [...found]
  }

  destroyBy(
    path: string,
    value: unknown,
    options: DestroyByOptions = {},
  ): { destroyed: string[]; acked: Promise<number> } {
    this.#checkOpen()
    checkOptions('destroyBy', options, ['where', 'acks'])
    const { where, acks = this.acks } = options
    checkAcks(acks)
    if (where !== undefined && typeof where !== 'function')
      throw badOption(
        'where must be a function of a session that says true or false, as in ({ sid }) => sid !== mine',
      )
    const found = this.findBy(path, value)
    const destroyed = where === undefined ? found : found.filter((sid) => this.#isChosen(sid, where))
    const acked = Promise.all(destroyed.map((sid) => this.destroy(sid, { acks }).acked)).then((peers) =>
      peers.length === 0 ? 0 : Math.min(...peers),
    )
    acked.catch(() => {})
    return { destroyed, acked }
  }

  has(sid: string): boolean {
    return this.#replica.has(sid, this.#runner.now())
  }

  keys(): IterableIterator<string> {
    return this.#replica.keys(this.#runner.now())
  }

  owner(sid: string): Member | undefined {
    const id = this.#replica.owner(sid, this.#runner.now())
    return id === undefined ? undefined : this.#member(id)
  }

  flushed(): Promise<void> | undefined {
    return this.#runner.flushed()
  }

  /** What clients bring and take along from now on. */
  rekey(tokens: Tokens): void {
    this.#tokens = tokens
  }

  /** Reads go on, for requests that are being finished; nobody would hear of writes. */
  close(): void {
    this.#isClosed = true
  }

  /**
   * What is merged here nobody waits for here, whoever says that it was seen. Signed for others it makes its bearer wait there,
   * and nobody else: until they have merged as much, or have found it lost with this member.
   */
  #seen(token: string | undefined): readonly Stamp[] {
    return this.#tokens.decode(token, (stamps) => this.#replica.covers(stamps), Date.now())
  }

  /** It may be a part of a request's headers, and all of them would be kept with it. */
  #own(sid: string): string {
    return typeof sid !== 'string' || this.#replica.record(sid) !== undefined ? sid : ownText(sid)
  }

  #isChosen(sid: string, where: NonNullable<DestroyByOptions['where']>): boolean {
    const data = () => this.load(sid)?.data ?? {}
    const isChosen: unknown = where({
      sid,
      // (Most look at the id alone; and a session that cannot be read is to be ended, too.)
      get data() {
        return data()
      },
    })
    if (typeof isChosen === 'boolean') return isChosen
    throw badOption('where must say true or false, and at once: it is not awaited. Nothing was destroyed')
  }

  /** A run of a member that writes no more, and of which nobody has anything that is not here. */
  #isGone(origin: string): boolean {
    const member = this.#member(origin)
    return (member === undefined || member.state === 'left') && this.#replica.hasAllOf(origin)
  }

  #acked(ack: number | undefined): Promise<number> {
    if (ack === undefined) return noAcks
    const acked = this.#runner.acked(ack).then(({ peers, missing }) => {
      if (missing === undefined) return peers
      throw new SessionMeshError(missing, missingAck(missing, peers))
    })
    // Who does not look at the promise has not asked for the error either.
    acked.catch(() => {})
    return acked
  }

  #checkOpen(): void {
    if (!this.#isClosed) return
    throw new SessionMeshError(
      'SESSIONMESH_CLOSED',
      'This member has left the cluster: a write would be lost. Close the HTTP server before cluster.close(). ' +
        'If you did, the write is of a handler that went on after its client had disconnected: the HTTP server does not wait for these.',
    )
  }
}

/** A name that is none would be taken for nothing said, and `destroyBy` then means all. */
function checkOptions(what: string, options: object, known: readonly string[]): void {
  if (!isObject(options)) throw badOption(`${what} takes its options as an object, with ${known.join(', ')}`)
  checkNames(options, known, '', ` of ${what}`)
}

function missingAck(missing: string, peers: number): string {
  switch (missing) {
    case 'SESSIONMESH_NO_PEER':
      return "The write is made here, but there is no other member to hold it: start one, or ask for acks: 'none'"
    case 'SESSIONMESH_ACK_TIMEOUT':
      return `The write is made here and goes on replicating, but only ${peers} peers acknowledged it in time`
    case 'SESSIONMESH_FORGOTTEN_MEMBER':
      return 'The cluster had gone on without this member, and what it wrote alone is gone'
    default:
      return 'This member closed before the acks came'
  }
}
