/** What an answer of a member says, and what it may lack: see member-app.ts and member-session.ts. */

import type { Reply } from '../browser.js'
import type { Answer } from '../member-protocol.js'
import { EXCEPTIONS_HEADER, type Exceptions } from '../member-session.js'

/** A read is given up after `waitMs` and `askTimeoutMs`, 1050 ms; timers are not exact. */
const GIVEN_UP_MS = 1_000

export function answerOf({ text }: Reply): Answer {
  const answer: Answer = JSON.parse(text)
  return answer
}

export function exceptionsOf({ headers }: Reply): Exceptions | undefined {
  const header = headers[EXCEPTIONS_HEADER]
  if (typeof header !== 'string') return undefined
  const exceptions: Exceptions = JSON.parse(header)
  return exceptions
}

/**
 * Whether the member counted that this answer lacks something. A stale read is one that was given up, so it
 * has waited as long as that takes: another one's, counted meanwhile, is no excuse for an answer given sooner.
 */
export function isExcuse(exceptions: Exceptions | undefined): boolean {
  if (exceptions === undefined) return false
  return exceptions.lostWrites > 0 || (exceptions.staleReads > 0 && exceptions.waitedMs >= GIVEN_UP_MS)
}
