/**
 * What every adapter does around a request and its response, whatever the framework: reads the causal token that the
 * client brings, waits for what it has seen, and sends it away with what it has seen then.
 */

import { SessionMeshError } from '@sessionmesh/core'
import { parseCookie, stringifySetCookie } from 'cookie'
import type { Acks, Cluster, Sessions } from '../types.js'
import { type Adapter, type AdapterOptions, type CookieNames, checkAdapterOptions } from './options.js'

/** Of the session's own cookie: where the browser sends it. Our cookies go with it. */
export interface CookieReach {
  path?: string | undefined
  domain?: string | undefined
  sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined
  secure?: boolean | 'auto' | undefined
  partitioned?: boolean | undefined
}

/** What an adapter makes once, of its user's options. */
export class Visits {
  readonly sessions: Sessions
  readonly acks: Acks
  readonly ttlMs: number
  readonly #cluster: Cluster
  readonly #names: CookieNames

  /**
   * @param where what the user calls, for messages
   * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
   */
  constructor(options: AdapterOptions, where: string, adapter: Adapter) {
    const { store, names } = checkAdapterOptions(options, where, adapter)
    this.#names = names
    this.#cluster = options.cluster
    this.sessions = store.sessions
    this.acks = store.acks
    this.ttlMs = store.ttlMs ?? adapter.ttlMs ?? store.sessions.ttlMs
  }

  /** @param cookieHeader the request's `Cookie` */
  begin(cookieHeader: string | undefined | null): Visit {
    return new Visit(this.#cluster, this.#names, cookieHeader ?? '')
  }
}

/** One request and its response. */
export class Visit {
  readonly #cluster: Cluster
  /** The run of this member that the request came to. */
  readonly #run: string
  readonly #names: CookieNames
  readonly #token: string | undefined
  readonly #route: string | undefined

  constructor(cluster: Cluster, names: CookieNames, cookieHeader: string) {
    this.#cluster = cluster
    this.#run = cluster.self.id
    this.#names = names
    // Most requests of a page are for what has no session, and parsing is not free.
    const ours = (name: string | undefined) => name !== undefined && cookieHeader.includes(name)
    if (!ours(names.token) && !ours(names.route)) return
    // (All that is ours is made of a cookie's characters, and nothing else is looked at.)
    const cookies = parseCookie(cookieHeader, { decode: asItIs })
    if (names.token !== undefined) this.#token = cookies[names.token] || undefined
    if (names.route !== undefined) this.#route = cookies[names.route] || undefined
  }

  /** To be awaited, if it is something, before the session `sid` is loaded. */
  catchUp(sid: string): Promise<void> | undefined {
    return this.#cluster.sessions.catchUp(sid, this.#token)
  }

  /**
   * Values of `Set-Cookie`, for the response to a request that had to do with the session `sid`, or with several. To be
   * asked when its last write is made, and as soon as its headers leave; what is written later no token can tell of.
   */
  cookies(sid: string | readonly string[], reach: CookieReach): string[] {
    const sids = typeof sid === 'string' ? [sid] : sid
    return [...this.#tokenCookie(sids, reach), ...this.#routeCookie(sids, reach)]
  }

  /**
   * For a response whose headers are about to leave, its lines of `Set-Cookie`: without those that give the client the
   * session `sid`, if that is gone. A late answer would put its dead cookie in the place of that of a login since. Lines
   * that tell the client to drop a cookie stay.
   * @param names of the session's cookie, and of its signature where that is a cookie
   */
  withoutDead(sid: string, lines: readonly string[], ...names: readonly string[]): readonly string[] {
    if (this.#cluster.sessions.has(sid)) return lines
    return lines.filter((line) => !names.some((name) => line.startsWith(`${name}=`)) || isDropping(line))
  }

  /**
   * To be awaited, if it is something, before the response leaves: then what it speaks of is on its way to the peers, and
   * no client was told what a SIGKILL of this process takes away. Rejects with `SESSIONMESH_FORGOTTEN_MEMBER`: it is gone.
   */
  flushed(): Promise<void> | undefined {
    // Who asks long after his write, when this member has begun anew since, would be told that nothing waits.
    if (this.#cluster.self.id !== this.#run) return Promise.reject(gone())
    return this.#cluster.sessions.flushed()
  }

  #tokenCookie(sids: readonly string[], reach: CookieReach): string[] {
    const { token: name } = this.#names
    if (name === undefined) return []
    let token = this.#token
    for (const sid of sids) token = this.#cluster.sessions.token(sid, token)
    return token === this.#token ? [] : [setCookie(name, token, reach)]
  }

  #routeCookie(sids: readonly string[], reach: CookieReach): string[] {
    const { route: name } = this.#names
    if (name === undefined) return []
    const isWanted = this.#cluster.ready && sids.some((sid) => this.#cluster.sessions.has(sid))
    const route = isWanted ? this.#names.member : undefined
    return route === this.#route ? [] : [setCookie(name, route, reach)]
  }
}

function gone(): SessionMeshError {
  return new SessionMeshError(
    'SESSIONMESH_FORGOTTEN_MEMBER',
    'The cluster had gone on without this member while the request was on its way: what it wrote may be gone',
  )
}

/** Without a value it tells the client to drop it. */
function setCookie(name: string, value: string | undefined, reach: CookieReach): string {
  const { path, domain, sameSite, partitioned, secure } = reach
  return stringifySetCookie(
    {
      name,
      value: value ?? '',
      path: path ?? '/',
      ...(domain !== undefined && { domain }),
      sameSite: sameSite || 'lax',
      partitioned: partitioned ?? false,
      secure: Boolean(secure),
      httpOnly: true,
      ...(value === undefined && { maxAge: 0, expires: new Date(0) }),
    },
    // A load balancer compares it as it stands; all that is ours is made of a cookie's characters.
    { encode: asItIs },
  )
}

function asItIs(text: string): string {
  return text
}

/** Whether a line of `Set-Cookie` tells the client to drop the cookie. */
function isDropping(line: string): boolean {
  return line.split(';').some((attribute) => {
    const [name = '', value = ''] = attribute.split('=').map((text) => text.trim())
    if (name.toLowerCase() === 'max-age') return Number(value) <= 0
    return name.toLowerCase() === 'expires' && Date.parse(value) <= Date.now()
  })
}
