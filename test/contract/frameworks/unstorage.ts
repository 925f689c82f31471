import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type MeshDriver, meshDriver } from '@sessionmesh/unstorage'
import { createStorage, type Storage } from 'unstorage'
import { listening } from '../../support/listening.js'
import { type Answer, type Framework, type Handle, ROUTES } from '../site.js'

/** The driver alone, as any other driver is used: an item is read and written as a whole. */
/** Why a session's data may live on under another key. */
export const ROTATION = 'what an app stores under another key cannot be told from a login'

export const framework: Framework = {
  name: 'unstorage',
  lacks: {
    readYourWrites: 'a driver is told of keys and values, not of requests',
    difference: 'a value is stored without what it was made from',
    rotation: ROTATION,
  },
  serve: serving(false),
}

/** @param isVisit whether the driver is told of the request for which it is called */
export function serving(isVisit: boolean): Framework['serve'] {
  return async (cluster, { ttlMs, isRolling }) => {
    const driver = meshDriver({ cluster, ...(ttlMs !== undefined && { ttlMs }) })
    const storage = createStorage({ driver })
    const server = createServer(async (req, res) => {
      const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost')
      try {
        const session = new ItemSession(storage, driver, req, isVisit)
        await session.load()
        const answer = await ROUTES[pathname.slice(1)]!(session, searchParams)
        await session.save(isRolling === true)
        for (const line of session.cookies(isRolling === true, ttlMs)) res.appendHeader('Set-Cookie', line)
        send(res, answer)
      } catch (error) {
        res.writeHead(500).end(String(error))
      }
    })
    return listening(server)
  }
}

/** As an application does it: a random id in a cookie, and what belongs to it under that key. */
class ItemSession implements Handle {
  readonly #storage: Storage
  readonly #options: Record<string, unknown>
  readonly #visit
  readonly #brought: string | undefined
  sid: string | undefined
  #data: Record<string, unknown> = {}
  #isChanged = false
  #hasEnded = false

  constructor(storage: Storage, driver: MeshDriver, req: IncomingMessage, isVisit: boolean) {
    const { cookie } = req.headers
    this.#storage = storage
    this.#visit = isVisit ? driver.visit(cookie) : undefined
    this.#options = { visit: this.#visit }
    this.#brought = /(?:^|; )sid=([0-9a-f-]{36})(?:;|$)/.exec(cookie ?? '')?.[1]
  }

  async load(): Promise<void> {
    if (this.#brought === undefined) return
    const data = await this.#storage.getItemRaw<Record<string, unknown>>(this.#brought, this.#options)
    // An id that nobody has made here is not used.
    if (data === null) return
    this.sid = this.#brought
    this.#data = data
  }

  get(name: string): unknown {
    return this.#data[name]
  }

  set(name: string, value: unknown): void {
    this.sid ??= randomUUID()
    this.#data[name] = value
    this.#isChanged = true
  }

  remove(name: string): void {
    delete this.#data[name]
    this.#isChanged = true
  }

  async destroy(): Promise<void> {
    if (this.sid !== undefined) await this.#storage.removeItem(this.sid, this.#options)
    this.sid = undefined
    this.#isChanged = false
  }

  async regenerate(): Promise<void> {
    await this.destroy()
    this.#data = {}
  }

  async rotate(): Promise<void> {
    const data = this.#data
    await this.regenerate()
    for (const [name, value] of Object.entries(data)) this.set(name, value)
  }

  /** With a base each request may save: what it only read is not written, and lives on. */
  async save(isRolling: boolean): Promise<void> {
    if (this.sid === undefined) return
    if (!this.#isChanged && !isRolling && this.#visit === undefined) return
    try {
      await this.#storage.setItemRaw(this.sid, this.#data, this.#options)
    } catch (error) {
      // The session was logged out meanwhile.
      if ((error as { code?: unknown }).code !== 'SESSIONMESH_WRITE_DROPPED') throw error
    }
    this.#hasEnded = !(await this.#storage.hasItem(this.sid, this.#options))
  }

  cookies(isRolling: boolean, ttlMs: number | undefined): string[] {
    const lines = this.#visit?.cookies() ?? []
    // The client may have another one meanwhile: it is not given this one again.
    if (this.#hasEnded) return lines
    if (this.sid === undefined)
      return this.#brought === undefined ? lines : [...lines, 'sid=; Path=/; Max-Age=0']
    if (this.sid === this.#brought && !isRolling) return lines
    const age = ttlMs === undefined ? '' : `; Max-Age=${Math.ceil(ttlMs / 1000)}`
    return [...lines, `sid=${this.sid}; Path=/; HttpOnly; SameSite=Lax${age}`]
  }
}

function send(res: ServerResponse, answer: Answer): void {
  if ('redirect' in answer) res.writeHead(302, { location: answer.redirect }).end()
  else res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
}
