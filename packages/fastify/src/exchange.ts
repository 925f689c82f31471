/** One request and its response: what a store cannot do, because it does not see them. */

import type { FastifySessionObject } from '@fastify/session'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Callback, Visit } from 'sessionmesh/adapter'
import { isSession, type MeshStore } from './store.js'

/** What all exchanges of one registration have in common. */
export interface Setup {
  store: MeshStore
  rolling: boolean
  /** Of the session cookie. */
  cookieName: string
}

export class Exchange {
  readonly #setup: Setup
  readonly #request: FastifyRequest
  readonly #visit: Visit
  /** The last session that the request had; it may have none when it ends. */
  #session: FastifySessionObject | undefined
  /** From before the save until after it: still so when an error is sent, it has failed. */
  #isSaving = false
  #hidden: FastifySessionObject | undefined

  constructor(setup: Setup, request: FastifyRequest, visit: Visit) {
    this.#setup = setup
    this.#request = request
    this.#visit = visit
  }

  /** Before @fastify/session loads. */
  open(): void {
    this.#setup.store.expect(this.#visit)
  }

  /** @fastify/session has put a session into the request. */
  opened(): void {
    // A client without a session cookie: nothing was loaded, and what the handler loads is not of this visit.
    this.#setup.store.expect(undefined)
    this.#see()
  }

  /** Before @fastify/session saves. An answer is sent twice when the first attempt fails: then as an error. */
  beforeSave(done: Callback): void {
    const session = this.#see()
    if (session === undefined) {
      done()
      return
    }
    const isAgain = this.#isSaving
    this.#isSaving = true
    if (isAgain) this.#hide(session)
    if (isAgain || this.#setup.rolling) done()
    else this.#setup.store.use(session.sessionId, session, done)
  }

  /** All is saved; the headers have not left. The answer waits until it survives a SIGKILL of this process. */
  async afterSave(reply: FastifyReply): Promise<void> {
    this.#isSaving = false
    if (this.#hidden) this.#request.session = this.#hidden
    this.#hidden = undefined
    const session = this.#see() ?? this.#session
    if (session !== undefined) {
      const cookies = this.#visit.cookies(session.sessionId, session.cookie)
      if (cookies.length > 0) reply.header('set-cookie', cookies)
    }
    await this.#visit.flushed()
    if (session !== undefined) this.#withholdDead(reply, session.sessionId)
  }

  /** @fastify/session sends the cookie again and again, also of a session that has ended while the request was on its way. */
  #withholdDead(reply: FastifyReply, sid: string): void {
    const lines = [reply.getHeader('set-cookie') ?? []].flat().map(String)
    const others = this.#visit.withoutDead(sid, lines, this.#setup.cookieName)
    if (others.length === lines.length) return
    reply.removeHeader('set-cookie')
    if (others.length > 0) reply.header('set-cookie', others)
  }

  /** The session that the request has now. */
  #see(): FastifySessionObject | undefined {
    const { session } = this.#request
    if (!isSession(session)) return undefined
    this.#setup.store.recognise(session)
    this.#session = session
    return session
  }

  /** What could not be saved for the answer cannot be for the error either: saved again, it would take its place. */
  #hide(session: FastifySessionObject): void {
    this.#hidden = session
    Object.assign(this.#request, { session: null })
  }
}
