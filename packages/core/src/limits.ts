/** What a write may be. A refused write changes nothing, and the error names what was wrong with it. */

import { BYTES_EACH } from './attributes.js'
import type { Config } from './config.js'
import { SessionMeshError } from './errors.js'
import type { Records } from './records.js'
import type { SessionRecord } from './session.js'
import { sizeOf, type Value } from './value.js'
import { FORBIDDEN_NAMES } from './wire.js'

/** In UTF-8, as which names travel, all of these are one. */
const LONE_SURROGATE = /\p{Surrogate}/u

type Change = { readonly name: string; readonly value: Value | undefined }

/**
 * @throws SessionMeshError `SESSIONMESH_BAD_SESSION_ID`, `SESSIONMESH_FORBIDDEN_ATTRIBUTE`,
 * `SESSIONMESH_SESSION_TOO_LARGE`
 * @returns by how much of `maxTotalBytes` the session grows
 */
export function checkWrite(
  sid: string,
  changes: readonly Change[],
  held: SessionRecord | undefined,
  config: Config,
): number {
  if (typeof sid !== 'string' || sid.length === 0 || sid.length > config.maxNameLength) {
    throw new SessionMeshError(
      'SESSIONMESH_BAD_SESSION_ID',
      `A session id must be a string of 1 to ${config.maxNameLength} characters`,
    )
  }
  if (LONE_SURROGATE.test(sid))
    throw new SessionMeshError('SESSIONMESH_BAD_SESSION_ID', 'A session id must be well-formed Unicode')
  if (changes.length === 0) return 0
  const before = held?.bytes ?? 0
  let bytes = before
  let added = 0
  for (const { name, value } of changes) {
    checkName(name, config)
    bytes += sizeOf(value) - sizeOf(held?.get(name))
    if (!held?.holds(name)) {
      bytes += name.length
      added++
    }
  }
  // Writes of two members may merge above the limit: such a session may still shrink.
  if (bytes > config.maxSessionBytes && bytes > before) {
    const largest = changes.reduce((a, b) => (sizeOf(a.value) >= sizeOf(b.value) ? a : b))
    throw tooLarge(
      `would take ${bytes} bytes, and config.maxSessionBytes is ${config.maxSessionBytes}; ` +
        `the largest change is attribute "${largest.name}"`,
    )
  }
  if (added > 0 && (held?.names ?? 0) + added > config.maxAttributes) {
    throw tooLarge(`would have more than ${config.maxAttributes} attributes (config.maxAttributes)`)
  }
  return bytes - before + BYTES_EACH * added
}

/** Of all sessions together. @throws SessionMeshError `SESSIONMESH_TOO_MANY_SESSIONS` */
export function checkBytes(growth: number, { totalBytes }: Records, { maxTotalBytes }: Config): void {
  if (growth <= 0 || totalBytes + growth <= maxTotalBytes) return
  throw new SessionMeshError(
    'SESSIONMESH_TOO_MANY_SESSIONS',
    `All sessions together take ${totalBytes} bytes, and config.maxTotalBytes is ${maxTotalBytes}: none may grow. Raise it on every ` +
      'member if they have the memory, shorten ttlMs, or keep less in sessions.',
  )
}

/** For a session that begins. @throws SessionMeshError `SESSIONMESH_TOO_MANY_SESSIONS` */
export function checkRoom({ size: sessions, isShortOfMemory }: Records, { maxSessions }: Config): void {
  if (isShortOfMemory)
    throw new SessionMeshError(
      'SESSIONMESH_TOO_MANY_SESSIONS',
      `There is no memory for another session beside the ${sessions} that there are. Give the processes more of it, or shorten ttlMs.`,
    )
  if (sessions < maxSessions) return
  throw new SessionMeshError(
    'SESSIONMESH_TOO_MANY_SESSIONS',
    `There are ${sessions} sessions, and config.maxSessions is ${maxSessions}: no other one begins. Raise it on every member if ` +
      'they have the memory, shorten ttlMs, or find out who begins so many.',
  )
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION`: peers would refuse a frame with such a ttl. */
export function checkTtl(ttlMs: number | undefined): void {
  if (ttlMs === undefined || (Number.isFinite(ttlMs) && ttlMs > 0)) return
  throw new SessionMeshError(
    'SESSIONMESH_BAD_OPTION',
    `ttlMs is ${ttlMs}; give a finite number of milliseconds above 0, or destroy the session`,
  )
}

/** @throws SessionMeshError `SESSIONMESH_FORBIDDEN_ATTRIBUTE` */
export function checkForbidden(name: string): void {
  if (FORBIDDEN_NAMES.has(name)) {
    throw new SessionMeshError(
      'SESSIONMESH_FORBIDDEN_ATTRIBUTE',
      `A session attribute may not be named "${name}": it could reach a prototype. Use another name.`,
    )
  }
}

function checkName(name: string, config: Config): void {
  checkForbidden(name)
  if (LONE_SURROGATE.test(name)) {
    throw new SessionMeshError(
      'SESSIONMESH_FORBIDDEN_ATTRIBUTE',
      `The attribute name ${JSON.stringify(name.slice(0, 32))} is not well-formed Unicode: cut texts between characters`,
    )
  }
  if (name.length > config.maxNameLength) {
    throw new SessionMeshError(
      'SESSIONMESH_FORBIDDEN_ATTRIBUTE',
      `The attribute name "${name.slice(0, 32)}…" is longer than ${config.maxNameLength} characters (config.maxNameLength). Use a shorter one, or raise it on every member`,
    )
  }
}

function tooLarge(what: string): SessionMeshError {
  return new SessionMeshError(
    'SESSIONMESH_SESSION_TOO_LARGE',
    `The session ${what}. Keep big things elsewhere and their keys in the session, or raise the limit on every member.`,
  )
}
