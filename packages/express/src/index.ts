export type { MeshSessionOptions, SessionStoreOptions } from './options.js'
export { session } from './session.js'
export { SessionStore } from './store.js'
