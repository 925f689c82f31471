export type { MeshSessionOptions } from './options.js'
export { session } from './session.js'
