export type { ErrorCode } from '@sessionmesh/core'
export { SessionMeshError } from '@sessionmesh/core'
export { checkMerge } from './check-merge.js'
export { joinCluster } from './cluster.js'
export { counter } from './counter.js'
export type { ChannelMessage } from './diagnostics/channels.js'
export type {
  AttributeReport,
  Census,
  Cursor,
  DiagnosticEvent,
  Diagnostics,
  Fingerprint,
  LinkReport,
  MemberReport,
  ReportOptions,
  Sample,
  SessionReport,
  StampReport,
} from './diagnostics/types.js'
export type { Announcement, Discovery, Report, Search } from './discovery/discovery.js'
export { type DnsOptions, dns } from './discovery/dns.js'
export { type MdnsOptions, mdns } from './discovery/mdns.js'
export { type ShutDownOptions, shutDown } from './shut-down.js'
export type {
  Acks,
  Base,
  CertificateOptions,
  Cluster,
  ClusterEvents,
  ClusterOptions,
  Config,
  Counters,
  DestroyByOptions,
  Loaded,
  Logger,
  Member,
  MemberState,
  SessionEvent,
  Sessions,
  SessionsOptions,
  Status,
  WriteOptions,
  WriteResult,
} from './types.js'
export { type AllowableType, allowTypes } from './value-types.js'
