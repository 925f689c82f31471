/**
 * What every adapter does around a request and its response, whatever the framework: reads the causal token that the
 * client brings, waits for what it has seen, and sends it away with what it has seen then.
 */

import { SessionMeshError } from '@sessionmesh/core'
import { parseCookie } from 'cookie'
import type { Acks, Cluster, Sessions } from '../types.js'
import { type Adapter, type AdapterOptions, checkAdapterOptions } from './options.js'
import { CookieLines, type CookieReach, isDropping } from './set-cookie.js'

/** What an adapter makes once, of its user's options. */
export class Visits {
  readonly sessions: Sessions
  readonly acks: Acks
  readonly ttlMs: number
  readonly #cluster: Cluster
  readonly #cookies: OurCookies

  /**
   * @param where what the user calls, for messages
   * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
   */
  constructor(options: AdapterOptions, where: string, adapter: Adapter) {
    const { store, names } = checkAdapterOptions(options, where, adapter)
    this.#cookies = {
      token: names.token === undefined ? undefined : new CookieLines(names.token),
      route: names.route === undefined ? undefined : new CookieLines(names.route),
      member: names.member,
    }
    this.#cluster = options.cluster
    this.sessions = store.sessions
    this.acks = store.acks
    this.ttlMs = store.ttlMs ?? adapter.ttlMs ?? store.sessions.ttlMs
  }

  /** @param cookieHeader the request's `Cookie` */
  begin(cookieHeader: string | undefined | null): Visit {
    return new Visit(this.#cluster, this.#cookies, cookieHeader ?? '')
  }
}

interface OurCookies {
  readonly token: CookieLines | undefined
  readonly route: CookieLines | undefined
  /** What the route cookie says here. */
  readonly member: string
}

/** One request and its response. */
export class Visit {
  readonly #cluster: Cluster
  /** The run of this member that the request came to. */
  readonly #run: string
  readonly #cookies: OurCookies
  readonly #token: string | undefined
  readonly #route: string | undefined

  constructor(cluster: Cluster, cookies: OurCookies, cookieHeader: string) {
    this.#cluster = cluster
    this.#run = cluster.self.id
    this.#cookies = cookies
    // Most requests of a page are for what has no session, and parsing is not free.
    const { token, route } = cookies
    const isThere = (ours: CookieLines | undefined) => ours !== undefined && cookieHeader.includes(ours.name)
    if (!isThere(token) && !isThere(route)) return
    // (All that is ours is made of a cookie's characters, and nothing else is looked at.)
    const brought = parseCookie(cookieHeader, { decode: asItIs })
    if (token !== undefined) this.#token = brought[token.name] || undefined
    if (route !== undefined) this.#route = brought[route.name] || undefined
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
    const lines = this.#cookies.token
    if (lines === undefined) return []
    let token = this.#token
    for (const sid of sids) token = this.#cluster.sessions.token(sid, token)
    return token === this.#token ? [] : [lines.line(token, reach)]
  }

  #routeCookie(sids: readonly string[], reach: CookieReach): string[] {
    const { route: lines, member } = this.#cookies
    if (lines === undefined) return []
    const isWanted = this.#cluster.ready && sids.some((sid) => this.#cluster.sessions.has(sid))
    const route = isWanted ? member : undefined
    return route === this.#route ? [] : [lines.line(route, reach)]
  }
}

function gone(): SessionMeshError {
  return new SessionMeshError(
    'SESSIONMESH_FORGOTTEN_MEMBER',
    'The cluster had gone on without this member while the request was on its way: what it wrote may be gone',
  )
}

function asItIs(text: string): string {
  return text
}
