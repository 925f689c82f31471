/**
 * Between the cookie that express-session and @fastify/session keep in a session, and what a cluster keeps of it.
 *
 * They put an expiry date into each session's cookie and move it on every request; stored as it stands, every read
 * would be a write. Here only what stays is an attribute of the session (`cookie`), and the
 * date is worked out anew at each load from the session's idle lifetime, which the members keep anyway. That
 * lifetime is `originalMaxAge`: one source for both, so that they cannot disagree.
 */
import { MAX_DRIFT_MS } from './limits.js'

interface Fields {
  path?: string | undefined
  domain?: string | undefined
  httpOnly?: boolean | undefined
  secure?: boolean | 'auto' | undefined
  sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
}

/** The attribute `cookie` of a session: how its cookie is set, without the date. */
export interface StoredCookie extends Fields {
  /** With an expiry (`maxAge`, `expires`); false: gone when the browser closes. */
  persistent: boolean
}

/** What is read of a session's cookie: the framework's own, or the plain data that a store's user passes. */
export interface CookieLike extends Fields {
  expires?: Date | string | boolean | null | undefined
  originalMaxAge?: number | boolean | null | undefined
}

/** The cookie as an attribute: always the same fields in the same order, so that equal cookies are equal bytes. */
export function toStored(cookie: CookieLike): StoredCookie {
  const { path = '/', domain, httpOnly = true, secure, sameSite, partitioned, priority } = cookie
  const persistent = expiryOf(cookie, 0) !== undefined
  return { persistent, path, domain, httpOnly, secure, sameSite, partitioned, priority }
}

/** The plain cookie that the framework expects from a store's `get`. */
export function fromStored(stored: unknown, ttlMs: number, expiresAt: number) {
  const { persistent, ...fields } = isStored(stored) ? stored : toStored({})
  return {
    ...fields,
    originalMaxAge: persistent ? ttlMs : null,
    expires: persistent ? new Date(expiresAt) : null,
  }
}

/** A session that was written past this package has no such attribute, or another of that name. */
function isStored(value: unknown): value is StoredCookie {
  return typeof value === 'object' && value !== null && 'persistent' in value
}

/** When the cookie expires (ms since 1970), or `undefined` for one that ends with the browser. */
export function expiryOf({ expires, originalMaxAge }: CookieLike, now: number): number | undefined {
  if (expires instanceof Date || typeof expires === 'string') {
    const time = new Date(expires).getTime()
    return Number.isNaN(time) ? undefined : time
  }
  // As some write by hand: a plain `{ originalMaxAge }`.
  return typeof originalMaxAge === 'number' && Number.isFinite(originalMaxAge)
    ? now + originalMaxAge
    : undefined
}

/** The idle lifetime that a cookie expiring at `expiresAt` asks for: one of those `agreed`, but for drift. */
export function lifetimeUntil(expiresAt: number, now: number, agreed: readonly unknown[]): number {
  const left = expiresAt - now
  const isSame = (ms: unknown): ms is number =>
    typeof ms === 'number' && ms >= left && ms - left < Math.min(MAX_DRIFT_MS, ms / 10)
  return left > 0 ? (agreed.find(isSame) ?? left) : left
}
