/**
 * The session's one cookie. `commitSession` returns one line of `Set-Cookie`, so what the client has seen (the token)
 * travels in the same value as the session's id.
 */

import type { Cookie, SessionStorage } from 'react-router'

export type ParseOptions = Parameters<SessionStorage['getSession']>[1]
export type SerializeOptions = Parameters<SessionStorage['commitSession']>[1]

/** What browsers keep of a cookie, in characters: a longer one they drop, and with it the session. */
const MAX_COOKIE_LENGTH = 4096

/** What the client brought. */
export interface Brought {
  readonly sid: string | undefined
  readonly token: string | undefined
}

export class SessionCookie {
  readonly #cookie: Cookie

  constructor(cookie: Cookie) {
    this.#cookie = cookie
  }

  /** Whatever a client sends: what is no cookie of ours brings nothing. */
  async parse(header: string | null | undefined, options: ParseOptions): Promise<Brought> {
    const value: unknown = header ? await this.#cookie.parse(header, options) : undefined
    const [sid, token]: unknown[] = Array.isArray(value) ? value : []
    return { sid: textOf(sid), token: textOf(token) }
  }

  /** The line that gives the client its session, and what it has seen. */
  async line(sid: string, token: string | undefined, options: SerializeOptions): Promise<string> {
    if (token !== undefined) {
      const line = await this.#cookie.serialize([sid, token], options)
      if (line.length <= MAX_COOKIE_LENGTH) return line
    }
    return this.#cookie.serialize([sid], options)
  }

  /** The line that takes it away. */
  gone(options: SerializeOptions): Promise<string> {
    return this.#cookie.serialize('', { ...options, maxAge: 0, expires: new Date(0) })
  }

  /** The idle lifetime that the cookie of a commit asks for, in ms; `undefined` when it says nothing. */
  lifetimeMs(options: SerializeOptions): number | undefined {
    if (options?.maxAge !== undefined) return options.maxAge * 1_000
    const expires = options?.expires ?? this.#cookie.expires
    // React Router makes that date of `maxAge`, which counts in seconds, a moment before we take the clock.
    return expires && Math.ceil((expires.getTime() - Date.now()) / 1_000) * 1_000
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
