/**
 * What the adapters for frameworks have in common, for who writes another one (`sessionmesh/adapter`). An application
 * needs none of it.
 */

export { badOption, checkNames } from '../errors.js'
export { withoutLocal, withPrints } from './changes.js'
export type { CookieLike } from './cookie.js'
export { type Callback, type CookieSession, CookieSessions, type LoadedState } from './cookie-sessions.js'
export { newNotes } from './notes.js'
export {
  type Adapter,
  type AdapterOptions,
  type Check,
  checkFlag,
  checkSecret,
  checkStoreOptions,
  checkValues,
  cookieChecks,
  cookieNameCheck,
  oneOf,
  type Store,
  type StoreOptions,
} from './options.js'
export type { CookieReach } from './set-cookie.js'
export { type Visit, Visits } from './visit.js'
