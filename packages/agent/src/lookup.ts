/**
 * Looks names up, one question for each at a time. A dial gives up long before the system does when the name server is
 * dead, and the next dial would ask again: the questions would take the threads that the user's own files and names
 * are waiting for.
 */

import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'

/** One address and its family, or all of them when the options ask for that. */
type Done = (error: NodeJS.ErrnoException | null, found: string | LookupAddress[], family?: number) => void
type Lookup = (name: string, options: LookupOptions, done: Done) => void

/** @param ask what looks a name up; to be called once for all that want the same at the same time. */
export function sharedLookup(ask: Lookup): Lookup {
  const waiting = new Map<string, Done[]>()
  return (name, options, done) => {
    const key = JSON.stringify([name, options])
    const others = waiting.get(key)
    if (others !== undefined) {
      others.push(done)
      return
    }
    waiting.set(key, [done])
    const answerAll: Done = (...answer) => {
      const all = waiting.get(key) ?? []
      waiting.delete(key)
      for (const each of all) each(...answer)
    }
    try {
      ask(name, options, answerAll)
    } catch (error) {
      // (What is no name at all, it says at once.)
      answerAll(error as NodeJS.ErrnoException, [])
    }
  }
}

/** For the `lookup` option of sockets. */
export const lookup = sharedLookup(systemLookup as Lookup)

/** All addresses of a name, as the system knows them. A question that is under way cannot be taken back. */
export function lookupAll(name: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, found) => {
      if (error !== null) reject(error)
      else resolve((found as LookupAddress[]).map(({ address }) => address))
    })
  })
}
