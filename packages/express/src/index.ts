export { type MeshSessionOptions, session } from './session.js'
export { SessionStore, type SessionStoreOptions } from './store.js'
