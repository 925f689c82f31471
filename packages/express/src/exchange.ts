/**
 * One request and its response: what a store cannot do, because it happens around the response.
 *
 * - Read-your-writes: the causal token that came with the request leaves, renewed, with the headers.
 * - A session that has ended meanwhile: its cookie does not leave.
 * - A streamed response: what the handler changed before its headers leave is saved before they leave.
 *   express-session itself saves in `res.end`, which is too late then.
 * - Durability: a response leaves when a SIGKILL of this process can no longer take away what was written before it, to
 *   whatever session. (Of a streamed one its first bytes and its last.)
 */

import type { NextFunction, Request, Response } from 'express'
import type { CookieOptions, Session } from 'express-session'
import onHeaders from 'on-headers'
import type { Visit } from 'sessionmesh/adapter'
import { hold } from './hold.js'

/** What all exchanges of one middleware have in common. */
export interface Setup {
  store: ExchangeStore
  /** The session's own, by name. */
  cookie: string
  saveUninitialized: boolean
  unset: 'destroy' | 'keep'
}

/**
 * When what asks for a session's JSON is express-session's hash, of it as it was loaded, or as a comparison finds it; nothing
 * else runs then.
 */
export type Hashing = 'never' | 'as loaded' | Comparison

/** How a session is, once it has been looked at: express-session asks again for what it decides by that. */
export interface Comparison {
  session?: object
  state?: object | undefined
}

/** What an exchange asks its store. */
export interface ExchangeStore {
  hashes(when: Hashing): void
  destroy(sid: string, callback: (error?: unknown) => void): void
  isStored(session: object): boolean
}

export class Exchange {
  readonly #setup: Setup
  readonly #req: Request
  readonly #res: Response
  readonly #next: NextFunction
  readonly #visit: Visit
  /** The session's id and cookie when the handler got it; `undefined`: express-session has not opened one. */
  #opened: { sid: string; cookie: CookieOptions } | undefined
  /** `res.end` has been called: express-session itself saves, before anything leaves. */
  #ending = false
  /** One for the headers and what is saved before them, another for the end, unless that comes with the headers. */
  #comparison: Comparison = {}

  /** To be made before express-session runs: of the listeners for headers the first one is called last. */
  constructor(setup: Setup, req: Request, res: Response, next: NextFunction, visit: Visit) {
    this.#setup = setup
    this.#req = req
    this.#res = res
    this.#next = next
    this.#visit = visit
    onHeaders(res, () => this.#onHeaders())
  }

  /** express-session is done with the request, and the handler's turn comes. */
  open(): void {
    if (this.#opened || !this.#req.session) return
    this.#opened = { sid: this.#req.sessionID, cookie: this.#req.session.cookie }
    // (Who has a session opened for an upgrade to WebSockets gives `{}` for a response.)
    if (typeof this.#res.end !== 'function') return
    const { end } = this.#res
    this.#res.end = (...args: unknown[]) => this.#onEnd(() => Reflect.apply(end, this.#res, args))
    // Of a cookie with an expiry date, which the handler may give it, express-session asks once more when the headers leave, as
    // the listener after this.
    onHeaders(this.#res, () => this.#beforeHeaders())
  }

  #beforeHeaders(): void {
    this.#setup.store.hashes(this.#comparison)
  }

  #onHeaders(): void {
    this.#setup.store.hashes('never')
    if (!this.#opened) return
    try {
      if (!this.#ending) this.#save()
    } catch (error) {
      this.#report(error)
    }
    try {
      this.#holdBackDeadCookie()
      this.#sendCookies(this.#opened.cookie)
    } catch {
      // Without its token the response is still right; the next one brings it.
    }
    const flushed = this.#visit.flushed()
    if (flushed !== undefined) this.#releaseWhen(flushed, this.#hold())
  }

  /** What is written after the headers, in a streamed response, leaves before its last bytes. */
  #onEnd<T>(end: () => T): T {
    this.#ending = true
    this.#comparison = {}
    if (!this.#res.headersSent) return this.#hashing(end)
    const release = this.#hold()
    try {
      return this.#hashing(end)
    } finally {
      const flushed = this.#visit.flushed()
      if (flushed !== undefined) this.#releaseWhen(flushed, release)
      else release()
    }
  }

  /** express-session decides what to save, before all else that `end` does. */
  #hashing<T>(end: () => T): T {
    this.#setup.store.hashes(this.#comparison)
    try {
      return end()
    } finally {
      this.#setup.store.hashes('never')
    }
  }

  /** As express-session will decide in `res.end`; it then finds the session saved. */
  #save(): void {
    const { saveUninitialized, unset, store } = this.#setup
    const { sessionID } = this.#req
    const session: Session | null | undefined = this.#req.session
    if (!session) {
      if (unset === 'destroy') store.destroy(sessionID, (error) => this.#report(error))
    } else if (
      saveUninitialized ||
      store.isStored(session) ||
      sessionID !== this.#opened?.sid ||
      Object.keys(session).some((name) => name !== 'cookie')
    ) {
      this.#hashing(() => session.save((error) => this.#report(error)))
    }
  }

  /** A late answer must not put the cookie of a session that is gone in the place of that of a login since. */
  #holdBackDeadCookie(): void {
    const { cookie, store } = this.#setup
    const { session, sessionID } = this.#req
    const header = this.#res.getHeader('Set-Cookie')
    if (header === undefined || !session || !store.isStored(session)) return
    const lines = [header].flat().map(String)
    const left = this.#visit.withoutDead(sessionID, lines, cookie)
    if (left.length === lines.length) return
    if (left.length > 0) this.#res.setHeader('Set-Cookie', left)
    else this.#res.removeHeader('Set-Cookie')
  }

  #sendCookies(cookie: CookieOptions): void {
    const cookies = this.#visit.cookies(this.#req.sessionID, this.#req.session?.cookie ?? cookie)
    for (const line of cookies) this.#res.appendHeader('Set-Cookie', line)
  }

  /** HTTP/2 has no socket of its own per response: nothing is held there. */
  #hold(): () => void {
    return this.#req.httpVersionMajor < 2 ? hold(this.#req.socket) : () => {}
  }

  async #releaseWhen(flushed: Promise<void>, release: () => void): Promise<void> {
    try {
      await flushed
    } catch {
      // What it tells of is gone with this member's former run. It may be in part with the client already: a broken
      // connection says that nobody knows, and the next request shows how things are.
      this.#req.socket.destroy()
    }
    release()
  }

  /** As express-session reports what goes wrong around the response. */
  #report(error: unknown): void {
    if (error) setImmediate(() => this.#next(error))
  }
}
