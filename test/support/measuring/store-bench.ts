/** A store for express-session without HTTP: what express-session does with it in a request, many times. */

import { SessionStore } from '@sessionmesh/express'
import type { Request } from 'express'
import expressSession, { type Session, type SessionData, type Store } from 'express-session'
import type { Cluster } from 'sessionmesh'
import { newMemorystore } from '../member-store.js'
import { pause } from '../wait.js'
import { cpuMicros } from './cpu.js'
import { COOKIE, sidOf } from './kilobyte.js'
import { collectGarbage } from './memory-use.js'
import type { OperationCosts, StoreKind, StoreRound } from './protocol.js'
import { shopSession } from './shop-session.js'
import { byTurns } from './turns.js'

export async function newStore(kind: StoreKind, cluster: () => Cluster): Promise<Store> {
  if (kind === 'sessionmesh') return new SessionStore({ cluster: cluster() })
  if (kind === 'MemoryStore') return new expressSession.MemoryStore()
  return newMemorystore()
}

export class StoreBench {
  readonly #store: Store
  readonly #cluster: Cluster | undefined
  #sids: string[] = []
  #next = 0

  /** @param cluster behind the store, if there is one */
  constructor(store: Store, cluster: Cluster | undefined) {
    this.#store = store
    this.#cluster = cluster
  }

  async fill(sessions: number): Promise<void> {
    this.#sids = Array.from({ length: sessions }, (_, i) => sidOf(i))
    await byTurns(sessions, (i) => {
      this.#store.set(sidOf(i), { ...shopSession(i), cookie: COOKIE } as unknown as SessionData)
    })
    await this.#handedOver()
  }

  /** Of the whole round per operation: the turns' ends are in it, and with a cluster all that leaves for peers. */
  async round({ kind, operations, perTurn }: StoreRound): Promise<OperationCosts> {
    await collectGarbage()
    const before = cpuMicros()
    const start = performance.now()
    await this.#operate(kind === 'load' ? (done) => this.#load(done) : (done) => this.#write(done), {
      operations,
      perTurn,
    })
    const wallMicros = (performance.now() - start) * 1_000
    await this.#handedOver()
    return { cpuMicros: (cpuMicros() - before) / operations, wallMicros: wallMicros / operations }
  }

  #operate(
    operation: (done: () => void) => void,
    { operations, perTurn }: Omit<StoreRound, 'kind'>,
  ): Promise<void> {
    return new Promise((resolve) => {
      let left = operations
      const turn = () => {
        let pending = Math.min(perTurn, left)
        left -= pending
        const done = () => {
          if (--pending > 0) return
          if (left > 0) setImmediate(turn)
          else resolve()
        }
        for (let i = pending; i > 0; i--) operation(done)
      }
      turn()
    })
  }

  #load(loaded: (session: Session & SessionData) => void): void {
    const sessionID = this.#sids[this.#next++ % this.#sids.length]!
    this.#store.get(sessionID, (error, data) => {
      if (error || !data) throw error ?? new Error(`${sessionID} is not in the store`)
      const request = { sessionID, sessionStore: this.#store } as unknown as Request
      loaded(this.#store.createSession(request, data))
    })
  }

  #write(done: () => void): void {
    this.#load((session) => {
      const shop = session as unknown as { visits: number }
      shop.visits++
      this.#store.set(session.id, session, (error) => {
        if (error) throw error
        done()
      })
    })
  }

  /** Until the operating system has all that was written for the peers: that is work of this member, too. */
  async #handedOver(): Promise<void> {
    await this.#cluster?.sessions.flushed()
    while (this.#cluster?.status().links.some(({ bufferedBytes }) => bufferedBytes > 0)) await pause(1)
  }
}
