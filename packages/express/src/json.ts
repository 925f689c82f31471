/**
 * express-session tells whether a session was modified by hashing its JSON, in which a Map looks like any other; and a
 * BigInt or a cycle throws, inside `res.end`, where the request then hangs. The stores behind us keep all of these.
 *
 * Hence each Session object gets a `toJSON` that nobody enumerates. It answers with the session itself where JSON shows
 * every change, and else with prints of what JSON does not show. These leave out the cookie, as express-session's hash
 * does: its expiry moves with every request and is no modification. Attributes that stay in this process may be anything,
 * as the request itself: they are not looked into, neither for the hash nor for anybody's JSON.
 */
import { withPrints } from 'sessionmesh/adapter'

/** How one store's sessions show in JSON. */
export interface Shown {
  /** Names of the attributes that stay in this process. */
  readonly local: readonly string[]
  /** What stands for the session when express-session is about to hash it; `undefined`: its JSON. */
  inShort(session: object): object | undefined
}

/**
 * Gives what makes `JSON.stringify(session)`, and so express-session's hash, see every change of a session. (One function for
 * all sessions: to make one for each costs more than all else of it.)
 */
export function newJsonView({ local, inShort }: Shown): (session: object) => void {
  function toJSON(this: object): object {
    return inShort(this) ?? withPrints(this, local, 'cookie')
  }
  const toJson: PropertyDescriptor = {
    configurable: true,
    enumerable: false,
    get: () => toJSON,
    // An attribute of that name is the app's, and takes its place.
    set(this: object, value: unknown) {
      Object.defineProperty(this, 'toJSON', { configurable: true, enumerable: true, writable: true, value })
    },
  }
  return (session) => {
    if (!Object.hasOwn(session, 'toJSON')) Object.defineProperty(session, 'toJSON', toJson)
  }
}
