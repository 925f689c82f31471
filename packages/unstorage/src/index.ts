export { type MeshDriver, meshDriver } from './driver.js'
export type { MeshDriverOptions, MeshTransactionOptions } from './options.js'
export type { StorageVisit } from './visit.js'
