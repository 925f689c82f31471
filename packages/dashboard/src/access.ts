/** Who may see the dashboard, and that what changes something comes from its own page. */

import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'

const COOKIE = 'sessionmesh-dashboard'
export const TOKEN_HEADER = 'x-sessionmesh-token'
const TOKEN = /^[\w-]{32}$/

/** What proxies say of whom they forward, and of themselves. */
const FORWARDED =
  /^(forwarded|via|x-real-ip|x-client-ip|x-cluster-client-ip|x-forwarded-.*|x-original-.*|x-envoy-.*|cf-.*|true-client-ip|fastly-.*)$/

/**
 * It comes from this machine, and not by way of a proxy on it, as far as a request can tell: nginx, which names nobody unless
 * it is told to, speaks HTTP/1.0 to what is behind it (up to 1.29). And it asks for a name of this machine: a page elsewhere whose
 * name was made to resolve to it has its own name there.
 */
export function isFromHere(req: IncomingMessage): boolean {
  return (
    isLoopback(req.socket.remoteAddress ?? '') &&
    isLoopback(hostnameOf(hostOf(req))) &&
    req.httpVersion !== '1.0' &&
    !Object.keys(req.headers).some((name) => FORWARDED.test(name))
  )
}

/**
 * The token of this browser: the same in a cookie that no script can read, and on the page. Whoever makes the browser send the
 * one cannot say the other. It is no secret of any server, so that it holds whichever one answers.
 */
export function giveToken(req: IncomingMessage, res: ServerResponse): string {
  const known = tokenOf(req)
  if (known !== undefined) return known
  const token = randomBytes(24).toString('base64url')
  const secure = 'encrypted' in req.socket ? '; Secure' : ''
  // (No Path: it is of the addresses beside the one asked for.)
  res.appendHeader('set-cookie', `${COOKIE}=${token}; HttpOnly; SameSite=Strict${secure}`)
  return token
}

/** It was sent by the page that this browser got from here. */
export function isOfPage(req: IncomingMessage): boolean {
  const site = req.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  const { origin } = req.headers
  if (site === undefined && origin !== undefined && !isOrigin(origin, hostOf(req))) return false
  const cookie = tokenOf(req)
  const said = req.headers[TOKEN_HEADER]
  if (cookie === undefined || typeof said !== 'string' || said.length !== cookie.length) return false
  return timingSafeEqual(Buffer.from(cookie), Buffer.from(said))
}

function tokenOf(req: IncomingMessage): string | undefined {
  for (const each of (req.headers.cookie ?? '').split(';')) {
    const [name, value = ''] = each.trim().split('=')
    if (name === COOKIE && TOKEN.test(value)) return value
  }
  return undefined
}

function hostOf(req: IncomingMessage): string {
  return String(req.headers[':authority'] ?? req.headers.host ?? '')
}

function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^::ffff:/, '').toLowerCase()
  if (isIP(bare) === 4) return bare.startsWith('127.')
  return bare === '::1' || bare === 'localhost' || bare.endsWith('.localhost')
}

function isOrigin(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host
}
