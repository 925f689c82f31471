export type { SessionCookieOptions } from './cookie.js'
export type { MeshSessionOptions } from './options.js'
export type { Session, SessionData } from './request-session.js'
export { session } from './session.js'
