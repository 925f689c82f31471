export type { SessionCookieOptions } from './cookie.js'
export type { SessionOptions } from './options.js'
export type { Session, SessionData } from './request-session.js'
export { session } from './session.js'
