export type { ErrorCode } from '@sessionmesh/core'
export { SessionMeshError } from '@sessionmesh/core'
export { joinCluster } from './cluster.js'
export type { Announcement, Discovery, Report, Search } from './discovery/discovery.js'
export { type DnsOptions, dns } from './discovery/dns.js'
export { type MdnsOptions, mdns } from './discovery/mdns.js'
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
