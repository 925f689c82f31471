/**
 * The causal token as a cookie: what this client has seen, so that the member that serves its next request knows
 * what to wait for. It goes wherever the session cookie goes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseCookie, stringifySetCookie } from 'cookie'
import type { CookieOptions } from 'express-session'

export function readToken(req: IncomingMessage, name: string): string | undefined {
  const { cookie } = req.headers
  return cookie === undefined ? undefined : parseCookie(cookie)[name] || undefined
}

/**
 * Adds the token's cookie to those that the response sets; without a token it tells the client to drop it.
 * `session` is the session's cookie, whose reach the token's shares.
 */
export function sendToken(
  res: ServerResponse,
  name: string,
  token: string | undefined,
  session: CookieOptions,
): void {
  const { path, domain, sameSite, partitioned, secure } = session
  const line = stringifySetCookie({
    name,
    value: token ?? '',
    path: path ?? '/',
    ...(domain !== undefined && { domain }),
    sameSite: sameSite || 'lax',
    partitioned: partitioned ?? false,
    secure: Boolean(secure),
    httpOnly: true,
    ...(token === undefined && { maxAge: 0, expires: new Date(0) }),
  })
  const others = res.getHeader('Set-Cookie') ?? []
  res.setHeader('Set-Cookie', [...(Array.isArray(others) ? others : [String(others)]), line])
}
