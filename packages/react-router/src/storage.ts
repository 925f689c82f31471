/**
 * React Router's session storage on the sessions of a cluster.
 *
 * Not made by `createSessionStorage`: what that one passes to its strategy is a session's id and data, and neither the
 * Session object, from whose load to whose commit the base of the difference is kept here, nor the client's token.
 */

import { randomBytes } from 'node:crypto'
import { createSession, isSession, type Session, type SessionData, type SessionStorage } from 'react-router'
import type { Base } from 'sessionmesh'
import { badOption, withoutLocal } from 'sessionmesh/adapter'
import { SessionCookie } from './cookie.js'
import { checkOptions, type MeshSessionStorageOptions } from './options.js'

/** Unguessable: who has the id has the session. */
const SID_BYTES = 24

/** React Router's own, and a new id for a session. */
export interface MeshSessionStorage<Data = SessionData, FlashData = Data>
  extends SessionStorage<Data, FlashData> {
  /**
   * As React Router's. Resolves with `''`, which browsers ignore as a `Set-Cookie`, when there is nothing to keep: a new
   * session in which nothing is, or one that was destroyed or has expired meanwhile.
   * @throws SessionMeshError (rejects) as `Sessions.write` does, and for acks that did not come
   */
  commitSession: SessionStorage<Data, FlashData>['commitSession']
  /**
   * For logins: the next `commitSession` of this session gives it another id, and ends the one that somebody may have
   * planted in the client before. What is in the session stays there.
   */
  renewSession(session: Session<Data, FlashData>): void
}

/** What is known of a Session object. */
interface Known {
  /** `undefined` as long as it is new. */
  sid: string | undefined
  base: Base | undefined
  /** The idle lifetime that it gets when it is written under a new id. */
  ttlMs: number | undefined
  /** What the client had seen when it asked. */
  readonly token: string | undefined
  isToBeRenewed: boolean
  isDestroyed: boolean
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function createMeshSessionStorage<Data = SessionData, FlashData = Data>(
  options: MeshSessionStorageOptions,
): MeshSessionStorage<Data, FlashData> {
  type OwnSession = Session<Data, FlashData>
  type Storage = MeshSessionStorage<Data, FlashData>

  const checked = checkOptions(options)
  const cookie = new SessionCookie(checked.cookie)
  const { sessions, acks, ttlMs } = checked.store
  const { readYourWrites = true } = options
  const knownOf = new WeakMap<OwnSession, Known>()

  const getSession: Storage['getSession'] = async (cookieHeader, parseOptions) => {
    checkHeader(cookieHeader)
    const { sid, token } = await cookie.parse(cookieHeader, parseOptions)
    if (sid === undefined) return make()
    await sessions.catchUp(sid, readYourWrites ? token : undefined)
    const session = open(sid, token) ?? make()
    // This request may tell of what another one of this process has just written, and commit nothing itself.
    await sessions.flushed()
    return session
  }

  const commitSession: Storage['commitSession'] = async (session, serializeOptions) => {
    const lifetimeMs = cookie.lifetimeMs(serializeOptions)
    if (lifetimeMs !== undefined && lifetimeMs <= 0) return destroySession(session, serializeOptions)
    const known = recall(session)
    const saved = save(known, session.data, lifetimeMs)
    if (saved === undefined) return ''
    const lineOf = () => {
      const token = readYourWrites ? sessions.token(saved.sid, known.token) : undefined
      return cookie.line(saved.sid, token, serializeOptions)
    }
    // Asked in the turn of the write: later nobody says that it is gone with a member that was forgotten.
    const [line] = await Promise.all([saved.acked.then(lineOf), sessions.flushed()])
    return line
  }

  const destroySession: Storage['destroySession'] = async (session, serializeOptions) => {
    const known = recall(session)
    known.isDestroyed = true
    const acked = known.sid === undefined ? undefined : sessions.destroy(known.sid, { acks }).acked
    await Promise.all([acked, sessions.flushed()])
    return cookie.gone(serializeOptions)
  }

  const renewSession: Storage['renewSession'] = (session) => {
    recall(session).isToBeRenewed = true
  }

  return { getSession, commitSession, destroySession, renewSession }

  function open(sid: string, token: string | undefined): OwnSession | undefined {
    const loaded = sessions.load(sid)
    if (loaded === undefined) return undefined
    // Most loaders commit nothing; whoever visits is there all the same.
    sessions.touch(sid)
    const session = make(loaded.data as Data, sid)
    const { base, ttlMs } = loaded
    knownOf.set(session, { sid, base, ttlMs, token, isToBeRenewed: false, isDestroyed: false })
    return session
  }

  function make(data?: Data, sid?: string): OwnSession {
    const session = createSession<Data, FlashData>(data, sid)
    hideInJson(session, sessions.localAttributes)
    return session
  }

  function recall(session: OwnSession): Known {
    if (!isSession(session)) throw badOption('that is no session: give what getSession() resolves with')
    const known = knownOf.get(session) ?? meet(session)
    knownOf.set(session, known)
    return known
  }

  /** A new one; or not ours, as some wrap the sessions of a storage: then what it differs from is what is there now. */
  function meet({ id }: OwnSession): Known {
    const sid = id === '' ? undefined : id
    const loaded = sid === undefined ? undefined : sessions.load(sid)
    return {
      sid,
      base: loaded?.base,
      ttlMs: loaded?.ttlMs ?? ttlMs,
      token: undefined,
      isToBeRenewed: false,
      isDestroyed: sid !== undefined && loaded === undefined,
    }
  }

  /** Without awaiting anything, so that a second commit of the same object finds what the first one made. */
  function save(known: Known, data: OwnSession['data'], lifetimeMs: number | undefined) {
    const isNothing = known.sid === undefined && Object.keys(data).length === 0
    if (isNothing || known.isDestroyed) return undefined
    const ended = known.isToBeRenewed ? endOld(known) : undefined
    const { sid = randomBytes(SID_BYTES).toString('base64url'), base } = known
    const ttlMs = lifetimeMs ?? (base === undefined ? known.ttlMs : undefined)
    const written = sessions.write(sid, data, { base, ttlMs, acks })
    // The old base stays then, and the next commit is dropped too.
    if (written.outcome === 'dropped') return undefined
    known.sid = sid
    known.base = written.base
    known.ttlMs = ttlMs ?? known.ttlMs
    known.isToBeRenewed = false
    return { sid, acked: Promise.all([ended, written.acked]) }
  }

  /**
   * Before the new one is written: wherever that has arrived, the old one is dead. (One that is gone already is not
   * renewed but saved, and that dropped.)
   */
  function endOld(known: Known): Promise<number> | undefined {
    const { sid } = known
    if (sid === undefined || !sessions.has(sid)) return undefined
    const { acked } = sessions.destroy(sid, { acks })
    known.sid = undefined
    known.base = undefined
    return acked
  }
}

/** Also what is no header parses as one, with nothing in it: everybody would be logged out. */
function checkHeader(cookieHeader: unknown): void {
  if (cookieHeader === undefined || cookieHeader === null || typeof cookieHeader === 'string') return
  throw badOption("getSession() takes the Cookie header: request.headers.get('Cookie')")
}

/** Values that stay in this process may be anything, and are nobody else's to see. */
function hideInJson(session: object & { id: string; data: object }, local: readonly string[]): void {
  if (local.length === 0) return
  Object.defineProperty(session, 'toJSON', {
    enumerable: false,
    value: () => ({ id: session.id, data: withoutLocal({ ...session.data }, local) }),
  })
}
