/** The session of one request: what its handlers see, and how their changes get to the cluster. */

import { randomBytes } from 'node:crypto'
import type { Base, Loaded, WriteResult } from 'sessionmesh'
import { type Visit, type Visits, withoutLocal } from 'sessionmesh/adapter'

/**
 * What your sessions hold. Declare it once:
 *
 *     declare module '@sessionmesh/hono' {
 *       interface SessionData {
 *         user: string
 *       }
 *     }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be added to
export interface SessionData {}

/** `c.get('session')`. Changes are stored when the handler is done, before the response leaves. */
export interface Session<Data extends object = SessionData> {
  /** What the client's cookie names: unguessable, and never chosen by the client. It changes with `regenerate()`. */
  readonly id: string
  /** Nothing of it is stored yet. */
  readonly isNew: boolean
  /** All attributes. To be changed as well, also in depth: what differs at the end is stored. */
  readonly data: Partial<Data>
  get<Name extends keyof Data>(name: Name): Data[Name] | undefined
  set<Name extends keyof Data>(name: Name, value: Data[Name]): void
  delete(name: keyof Data): void
  /**
   * Ends it for good, on every server, and takes the cookie from the client. What is set afterwards begins a new one.
   * @throws SessionMeshError `SESSIONMESH_ACK_TIMEOUT` and the like, if `acks` were asked for; `SESSIONMESH_CLOSED`
   */
  destroy(): Promise<void>
  /**
   * Ends it, and begins a new one under another id with the attributes named in `keep`: to be called at each login, so
   * that an id that somebody has planted or seen before is worth nothing. Of a session that was ended meanwhile nothing is
   * kept.
   * @throws Error when the response's headers have left; and as `destroy`
   */
  regenerate(keep?: readonly (keyof Data)[]): Promise<void>
  /**
   * Stores the changes now. Resolves when they are on their way to the other servers, and when those that `acks` asks for
   * have them. Needed only where the handler goes on after its response: in a stream.
   * @throws SessionMeshError with the attribute that cannot be stored; and as `destroy`
   */
  save(): Promise<void>
}

/** What became of the client's session in this request, for its cookie. */
export interface Fate {
  /** `ended`: and no other was begun. `none`: there was none, or it is gone without this request's doing. */
  readonly kind: 'stored' | 'ended' | 'none'
  /** Of the session that the client has seen last. */
  readonly sid: string
  readonly isChanged: boolean
}

/** 192 bits. */
const ID_BYTES = 24

interface State {
  readonly sid: string
  readonly data: Record<string, unknown>
  /** What a write is the difference to; `undefined`: nothing is stored. */
  base: Base | undefined
}

export class RequestSession<Data extends object = SessionData> implements Session<Data> {
  readonly #visits: Visits
  readonly #visit: Visit
  #state: State
  /** Some handler has looked at it, and may have changed it. */
  #isUsed = false
  #isChanged = false
  #endedSid: string | undefined
  #hasLeft = false
  #flushed: Promise<unknown> | undefined

  /** @param loaded what was stored under `sid` */
  constructor(visits: Visits, visit: Visit, sid: string | undefined, loaded: Loaded | undefined) {
    this.#visits = visits
    this.#visit = visit
    // An id that names nothing is never used again: whoever made the client send it knows it, too.
    this.#state =
      sid === undefined || loaded === undefined
        ? this.#begin({})
        : { sid, data: attributes(loaded.data, visits.sessions.localAttributes), base: loaded.base }
    // `session.user = …` would be lost: so it is an error, where there is no TypeScript to say so.
    Object.preventExtensions(this)
  }

  get id(): string {
    return this.#state.sid
  }

  get isNew(): boolean {
    return this.#state.base === undefined
  }

  get data(): Partial<Data> {
    this.#isUsed = true
    return this.#state.data as Partial<Data>
  }

  get<Name extends keyof Data>(name: Name): Data[Name] | undefined {
    return this.data[name]
  }

  set<Name extends keyof Data>(name: Name, value: Data[Name]): void {
    this.data[name] = value
    if (this.#hasLeft) this.#write()
  }

  delete(name: keyof Data): void {
    delete this.data[name]
    if (this.#hasLeft) this.#write()
  }

  async destroy(): Promise<void> {
    await this.#end({})
  }

  async regenerate(keep: readonly (keyof Data)[] = []): Promise<void> {
    if (this.#hasLeft)
      throw new Error('regenerate() came too late: a new id needs a cookie, and the headers have left')
    if (!Array.isArray(keep))
      throw new TypeError("regenerate() takes a list of the attributes to keep, as in regenerate(['user'])")
    const { sid, base, data } = this.#state
    if (base !== undefined && !this.#visits.sessions.has(sid)) {
      // Ended meanwhile, as by a logout: who was logged in there must not be so again under another id.
      this.#isUsed = true
      this.#state = this.#begin({})
      return
    }
    const names = (keep as readonly string[]).filter((name) => Object.hasOwn(data, name))
    await this.#end(Object.fromEntries(names.map((name) => [name, data[name]])))
  }

  async save(): Promise<void> {
    const written = this.#write()
    // (Of what a save before this one has written, too: that it is unchanged now does not mean that others hold it.)
    await Promise.all([written?.acked, this.#visit.flushed()])
  }

  /**
   * The handlers are done, and the headers are about to leave. What is set from now on is stored at once.
   * @throws as `save`
   */
  async leave(): Promise<void> {
    let written: WriteResult | undefined
    try {
      if (this.#isUsed) written = this.#write()
      else if (!this.isNew) this.#visits.sessions.touch(this.id)
    } finally {
      this.#hasLeft = true
      this.#noteFlush()
    }
    // Who only reads waits for nobody.
    if (written?.outcome !== 'unchanged') await written?.acked
  }

  /**
   * To be awaited before the response leaves, when `leave` is done: as `Visit.flushed`, for what was written here and for
   * what else the handlers may have seen.
   */
  get flushed(): Promise<unknown> | undefined {
    return this.#flushed
  }

  get fate(): Fate {
    const { sid, base } = this.#state
    const isChanged = this.#isChanged
    if (base !== undefined && this.#visits.sessions.has(sid)) return { kind: 'stored', sid, isChanged }
    return this.#endedSid === undefined
      ? { kind: 'none', sid, isChanged }
      : { kind: 'ended', sid: this.#endedSid, isChanged }
  }

  #write(): WriteResult | undefined {
    const { sid, data, base } = this.#state
    const { sessions, acks, ttlMs } = this.#visits
    if (base === undefined) {
      if (Object.keys(data).length === 0) return undefined
      if (this.#hasLeft)
        throw new Error(
          'A new session needs a cookie, and the headers have left: set something in it before you answer',
        )
    }
    const written = sessions.write(sid, data, { base, acks, ttlMs: base === undefined ? ttlMs : undefined })
    // Destroyed or expired meanwhile: the cluster has reported it, and the request goes on. With the old base, so that
    // what it saves later is dropped too.
    if (written.outcome !== 'dropped') this.#state.base = written.base
    if (written.outcome === 'created' || written.outcome === 'changed') this.#isChanged = true
    return written
  }

  #end(kept: Record<string, unknown>): Promise<unknown> | undefined {
    this.#isUsed = true
    const { sid, base } = this.#state
    const { sessions, acks } = this.#visits
    const destroyed = base === undefined ? undefined : sessions.destroy(sid, { acks })
    if (destroyed) this.#endedSid = sid
    this.#state = this.#begin(kept)
    this.#noteFlush()
    return destroyed?.acked
  }

  #begin(kept: Record<string, unknown>): State {
    const sid = randomBytes(ID_BYTES).toString('base64url')
    return { sid, data: attributes(kept, this.#visits.sessions.localAttributes), base: undefined }
  }

  /** In the turn of the write: later nobody says that it is gone with a member that was forgotten. */
  #noteFlush(): void {
    const flushed = this.#visit.flushed()
    if (flushed === undefined) return
    this.#flushed = Promise.all([this.#flushed, flushed])
    // In a stream nobody may ask for it any more.
    this.#flushed.catch(() => {})
  }
}

/**
 * Without a prototype: `get('constructor')` is `undefined`, and `set('__proto__', …)` an attribute, which is refused.
 * @param local names of those that stay in this process: they may be anything, and JSON shows nothing of them
 */
function attributes(data: Record<string, unknown>, local: readonly string[]): Record<string, unknown> {
  const attributes: Record<string, unknown> = Object.assign(Object.create(null), data)
  if (local.length > 0)
    Object.defineProperty(attributes, 'toJSON', { value: () => withoutLocal(attributes, local) })
  return attributes
}
