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

/** How a session's cookie is set, without the date. */
interface StoredCookie extends Fields {
  /** With an expiry (`maxAge`, `expires`); false: gone when the browser closes. */
  persistent: boolean
}

/** What is read of a session's cookie: the framework's own, or the plain data that a store's user passes. */
export interface CookieLike extends Fields {
  expires?: Date | string | boolean | null | undefined
  originalMaxAge?: number | boolean | null | undefined
}

/**
 * The cookie as the attribute `cookie`: JSON, always with the same fields in the same order, so that equal cookies are
 * equal texts.
 * @param known of a cookie that may be the same: then it is that text
 */
export function toStored(cookie: CookieLike, known?: string): string {
  const { path = '/', domain, httpOnly = true, secure, sameSite, partitioned, priority } = cookie
  const persistent = expiryOf(cookie, 0) !== undefined
  const before = known === undefined ? undefined : parsed(known)
  const isSame =
    before !== undefined &&
    before.persistent === persistent &&
    before.path === path &&
    before.domain === domain &&
    before.httpOnly === httpOnly &&
    before.secure === secure &&
    before.sameSite === sameSite &&
    before.partitioned === partitioned &&
    before.priority === priority
  if (isSame && known !== undefined) return known
  const stored: StoredCookie = { persistent, path, domain, httpOnly, secure, sameSite, partitioned, priority }
  return JSON.stringify(stored)
}

/** The plain cookie that the framework expects from a store's `get`. */
export function fromStored(stored: unknown, ttlMs: number, expiresAt: number) {
  const { persistent, path, domain, httpOnly, secure, sameSite, partitioned, priority } =
    (typeof stored === 'string' && parsed(stored)) || DEFAULT
  return {
    path,
    domain,
    httpOnly,
    secure,
    sameSite,
    partitioned,
    priority,
    originalMaxAge: persistent ? ttlMs : null,
    expires: persistent ? new Date(expiresAt) : null,
  }
}

const DEFAULT: StoredCookie = { persistent: false, path: '/', httpOnly: true }

/** Nearly all sessions of an application have the same one, or one of a few. */
const lately = new Map<string, StoredCookie | undefined>()
const MAX_LATELY = 100

/** `undefined` for an attribute of that name that was written past this package. */
function parsed(text: string): StoredCookie | undefined {
  if (lately.has(text)) return lately.get(text)
  if (lately.size >= MAX_LATELY) lately.clear()
  const cookie = parse(text)
  lately.set(text, cookie)
  return cookie
}

function parse(text: string): StoredCookie | undefined {
  try {
    const cookie: unknown = JSON.parse(text)
    return typeof cookie === 'object' && cookie !== null && 'persistent' in cookie
      ? (cookie as StoredCookie)
      : undefined
  } catch {
    return undefined
  }
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
