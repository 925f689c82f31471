export type { MeshSessionStorageOptions } from './options.js'
export { createMeshSessionStorage, type MeshSessionStorage } from './storage.js'
