/**
 * The public surface of the agent, in one place: what a user passes to `joinCluster`, and what comes back.
 * The behaviour behind it lives in cluster.ts and sessions.ts.
 */

import type { X509Certificate } from 'node:crypto'
import type { Acks, Base, Config, Counters, ErrorCode, MemberState } from '@sessionmesh/core'
import type { Diagnostics, LinkReport } from './diagnostics/types.js'
import type { Discovery } from './discovery/discovery.js'

export type { Acks, Base, Config, Counters, MemberState }

/**
 * What a user passes to `joinCluster`. Where it says nothing, environment variables do: `SESSIONMESH_SECRET`,
 * `SESSIONMESH_CLUSTER` (`name`), `SESSIONMESH_LISTEN`, `SESSIONMESH_PEERS` and `SESSIONMESH_ADVERTISE`.
 */
export interface ClusterOptions {
  /** Cluster name: members with another name are never linked. Default `'default'`. */
  name?: string | undefined
  /**
   * The shared secret, hard to guess (`npx sessionmesh secret` makes one), from which the links' TLS key is derived. Several secrets, as a list
   * or with commas between them, allow rotation: the first is used for dialling, all are accepted. Without one,
   * only loopback is allowed.
   */
  secret?: string | readonly string[] | undefined
  /**
   * Certificates of their own for the members, which authenticate links in place of a key from the secret. The secret is
   * needed as well: it signs what clients carry. The same kind on all members.
   */
  tls?: CertificateOptions | undefined
  /**
   * Where this member accepts links. Default host: with a secret every address of this machine, without one
   * `127.0.0.1`. Default port: the first free one from 7373 to 7404; port 0 picks any free one.
   */
  listen?: { host?: string; port?: number } | undefined
  /** `host:port` at which the others reach this member, where it is not what it listens on (NAT, a proxy). */
  advertise?: string | undefined
  /**
   * How other members are found; any one living member is enough, and it tells of the others. Each entry is
   *
   * - `host:port`, or `host:7373-7376` for several processes on one host (IPv6 in brackets);
   * - `dns(name)`, or `'dns:name'`, for all that a name resolves to;
   * - `mdns()`, or `'mdns'`, for those on the same LAN and on the same machine;
   * - a `Discovery` of your own.
   *
   * Default `[mdns()]`. With `[]` nobody is looked for.
   */
  peers?: readonly (string | Discovery)[] | undefined
  /** A stable name of this member for people and logs. Default `hostname:port`. */
  memberName?: string | undefined
  /**
   * What a write waits for unless it says otherwise: nothing, one peer, or all that live (but for those that are just
   * joining, if others are there). Alone, `'one'` fails with `SESSIONMESH_NO_PEER`, and `'all'` has nobody to wait for.
   * Default `'none'`.
   */
  acks?: Acks | undefined
  /** Idle lifetime of a session whose writer names none, in ms. Default 24 h. */
  ttlMs?: number | undefined
  /** What some attributes of sessions are for. The same on all members. */
  sessions?: SessionsOptions | undefined
  /** How long `joinCluster` waits for peers that neither answer nor refuse, in ms. Default 5000. */
  joinTimeoutMs?: number | undefined
  /** Console-shaped logger. Without one, warnings that no listener of `warning` takes go to `console.warn`. */
  logger?: Logger | undefined
  /** Timeouts and limits of the protocol; see `Config` in @sessionmesh/core for each meaning and default.
   * (That of `maxTotalBytes` is two fifths of the limit of this process's heap.) */
  config?: Partial<Omit<Config, 'ttlMs' | 'joinTimeoutMs'>> | undefined
}

/** For links in TLS 1.3: certificates, keys and lists in PEM, as `node:tls` takes them. */
export interface CertificateOptions {
  /**
   * This member's certificate, and after it those between it and one of `ca`. If it names what it may be used for, that has
   * to be both: to authenticate servers, and clients.
   */
  cert: string | Buffer
  key: string | Buffer
  /** Of the key. */
  passphrase?: string | undefined
  /**
   * Authorities for the certificates of members. Whoever has a certificate of one of them is let in, unless `authorizePeer`
   * says otherwise: an authority that signs for others too needs one.
   */
  ca: string | Buffer | readonly (string | Buffer)[]
  /** Lists of certificates that were withdrawn. */
  crl?: string | Buffer | readonly (string | Buffer)[] | undefined
  /**
   * Whether the bearer of this certificate is a member: says `true`, at once; all else, and an error, keeps him out. It is
   * asked by both ends of each link, after the certificate was checked. The address of a member is not: addresses are
   * found, and prove nothing. As in `(certificate) => certificate.checkHost('web.shop.internal') !== undefined`.
   */
  authorizePeer?: ((certificate: X509Certificate) => boolean) | undefined
}

/** What some attributes of sessions are for; an attribute is a top-level field of a session. */
export interface SessionsOptions {
  /**
   * Attributes by which sessions are found (`findBy`, `destroyBy`), as in `['userId']`; `passport.user` is the field `user`
   * of the attribute `passport`. Their values are texts, numbers, bigints or booleans; others are not found. Default none.
   */
  indexBy?: readonly string[] | undefined
  /**
   * Attributes that do not leave this process: they are neither sent nor packed, so they may be anything, and each member
   * has its own. They end with their session, and count as no change of it. Default none.
   */
  localAttributes?: readonly string[] | undefined
  /**
   * How concurrent values of an attribute become one, in place of the later one winning: as in `{ cart: unionBySku }`.
   * What one request after another writes is replaced as ever, also by less; only what neither of two writers had seen
   * of the other is merged. Each function must be commutative, associative and idempotent (see `checkMerge`), and change
   * neither argument; `counter` is for numbers to which requests add. Default none.
   */
  merge?: Readonly<Record<string, (a: never, b: never) => unknown>> | undefined
}

/** The part of `console` (or pino) that the agent uses. */
export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** A participant of the cluster, self included, as this member sees it. */
export interface Member {
  /** Unique per run of the member's process (its incarnation). */
  readonly id: string
  readonly name: string
  /** `host:port` at which it accepts links; of this member, when it listens on all addresses, one of them. */
  readonly address: string
  readonly state: MemberState
  readonly self: boolean
}

/** What `load` returns. */
export interface Loaded {
  /** A fresh copy of the session's attributes: changing it changes nothing in the cluster. */
  data: Record<string, unknown>
  /** What a later `write` compares with; opaque. */
  base: Base
  /** Idle lifetime in ms. */
  ttlMs: number
  /** How long the session will live without further use, in ms. */
  remainingMs: number
}

export interface WriteOptions {
  /**
   * From the `load` of the same request. With it, only what differs from the loaded state is written, and
   * a session that is gone since (destroyed, expired) stays gone. Without it the session is created, or
   * replaced as a whole.
   */
  base?: Base | undefined
  /** Idle lifetime in ms; default: unchanged, or the cluster's `ttlMs` for a new session. */
  ttlMs?: number | undefined
  /** Default: the cluster's `acks`. */
  acks?: Acks | undefined
}

export interface WriteResult {
  /**
   * `created`, `changed`, `unchanged` (nothing differed: counts as a touch), or `dropped`: the session was
   * destroyed or has expired since it was loaded; nothing was written.
   */
  outcome: 'created' | 'changed' | 'unchanged' | 'dropped'
  /** Names of the attributes that were set or removed. */
  changed: string[]
  /** State for further writes of the same request; `undefined` when dropped. */
  base: Base | undefined
  /**
   * Resolves with the number of peers that held the write when the acks asked for had arrived (0 at once for
   * `'none'`, and for a write that was dropped). Rejects with `SESSIONMESH_ACK_TIMEOUT` or `SESSIONMESH_NO_PEER`: the write stays made locally
   * and still replicates, but the acks are not there. An unobserved rejection is not an unhandled one.
   */
  acked: Promise<number>
}

export interface DestroyByOptions {
  /**
   * Which of them: `({ sid }) => sid !== req.sessionID` keeps the one that asks. Says true or false, at once. `data` is
   * loaded when it is looked at. Default all.
   */
  where?: ((session: { sid: string; data: Record<string, unknown> }) => boolean) | undefined
  /** Default: the cluster's `acks`. `acked` resolves with the fewest peers that held one of them. */
  acks?: Acks | undefined
}

/** The sessions of the cluster, free of any framework. All reads are local and synchronous. */
export interface Sessions {
  /** Sessions held; one that has expired counts until it is forgotten, a grace later. `keys()` leaves it out. */
  readonly size: number
  /** The cluster's default for writes. */
  readonly acks: Acks
  /** The cluster's default idle lifetime, in ms. */
  readonly ttlMs: number
  /** The attributes by which sessions are found: those of `sessions.indexBy`. */
  readonly indexBy: readonly string[]
  /** Names of the attributes that stay on this member. */
  readonly localAttributes: readonly string[]
  /**
   * The session as this member knows it now, or `undefined`. Loading is not a touch.
   * @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE` when a member of another version wrote it
   */
  load(sid: string): Loaded | undefined
  /**
   * Read-your-writes: `undefined` when this member may serve `sid` to the bearer of `token` at once; else a
   * promise that resolves (never rejects) when it has caught up, or has given up and counted it. An invalid
   * token is ignored. Always check before `load` when a client may have been served elsewhere.
   */
  catchUp(sid: string, token: string | undefined): Promise<void> | undefined
  /**
   * The token to hand to the client after it was served `sid` here: the join of the token it brought and
   * what it has seen or written here, less what every known member has that has not left. `undefined` when
   * there is nothing to remember (drop the client's cookie then).
   */
  token(sid: string, brought: string | undefined): string | undefined
  /**
   * Writes `data`. With `acks`, one that changes nothing waits until the session as it is is held by as many. Without a
   * `base` it may create the session: under an id that was never used, also of none that has expired, or the members may
   * come to hold different states of it.
   * @throws SessionMeshError `SESSIONMESH_UNSERIALISABLE_ATTRIBUTE`,
   * `SESSIONMESH_FORBIDDEN_ATTRIBUTE`, `SESSIONMESH_MERGE_FAILED`, `SESSIONMESH_SESSION_TOO_LARGE`, `SESSIONMESH_BAD_SESSION_ID`,
   * `SESSIONMESH_BAD_OPTION`, `SESSIONMESH_CLOSED`; nothing is written then.
   */
  write(sid: string, data: Record<string, unknown>, options?: WriteOptions): WriteResult
  /**
   * Whether a `write` of `data` with this base would change anything; also when it would throw. For frameworks that ask
   * before they save.
   * @param aside name of an attribute that is left out of it
   */
  differs(data: Record<string, unknown>, base: Base, aside?: string): boolean
  /**
   * Renews the idle time, and changes `ttlMs` if given. False when there is no such session.
   * @throws SessionMeshError `SESSIONMESH_BAD_OPTION` for a ttl that is none
   */
  touch(sid: string, options?: { ttlMs?: number | undefined }): boolean
  /**
   * Ends the session for good, on every member. False when there was none here (the id is dead anyway).
   * @throws SessionMeshError `SESSIONMESH_BAD_SESSION_ID`, `SESSIONMESH_CLOSED`
   */
  destroy(sid: string, options?: { acks?: Acks | undefined }): { destroyed: boolean; acked: Promise<number> }
  has(sid: string): boolean
  /**
   * Ids of the sessions that have this value now, as far as this member knows, by an attribute of `sessions.indexBy`. A
   * number and its text are one: `'42'` finds 42.
   * @throws SessionMeshError `SESSIONMESH_BAD_OPTION` when there is no such index, or the value is none that is indexed
   */
  findBy(path: string, value: unknown): string[]
  /**
   * Destroys what `findBy` finds: "log out everywhere", on every member, and final against requests that have loaded one of
   * them. What this member does not know of yet (a login of this very moment elsewhere, or beyond a partition) stays.
   * @throws SessionMeshError as `findBy` and `destroy`, as `load` when `where` looks at `data`, and
   * `SESSIONMESH_BAD_OPTION`; nothing is destroyed then
   */
  destroyBy(
    path: string,
    value: unknown,
    options?: DestroyByOptions,
  ): { destroyed: string[]; acked: Promise<number> }
  /** Ids of the living sessions. */
  keys(): IterableIterator<string>
  /** The member that answers for the session: its last writer while alive. `undefined` if no such session. */
  owner(sid: string): Member | undefined
  /**
   * Resolves when a SIGKILL of this process can no longer take away what was written before this call: for every linked
   * peer the operating system has it, and all but what the peer's own has room for, 48 KB, the peer has read. A peer that
   * takes nothing for 250 ms is not waited for, until it has taken all. It takes a turn of the loop; a process that had stood still catches up first, for `deadAfterMs` at most: it may
   * have been given up meanwhile. `undefined` when nothing waits. Rejects with `SESSIONMESH_FORGOTTEN_MEMBER` when the
   * cluster had gone on without this member and what was just written is gone.
   */
  flushed(): Promise<void> | undefined
}

/**
 * What a member tells of. `member:*` speaks of the others, as this member sees them, and of each only once it was
 * alive here.
 */
export interface ClusterEvents {
  /** Linked, and heard. Told again when one that was suspect or dead is back. */
  'member:alive': [Member]
  /** Its link closed, or it is silent for `suspectAfterMs`. It still answers for its sessions. */
  'member:suspect': [Member]
  /** Silent for `deadAfterMs`, or nobody listens at its address; and no other member hears it. It may come back. */
  'member:dead': [Member]
  /** It has closed, or a new run of it has joined at its name and address: this one does not come back. */
  'member:left': [Member]
  /** Of this member: `drain()` or `close()` was called. What holds connections open (streams, WebSockets) ends them now. */
  draining: [Member]
  /** `member` died or left; `sessions` are the ids for which this member now answers, often none. */
  takeover: [{ member: Member; sessions: string[] }]
  /** `peer` is asked for all that this member lacks: on each new link, after a stall, and when something was missed. */
  'sync:start': [{ peer: Member }]
  /** A transfer from `peer` ended; when `complete` is false nothing of it was kept. `sessions`: how many it brought, tombstones among them. */
  'sync:end': [{ peer: Member; complete: boolean; sessions: number }]
  'session:created': [SessionEvent]
  'session:changed': [SessionEvent]
  'session:destroyed': [SessionEvent]
  /** Told by the member alone that answers for the session, so that it is told once. */
  'session:expired': [SessionEvent]
  /**
   * Something that a person should know; rate-limited by code and address. Of addresses that nobody named, as mDNS finds
   * them and as strangers come from, each code is one: `address` is that of one of them.
   */
  warning: [{ code: ErrorCode; message: string; address?: string | undefined }]
}

/**
 * `created`, `changed` and `destroyed` are told on every member, `expired` on one. Each at least once, and exactly once
 * while nothing fails, also when members join and leave. A member that joins is not told of what it is given then: see `keys()`.
 */
export interface SessionEvent {
  sid: string
  /** Attributes that were set or removed; empty for destroyed and expired. */
  changed: string[]
  /** True when this member answers for the session: the one that should act where one is enough. */
  owned: boolean
  /** True when the change was made on this member. */
  local: boolean
}

/** A JSON-able picture for health checks. */
export interface Status {
  cluster: string
  self: Member
  members: Member[]
  /** As `Cluster.ready`. */
  ready: boolean
  /** Sessions held, as `sessions.size` counts them. */
  sessions: number
  /** Sessions that were destroyed and are remembered until every known member knows. */
  tombstones: number
  /** Addresses of members, as far as anybody says: the linked ones, and those that are dialled again and again. */
  candidates: number
  /** What waits for peers: questions by id, reads, transfers in either direction. */
  pending: number
  /** Bytes of deltas that are held back until a gap before them is closed. */
  heldBytes: number
  /** Sockets to the members' port so far: looked at, and, above what members open, reset unread (`SESSIONMESH_FLOODED`). */
  strangers: { admitted: number; refused: number }
  /** One for each peer that is linked. */
  links: LinkReport[]
  /** Per origin (member id) the stamp up to which everything is merged here. */
  digest: Record<string, string>
  /** What happened here since the process joined. */
  counters: Counters
}

/** This process's membership of a cluster. */
export interface Cluster extends AsyncDisposable {
  readonly name: string
  readonly self: Member
  readonly sessions: Sessions
  /**
   * Whether a load balancer should send requests here: what a health check asks for. False while this member joins anew,
   * having been away for too long, and from `drain()` or `close()` on.
   */
  readonly ready: boolean
  /**
   * Self first, then all that are known: those that died or left are remembered for `forgetDeadAfterMs`. Right after
   * joining some may not be linked yet, and are suspect.
   */
  members(): Member[]
  /** The state of this moment. Cheap, local, and never throws; also after `close()`. */
  status(): Status
  /** What people look at: this member's report and those of its peers, and single sessions. */
  readonly diagnostics: Diagnostics
  /**
   * Listens from now on; what happened while this member joined is told right after `joinCluster` resolves. A listener
   * that throws, or whose promise rejects, is logged (without a logger on the console), and nothing else. `close()` removes all listeners.
   */
  on<E extends keyof ClusterEvents>(event: E, listener: (...args: ClusterEvents[E]) => void): this
  /** As `on`, for the next one alone. */
  once<E extends keyof ClusterEvents>(event: E, listener: (...args: ClusterEvents[E]) => void): this
  /** Takes back an `on` or `once` with the same listener. */
  off<E extends keyof ClusterEvents>(event: E, listener: (...args: ClusterEvents[E]) => void): this
  /**
   * `ready` is false from now on, and all else goes on: what load balancers still send is served as ever. To be called
   * some of their checks before the HTTP server is closed. Idempotent.
   */
  drain(): void
  /**
   * Changes the keys of this member while it runs, as `joinCluster` takes them. Links that would not be let in with them
   * are closed and made anew: those of a secret that is given no more, and with new certificates all. Nothing is lost by
   * that; peers are suspect for a moment. To replace a secret, give all members `[old, new]`, then all `[new, old]`, then all
   * `new`.
   * @throws SessionMeshError `SESSIONMESH_BAD_OPTION` for what is no key, or a `tls` where the member joined without, and
   * `SESSIONMESH_WEAK_SECRET`; nothing is changed then
   */
  rekey(keys: { secret?: string | readonly string[] | undefined; tls?: CertificateOptions | undefined }): void
  /**
   * Leaves the cluster: hands over what it may hold alone, for `handoverTimeoutMs` at the most, and closes every link.
   * From the call on what would change something throws `SESSIONMESH_CLOSED`; reads go on, for requests that are being
   * finished, and a touch, or a write that changes nothing, does nothing. Idempotent. Never rejects.
   */
  close(): Promise<void>
}
