/** One request and its response: what it has loaded, and what its client has seen. */

import type { Context } from 'koa'
import onHeaders from 'on-headers'
import type { Base } from 'sessionmesh'
import type { Visit, Visits } from 'sessionmesh/adapter'
import { asLoaded } from './changes.js'

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

export class Exchange {
  readonly #visits: Visits
  readonly #visit: Visit
  readonly #ctx: Context
  /** Per session of this request that is stored: what the difference of the next save is made against. */
  readonly #bases = new Map<string, Base>()
  /** The session that this request had to do with last. */
  #sid = ''

  constructor(visits: Visits, ctx: Context) {
    this.#visits = visits
    this.#visit = visits.begin(ctx.req.headers.cookie)
    this.#ctx = ctx
    // As late as can be: Koa drops all headers when it answers for an error, and a handler may send them itself.
    onHeaders(ctx.res, () => this.#sendCookies())
  }

  /** @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE` */
  async load(sid: string): Promise<Attributes | undefined> {
    this.#sid = sid
    await this.#visit.catchUp(sid)
    const loaded = this.#visits.sessions.load(sid)
    if (loaded === undefined) return undefined
    const { data, base, remainingMs } = loaded
    this.#bases.set(sid, base)
    // Of a session whose cookie has no date, each use is one. Where it has one, the session goes with the cookie.
    if (data._maxAge === undefined) this.#visits.sessions.touch(sid)
    return asLoaded({ ...data, _expire: Date.now() + remainingMs })
  }

  /**
   * Writes what differs from what was loaded or saved before. koa-session calls it for a mere renewal as well, and says
   * "unchanged" also after `regenerate()`: the difference knows.
   * @throws SessionMeshError as `Sessions.write`, and when acks are missed
   */
  async save(sid: string, { _expire, _maxAge, _session, ...attributes }: Saved): Promise<void> {
    this.#sid = sid
    const { sessions, acks, ttlMs } = this.#visits
    const { maxAge } = this.#ctx.sessionOptions
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
    const { sessions, acks } = this.#visits
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

  #sendCookies(): void {
    const { sessionOptions, secure } = this.#ctx
    try {
      const cookies = this.#visit.cookies(this.#sid, {
        ...sessionOptions,
        secure: sessionOptions.secure ?? secure,
      })
      for (const line of cookies) this.#ctx.append('Set-Cookie', line)
    } catch {
      // Without its token the response is still right; the next one brings it.
    }
  }
}
