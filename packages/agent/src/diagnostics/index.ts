/** `sessionmesh/diagnostics`: the picture of the whole mesh, for what shows it to people. */

export type { Convergence, MeshEvent, MeshMember, MeshPicture, Told, Trouble } from './mesh.js'
export { isLiving, latestEvents } from './mesh.js'
export { MeshWatch } from './watch.js'
