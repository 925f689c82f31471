/** What several files do with errors: their own, and the system's. */

import { inspect } from 'node:util'
import { SessionMeshError } from '@sessionmesh/core'

export function badOption(message: string): SessionMeshError {
  return new SessionMeshError('SESSIONMESH_BAD_OPTION', message)
}

/**
 * @param prefix what stands before the names, as in `cookie.`
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION` for a name that is not `known`
 */
export function checkNames(options: object, known: readonly string[], prefix: string, of = ''): void {
  const stray = Object.keys(options).find((key) => !known.includes(key))
  if (stray !== undefined)
    throw badOption(`${prefix}${stray} is not an option${of}. Known are: ${known.join(', ')}`)
}

/** What options must be. (To JavaScript `null` is one, and has none of them.) */
export function isObject(given: unknown): given is object {
  return typeof given === 'object' && given !== null
}

/** A promise, of whatever library. */
export function isThenable(given: unknown): boolean {
  return isObject(given) && 'then' in given && typeof given.then === 'function'
}

/** The system's code of an error, as in `ECONNREFUSED`, if it has one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

/** What somebody else's code threw, in words: it may be anything, also what fails when it is made a text. Never throws. */
export function messageOf(thrown: unknown): string {
  return wordsOf(thrown, ({ message }) => message)
}

/** The same, and where it was thrown. */
export function stackOf(thrown: unknown): string {
  return wordsOf(thrown, ({ stack, message }) => stack ?? message)
}

function wordsOf(thrown: unknown, ofError: (error: Error) => unknown): string {
  try {
    if (thrown instanceof Error) return String(ofError(thrown))
    // (What is in an object is no business of a log.)
    return isObject(thrown) ? inspect(thrown, { depth: -1 }) : String(thrown)
  } catch {
    return 'something that cannot be shown was thrown'
  }
}
