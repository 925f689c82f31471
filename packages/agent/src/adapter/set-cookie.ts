/** Lines of `Set-Cookie` for the cookies that are ours, and what the lines of others say. */

import { stringifySetCookie } from 'cookie'

/** Of the session's own cookie: where the browser sends it. Our cookies go with it. */
export interface CookieReach {
  path?: string | undefined
  domain?: string | undefined
  sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined
  secure?: boolean | 'auto' | undefined
  partitioned?: boolean | undefined
}

/** The lines of one cookie. All of it but the value is nearly always as in the line before, and is made once. */
export class CookieLines {
  readonly name: string
  #reach: CookieReach | undefined
  #attributes = ''

  constructor(name: string) {
    this.name = name
  }

  /** Without a value it tells the client to drop it. @param value of characters that need no encoding */
  line(value: string | undefined, reach: CookieReach): string {
    if (value === undefined) return `${this.name}=${attributesOf(reach, { maxAge: 0, expires: new Date(0) })}`
    if (this.#reach === undefined || !isSame(this.#reach, reach)) {
      const { path, domain, sameSite, partitioned, secure } = reach
      this.#reach = { path, domain, sameSite, partitioned, secure }
      this.#attributes = attributesOf(reach)
    }
    return `${this.name}=${value}${this.#attributes}`
  }
}

function isSame(a: CookieReach, b: CookieReach): boolean {
  return (
    a.path === b.path &&
    a.domain === b.domain &&
    a.sameSite === b.sameSite &&
    a.secure === b.secure &&
    a.partitioned === b.partitioned
  )
}

function attributesOf(reach: CookieReach, ended: { maxAge?: number; expires?: Date } = {}): string {
  const { path, domain, sameSite, partitioned, secure } = reach
  const line = stringifySetCookie({
    name: '_',
    value: '',
    path: path ?? '/',
    ...(domain !== undefined && { domain }),
    sameSite: sameSite || 'lax',
    partitioned: partitioned ?? false,
    secure: Boolean(secure),
    httpOnly: true,
    ...ended,
  })
  return line.slice('_='.length)
}

/** Whether a line of `Set-Cookie` tells the client to drop the cookie. */
export function isDropping(line: string): boolean {
  return line.split(';').some((attribute) => {
    const [name = '', value = ''] = attribute.split('=').map((text) => text.trim())
    if (name.toLowerCase() === 'max-age') return Number(value) <= 0
    return name.toLowerCase() === 'expires' && Date.parse(value) <= Date.now()
  })
}
