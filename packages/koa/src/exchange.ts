/** One request and its response: what it has loaded, and what its client has seen. */

import type { Context } from 'koa'
import onHeaders from 'on-headers'
import type { Base } from 'sessionmesh'
import type { Visit, Visits } from 'sessionmesh/adapter'
import type { Changes } from './changes.js'
import type { Session } from './types.js'

type Attributes = Record<string, unknown>

/** What koa-session saves: attributes, and what it notes of the lifetime. */
export interface Saved extends Attributes {
  /** When the session ends. It moves with each save, and follows from the idle lifetime that the cluster keeps. */
  _expire?: number
  /** Lifetime, where nothing was said: a day. */
  _maxAge?: number
  /** The cookie ends with the browser. */
  _session?: true
}

/** What all exchanges of one middleware have in common. */
export interface Setup {
  readonly visits: Visits
  readonly changes: Changes
  /** Of the session's cookie, and of its signature. */
  readonly cookieNames: readonly string[]
}

export class Exchange {
  readonly #setup: Setup
  readonly #visit: Visit
  readonly #ctx: Context
  /** Per session of this request that is stored: what the difference of the next save is made against. */
  readonly #bases = new Map<string, Base>()
  /** The session that this request had to do with last. */
  #sid = ''
  /** What koa-session has told the client, as lines of `Set-Cookie`. */
  #lines: readonly string[] = []

  constructor(setup: Setup, ctx: Context) {
    this.#setup = setup
    this.#visit = setup.visits.begin(ctx.req.headers.cookie)
    this.#ctx = ctx
    // As late as can be: Koa drops all headers when it answers for an error, and a handler may send them itself.
    onHeaders(ctx.res, () => this.#sendCookies())
  }

  /** @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE` */
  async load(sid: string): Promise<Attributes | undefined> {
    this.#sid = sid
    await this.#visit.catchUp(sid)
    const { sessions } = this.#setup.visits
    const loaded = sessions.load(sid)
    if (loaded === undefined) return undefined
    const { data, base, remainingMs } = loaded
    this.#bases.set(sid, base)
    // Of a session whose cookie has no date, each use is one. Where it has one, the session goes with the cookie.
    if (data._maxAge === undefined) sessions.touch(sid)
    return this.#setup.changes.asLoaded({ ...data, _expire: Date.now() + remainingMs })
  }

  /**
   * Writes what differs from what was loaded or saved before. koa-session calls it for a mere renewal as well, and says
   * "unchanged" also after `regenerate()`: the difference knows.
   * @throws SessionMeshError as `Sessions.write`, and when acks are missed
   */
  async save(sid: string, { _expire, _maxAge, _session, ...attributes }: Saved): Promise<void> {
    this.#sid = sid
    const { sessions, acks, ttlMs } = this.#setup.visits
    const { session, sessionOptions } = this.#ctx
    const { maxAge } = sessionOptions
    // (After `regenerate()`; koa-session's own goes on saying the old one.)
    if (session !== null && session.externalKey !== sid)
      Object.defineProperty(session, 'externalKey', { value: sid, configurable: true })
    // (0 is none, to koa-session and for its cookie.)
    const isTimed = typeof maxAge === 'number' && maxAge !== 0
    const data = { ...attributes, ...(_session && { _session }), ...(isTimed && { _maxAge: maxAge }) }
    const { base, acked } = sessions.write(sid, data, {
      base: this.#bases.get(sid),
      ttlMs: isTimed ? maxAge : ttlMs,
      acks,
    })
    // Without one the session is gone. The old base stays, so that what this request saves later is dropped as well.
    if (base !== undefined) this.#bases.set(sid, base)
    await acked
  }

  /** @throws SessionMeshError as `Sessions.destroy`, and when acks are missed */
  async destroy(sid: string): Promise<void> {
    const { sessions, acks } = this.#setup.visits
    const { session } = this.#ctx
    // It is `regenerate()` that ends it, and who was logged out meanwhile would be logged in again by what stays.
    if (session !== null && this.#bases.has(sid) && !sessions.has(sid)) empty(session)
    // koa-session ends also what was never saved: for a new session it has made an id, and nobody knows that.
    if (!this.#bases.has(sid) && !sessions.has(sid)) return
    this.#sid = sid
    const { acked } = sessions.destroy(sid, { acks })
    await acked
  }

  /** To be awaited, if it is something, before the response leaves. */
  flushed(): Promise<void> | undefined {
    return this.#visit.flushed()
  }

  /** koa-session is done: what it tells the client holds, also when Koa is to answer for an error and drops all headers. */
  saved(): void {
    this.#lines = linesOf(this.#ctx).filter((line) => this.#setup.cookieNames.includes(nameOf(line)))
  }

  #sendCookies(): void {
    const { sessionOptions, secure, res } = this.#ctx
    try {
      const there = linesOf(this.#ctx)
      const names = there.map(nameOf)
      const lines = [...there, ...this.#lines.filter((line) => !names.includes(nameOf(line)))]
      const living = this.#visit.withoutDead(this.#sid, lines, ...this.#setup.cookieNames)
      const reach = { ...sessionOptions, secure: sessionOptions.secure ?? secure }
      const all = [...living, ...this.#visit.cookies(this.#sid, reach)]
      if (all.length > 0) res.setHeader('Set-Cookie', all)
      else res.removeHeader('Set-Cookie')
    } catch {
      // Without its token the response is still right; the next one brings it.
    }
  }
}

function linesOf({ res }: Context): string[] {
  return [res.getHeader('Set-Cookie') ?? []].flat().map(String)
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}

/** Removes what an app has put into it. */
function empty(session: Session): void {
  for (const name of Object.keys(session)) {
    if (name !== 'isNew' && !name.startsWith('_')) Reflect.deleteProperty(session, name)
  }
}
