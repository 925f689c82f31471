export type { MeshSessionOptions } from './options.js'
export { session } from './session.js'
export type { Session, SessionData, SessionModel } from './types.js'
