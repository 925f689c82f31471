/** The sessions of the cluster, free of any framework: values in, values out; all reads are local. */

import { type Acks, type Replica, SessionMeshError } from '@sessionmesh/core'
import { checkAcks } from './options.js'
import type { Runner } from './runner.js'
import { decodeToken, encodeToken } from './token.js'
import type { Loaded, Member, Sessions, WriteOptions, WriteResult } from './types.js'
import { packAttributes, unpackAttributes } from './values.js'

const noAcks = Promise.resolve(0)

export class LocalSessions implements Sessions {
  readonly #runner: Runner
  readonly acks: Acks
  readonly ttlMs: number
  readonly #tokenKeys: readonly Uint8Array[]
  readonly #member: (id: string) => Member | undefined
  #isClosed = false

  constructor(
    runner: Runner,
    { acks, ttlMs }: { acks: Acks; ttlMs: number },
    tokenKeys: readonly Uint8Array[],
    member: (id: string) => Member | undefined,
  ) {
    this.#runner = runner
    this.acks = acks
    this.ttlMs = ttlMs
    this.#tokenKeys = tokenKeys
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
    return { data: unpackAttributes(base.attributes), base, ttlMs, remainingMs }
  }

  catchUp(sid: string, token: string | undefined): Promise<void> | undefined {
    if (this.#isClosed) return undefined
    const { wait, effects } = this.#replica.catchUp(
      sid,
      decodeToken(token, this.#tokenKeys),
      this.#runner.now(),
    )
    const waiting = wait === undefined ? undefined : this.#runner.caughtUp(wait)
    this.#runner.run(effects)
    // A new run in its place has to be asked anew: it holds nothing until it is ready.
    return waiting?.then((outcome) => (outcome === 'forgotten' ? this.catchUp(sid, token) : undefined))
  }

  token(sid: string, brought: string | undefined): string | undefined {
    const seen = this.#replica.token(sid, decodeToken(brought, this.#tokenKeys), this.#runner.now())
    return encodeToken(seen, this.#tokenKeys)
  }

  write(sid: string, data: Record<string, unknown>, options: WriteOptions = {}): WriteResult {
    this.#checkOpen()
    const { base, ttlMs, acks = this.acks } = options
    checkAcks(acks)
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      throw new SessionMeshError(
        'SESSIONMESH_BAD_OPTION',
        'data must be an object: each of its fields is an attribute',
      )
    }
    const next = packAttributes(data, base)
    const { written, effects } = this.#replica.write(sid, next, { base, ttlMs, acks }, this.#runner.now())
    const acked = this.#acked(written.ack)
    this.#runner.run(effects)
    return { outcome: written.outcome, changed: written.changed, base: written.base, acked }
  }

  touch(sid: string, { ttlMs }: { ttlMs?: number | undefined } = {}): boolean {
    this.#checkOpen()
    const { touched, effects } = this.#replica.touch(sid, ttlMs, this.#runner.now())
    this.#runner.run(effects)
    return touched
  }

  destroy(
    sid: string,
    { acks = this.acks }: { acks?: Acks | undefined } = {},
  ): { destroyed: boolean; acked: Promise<number> } {
    this.#checkOpen()
    const { destroyed, effects } = this.#replica.destroy(sid, acks, this.#runner.now())
    const acked = this.#acked(destroyed.ack)
    this.#runner.run(effects)
    return { destroyed: destroyed.destroyed, acked }
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

  /** Reads go on, for requests that are being finished; nobody would hear of writes. */
  close(): void {
    this.#isClosed = true
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
