/**
 * Every timeout and limit of the protocol: what it means, its unit, and what goes wrong when it is too small
 * or too big. Times are in ms, sizes in bytes.
 */

import { SessionMeshError } from './errors.js'

export interface Config {
  /** Period of heartbeats. Smaller costs CPU on an idle cluster; bigger delays the repair of gaps. */
  heartbeatMs: number
  /** Silence after which a peer is suspect. Too small: noise on a busy machine. Too big: late warnings. */
  suspectAfterMs: number
  /**
   * Silence after which a peer is dead and its sessions are taken over. Too small: a long garbage collection
   * looks like a death. Too big: sessions of a frozen server are answered for late.
   */
  deadAfterMs: number
  /** Between the two refused redials that prove that nobody listens. Too small: both hit one backlog hiccup. */
  redialMs: number
  /** First and longest wait between attempts at an address that does not answer. A jitter of half is added. */
  dialBackoffMs: number
  maxDialBackoffMs: number
  /**
   * A member whose clock is ahead by more is refused: its stamps would win over everybody's writes. Stamps may be twice as far
   * ahead: they come by way of members that are as far behind their writer, and we behind them.
   */
  maxClockDriftMs: number
  /** A clock that is ahead by more is a warning. */
  clockDriftWarningMs: number
  /**
   * How long a joiner waits for addresses that neither answer nor refuse, and for who broke off while giving it his state.
   * Too small: it may serve without a peer's state.
   */
  joinTimeoutMs: number
  /** How long a write waits for its acks. */
  ackTimeoutMs: number
  /** How long a member that leaves waits until all peers hold what it has. Bigger than a service manager's patience: it is killed before. */
  handoverTimeoutMs: number
  /**
   * How long a read waits for a delta that the client's token names, before it asks for the session by id. A peer
   * that does not answer that in twice the time is passed over for the next one.
   */
  waitMs: number
  /** How long it waits for the answer before it serves what it has, and says so. */
  askTimeoutMs: number
  /** How long a gap about a linked origin is taken for data in flight. Too small: needless transfers under load. */
  gapPatienceMs: number
  /**
   * Records per chunk of a transfer; ten times as many are visited per turn at the most. Smaller than the sessions written
   * per turn: it never ends.
   */
  transferChunkRecords: number
  /**
   * Bytes per chunk of a transfer: of names and values, with 128 for each session and 64 for each attribute. Bigger blocks the
   * event loop longer; smaller than what is written per turn: it never ends. Raise it on every member at once: others refuse a
   * frame of more small things than they would send.
   */
  transferChunkBytes: number
  /** A transfer without a chunk for so long is given up, and its link cut. */
  transferStallMs: number
  /** Bytes queued for one peer before its link is cut (the next hello repairs). Bounds memory per slow peer. */
  maxLinkBufferBytes: number
  /** Bytes per live message, counted as those of a chunk, and raised as those; a bigger batch is split. */
  maxBatchBytes: number
  /** Bytes per frame; a bigger one cuts the link. Well above a session, a batch and a chunk. */
  maxFrameBytes: number
  /** Idle lifetime of a session whose writer names none. */
  ttlMs: number
  /** Touches are sent at most once per tenth of the ttl, and per this. Bigger: sessions in use expire early elsewhere. */
  maxTouchIntervalMs: number
  /**
   * Members that died without leaving are remembered for so long; tombstones wait for them. Who comes back later and has
   * missed one starts afresh.
   */
  forgetDeadAfterMs: number
  /**
   * How old a destroy, and any other write, must be before it may be forgotten, even if every known member has it:
   * one that joined right before is perhaps known to nobody but a member that died. Smaller: it may have to start
   * afresh when a partition hid it for longer. Bigger: more memory for tombstones.
   */
  tombstoneGraceMs: number
  /** All records are looked at for expiry once in this time, or 100,000 a second if that takes longer. */
  sweepMs: number
  /**
   * Sessions in the cluster, since each member holds all. A write that would begin another one is refused; what is there is
   * served as ever, and nothing is dropped for it. Those that are over and are kept for members that died count as well, so
   * while it is reached the dead are remembered for `tombstoneGraceMs` alone. What peers bring is taken up to four times
   * as many, with what is destroyed: parts that were cut off from each other add up. Beyond that a link that brings more is
   * cut. Give all members the same.
   */
  maxSessions: number
  /** The same for what remains of destroyed sessions; but no destroy is refused. */
  maxTombstones: number
  /**
   * Of names and values of all sessions together, with 512 for each session and 64 for each attribute. A write that would make it more is refused; what
   * peers bring is taken up to twice as much, and beyond that their link is cut. Bigger than two fifths of the memory of the
   * smallest member: that one ends when all is used.
   */
  maxTotalBytes: number
  /** Of names and values in one session. Of a text it counts the characters, which take up to three bytes on a link. */
  maxSessionBytes: number
  /** Attributes in one session, removed ones that peers may not know of included. */
  maxAttributes: number
  /** Characters of a session id and of an attribute's name that is written here, up to 65,535. */
  maxNameLength: number
}

/** Of any text from a peer: what one member may write all others take, whatever limit each of them has. */
export const MAX_TEXT_LENGTH = 65_535

/** Of names and addresses of members, and of the name of a cluster: no host has a longer name. */
export const MAX_LABEL_LENGTH = 300

/** Of ids of members: whatever has merged anything bears some of them, so thousands are told with each digest. */
export const MAX_ORIGIN_LENGTH = 64

/**
 * Members that are known at once, those that are gone included: each is told to all, judged with each heartbeat, and
 * dialled. Fifty that start anew every hour come to it in a day, after which they are forgotten.
 */
export const MAX_MEMBERS = 1_200

/**
 * Origins in one digest. Each start of a member is one, for as long as a session bears its writes: fifty members that start
 * anew four times a day come to half of it with sessions that live for 160 days.
 */
export const MAX_ORIGINS = 65_536

/** Origins in the digests of all peers together, in one frame and kept: fifty members, each of which has merged ten thousand. */
export const MAX_TOLD_ORIGINS = 2 ** 19

/** A member that says it beats more slowly would be waited for as long as it likes. */
export const MAX_HEARTBEAT_MS = 3_600_000

export const defaults: Readonly<Config> = {
  heartbeatMs: 250,
  suspectAfterMs: 750,
  deadAfterMs: 2_000,
  redialMs: 50,
  dialBackoffMs: 200,
  maxDialBackoffMs: 1_000,
  maxClockDriftMs: 10_000,
  clockDriftWarningMs: 500,
  joinTimeoutMs: 5_000,
  ackTimeoutMs: 1_000,
  handoverTimeoutMs: 20_000,
  waitMs: 50,
  askTimeoutMs: 1_000,
  gapPatienceMs: 1_000,
  transferChunkRecords: 1_000,
  transferChunkBytes: 256 * 1024,
  transferStallMs: 5_000,
  maxLinkBufferBytes: 32 * 1024 * 1024,
  maxBatchBytes: 1024 * 1024,
  maxFrameBytes: 16 * 1024 * 1024,
  ttlMs: 24 * 60 * 60 * 1000,
  maxTouchIntervalMs: 60_000,
  forgetDeadAfterMs: 24 * 60 * 60 * 1000,
  tombstoneGraceMs: 30_000,
  sweepMs: 1_000,
  maxSessions: 1_000_000,
  maxTombstones: 1_000_000,
  maxTotalBytes: 1024 * 1024 * 1024,
  maxSessionBytes: 1024 * 1024,
  maxAttributes: 1_000,
  maxNameLength: 256,
}

/**
 * Defaults filled in and relations checked.
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`, with both values and the mend.
 */
export function resolveConfig(given: Partial<Config> = {}): Config {
  const config: Config = { ...defaults }
  for (const key of Object.keys(given) as (keyof Config)[]) {
    const value = given[key]
    if (value === undefined) continue
    if (!(key in defaults))
      throw bad(`config.${key} is not an option. Known are: ${Object.keys(defaults).join(', ')}`)
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw bad(`config.${key} is ${String(value)}; give a number above 0`)
    }
    config[key] = value
  }
  below(config, 'heartbeatMs', 'suspectAfterMs', 2)
  below(config, 'suspectAfterMs', 'deadAfterMs', 1)
  // A character counts one, and takes up to three bytes.
  below(config, 'maxSessionBytes', 'maxFrameBytes', 4)
  below(config, 'maxBatchBytes', 'maxFrameBytes', 4)
  // (A chunk may be one attribute above its bound, and that as large as a session.)
  below(config, 'transferChunkBytes', 'maxFrameBytes', 12)
  // One of these alone must not cut the link of a peer that reads as it should.
  below(config, 'maxSessionBytes', 'maxLinkBufferBytes', 4)
  below(config, 'maxBatchBytes', 'maxLinkBufferBytes', 4)
  below(config, 'transferChunkBytes', 'maxLinkBufferBytes', 6)
  below(config, 'dialBackoffMs', 'maxDialBackoffMs', 1)
  below(config, 'clockDriftWarningMs', 'maxClockDriftMs', 1)
  if (config.heartbeatMs > MAX_HEARTBEAT_MS)
    throw bad(`config.heartbeatMs is ${config.heartbeatMs}; give at most ${MAX_HEARTBEAT_MS}`)
  if (config.maxNameLength > MAX_TEXT_LENGTH)
    throw bad(`config.maxNameLength is ${config.maxNameLength}; give at most ${MAX_TEXT_LENGTH}`)
  return config
}

/** Touches of a session are sent at most once in this time. */
export function touchIntervalMs(ttlMs: number, config: Config): number {
  return Math.min(ttlMs / 10, config.maxTouchIntervalMs)
}

/** From expiry, when a record is hidden, to its being forgotten: a late touch may still save it. */
export function graceMs(ttlMs: number, config: Config): number {
  return touchIntervalMs(ttlMs, config) + config.deadAfterMs
}

function below(config: Config, small: keyof Config, big: keyof Config, times: number): void {
  if (config[small] * times <= config[big]) return
  throw bad(
    `config.${small} is ${config[small]} and config.${big} is ${config[big]}; ` +
      `${big} must be at least ${times} times ${small}: lower ${small} or raise ${big}`,
  )
}

function bad(message: string): SessionMeshError {
  return new SessionMeshError('SESSIONMESH_BAD_OPTION', message)
}
