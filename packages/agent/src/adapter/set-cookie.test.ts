/** Lines of our cookies, most of which are made once. */

import { expect, test } from 'vitest'
import { CookieLines, type CookieReach } from './set-cookie.js'

const reaches: readonly CookieReach[] = [
  {},
  { secure: true },
  { path: '/shop' },
  { domain: 'example.org' },
  { sameSite: 'strict' },
  { partitioned: true, secure: true },
]

test('each line has the reach that was asked for, whatever the one before had', () => {
  const made = (reach: CookieReach) => new CookieLines('token').line('abc', reach)
  expect(new Set(reaches.map(made)).size).toBe(reaches.length)
  const lines = new CookieLines('token')
  for (const one of reaches)
    for (const other of reaches) {
      expect(lines.line('abc', one)).toBe(made(one))
      expect(lines.line('abc', other)).toBe(made(other))
    }
})

test('a line says all of it, and one without a value drops the cookie', () => {
  const lines = new CookieLines('token')
  const reach = { path: '/shop', sameSite: 'none', secure: true } as const
  expect(lines.line('a.b-c', reach)).toBe('token=a.b-c; Path=/shop; HttpOnly; Secure; SameSite=None')
  expect(lines.line(undefined, reach)).toContain('token=; Max-Age=0; Path=/shop; Expires=Thu, 01 Jan 1970')
})
