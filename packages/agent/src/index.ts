export type { ErrorCode } from '@sessionmesh/core'
export { SessionMeshError } from '@sessionmesh/core'
export { joinCluster } from './cluster.js'
export type {
  Acks,
  Base,
  Cluster,
  ClusterEvents,
  ClusterOptions,
  Config,
  Counters,
  Loaded,
  Logger,
  Member,
  MemberState,
  SessionEvent,
  Sessions,
  Status,
  WriteOptions,
  WriteResult,
} from './types.js'
