/** A session of 1 KB in three attributes, and what express-session adds to each. */

const ATTRIBUTE = 'x'.repeat(336)

/** The three attributes' characters. */
export const KILOBYTE = 3 * (ATTRIBUTE.length + 6)

export function kilobyte(number: number): Record<string, unknown> {
  const text = String(number).padStart(6, '0')
  return { a: ATTRIBUTE + text, b: ATTRIBUTE + text, c: ATTRIBUTE + text }
}

/** As express-session's `Cookie` tells of itself in JSON: that of a session which ends with the browser. */
export const COOKIE = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }

/** As long as those that express-session makes. */
export function sidOf(number: number): string {
  return `0123456789abcdef0123${String(number).padStart(12, '0')}`
}
