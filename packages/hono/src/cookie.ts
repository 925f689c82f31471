/** The session's cookie: its id, signed by Hono's own helpers. */

import type { Context } from 'hono'
import { getSignedCookie } from 'hono/cookie'
import { type CookieOptions, serialize, serializeSigned } from 'hono/utils/cookie'
import type { CookieReach } from 'sessionmesh/adapter'

/** As Hono's own `CookieOptions`, without what would expire or rename it. */
export interface SessionCookieOptions {
  domain?: string | undefined
  /** Default `'/'`. */
  path?: string | undefined
  /** In seconds, as everywhere in Hono. Without it the cookie ends with the browser. */
  maxAge?: number | undefined
  /** Default true. */
  httpOnly?: boolean | undefined
  /** Default false: say true where users come over HTTPS. */
  secure?: boolean | undefined
  /** Default `'Lax'`. */
  sameSite?: 'Strict' | 'Lax' | 'None' | 'strict' | 'lax' | 'none' | undefined
  partitioned?: boolean | undefined
  priority?: 'Low' | 'Medium' | 'High' | 'low' | 'medium' | 'high' | undefined
}

/** What a request's cookie says. */
export interface Brought {
  readonly sid: string
  /** Signed with a secret that is on its way out. */
  readonly isOld: boolean
}

export class SessionCookie {
  readonly #name: string
  readonly #secrets: readonly [string, ...string[]]
  readonly #options: CookieOptions
  /** Where the browser sends it. */
  readonly reach: CookieReach
  readonly hasMaxAge: boolean

  constructor(name: string, secrets: readonly [string, ...string[]], options: SessionCookieOptions) {
    this.#name = name
    this.#secrets = secrets
    const { path = '/', sameSite = 'Lax', httpOnly = true, ...others } = options
    this.#options = { path, sameSite, httpOnly, ...others } as CookieOptions
    const reachOf = { strict: 'strict', lax: 'lax', none: 'none' } as const
    const { domain, secure, partitioned } = others
    this.reach = {
      ...{ path, domain, secure, partitioned },
      sameSite: reachOf[sameSite.toLowerCase() as keyof typeof reachOf],
    }
    this.hasMaxAge = options.maxAge !== undefined
  }

  /** `undefined` when there is none, or none that was signed here. */
  async read(c: Context): Promise<Brought | undefined> {
    for (const secret of this.#secrets) {
      const sid = await getSignedCookie(c, secret, this.#name)
      if (sid === undefined) return undefined
      if (sid !== false) return { sid, isOld: secret !== this.#secrets[0] }
    }
    return undefined
  }

  /** A `Set-Cookie` that gives the client this id. */
  give(sid: string): Promise<string> {
    return serializeSigned(this.#name, sid, this.#secrets[0], this.#options)
  }

  /** A `Set-Cookie` that takes it away. */
  drop(): string {
    return serialize<string>(this.#name, '', { ...this.#options, maxAge: 0 })
  }
}
