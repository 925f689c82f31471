/** Sessions for h3 on a storage of unstorage: a random id in a cookie, and under it what belongs to the client. */

import { randomUUID } from 'node:crypto'
import { type MeshDriver, meshDriver } from '@sessionmesh/unstorage'
import { appendResponseHeader, deleteCookie, getCookie, getRequestHeader, type H3Event, setCookie } from 'h3'
import type { Cluster } from 'sessionmesh'
import { createStorage, type Storage } from 'unstorage'

export interface SessionData {
  user?: string
  views?: number
}

export class Sessions {
  readonly #driver: MeshDriver
  readonly #storage: Storage<SessionData>

  constructor(cluster: Cluster) {
    this.#driver = meshDriver({ cluster })
    this.#storage = createStorage<SessionData>({ driver: this.#driver })
  }

  /** Serves one request with the session of its client. */
  async serve<T>(event: H3Event, handle: (session: Session) => T | Promise<T>): Promise<T> {
    const visit = this.#driver.visit(getRequestHeader(event, 'cookie'))
    const session = new Session(this.#storage, visit, getCookie(event, COOKIE))
    await session.load()
    const answer = await handle(session)
    await session.save()
    if (session.id === undefined) {
      if (session.brought !== undefined) deleteCookie(event, COOKIE, REACH)
    } else if (session.id !== session.brought) {
      setCookie(event, COOKIE, session.id, { ...REACH, httpOnly: true })
    }
    for (const cookie of visit.cookies(REACH)) appendResponseHeader(event, 'set-cookie', cookie)
    return answer
  }
}

const COOKIE = 'sid'

/** (Behind HTTPS: `secure: true` as well.) */
const REACH = { path: '/', sameSite: 'lax' } as const

/** What `randomUUID` makes: nothing else is looked up. */
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

export class Session {
  readonly #storage: Storage<SessionData>
  readonly #options: { visit: ReturnType<MeshDriver['visit']> }
  readonly brought: string | undefined
  /** None as long as there is nothing to keep. */
  id: string | undefined
  data: SessionData = {}

  constructor(
    storage: Storage<SessionData>,
    visit: ReturnType<MeshDriver['visit']>,
    brought: string | undefined,
  ) {
    this.#storage = storage
    this.#options = { visit }
    this.brought = brought
  }

  async load(): Promise<void> {
    if (this.brought === undefined || !ID.test(this.brought)) return
    const data = await this.#storage.getItem(this.brought, this.#options)
    // An id that this site did not make is not used: somebody may have planted it.
    if (data === null) return
    this.id = this.brought
    this.data = data
  }

  /** What did not change is not written; but the session lives on. */
  async save(): Promise<void> {
    if (this.id === undefined && Object.keys(this.data).length === 0) return
    this.id ??= randomUUID()
    await this.#storage.setItem(this.id, this.data, this.#options)
  }

  /** Ends it. What is kept after that gets another id. */
  async end(): Promise<void> {
    if (this.id !== undefined) await this.#storage.removeItem(this.id, this.#options)
    this.id = undefined
    this.data = {}
  }
}
