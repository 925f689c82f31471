/**
 * Every error a user can meet has a stable code, says what is wrong, and says what to do about it.
 */

const codes = [
  'SESSIONMESH_SECRET_REQUIRED',
  'SESSIONMESH_SECRET_TOO_SHORT',
  'SESSIONMESH_SECRET_MISMATCH',
  'SESSIONMESH_CLUSTER_MISMATCH',
  'SESSIONMESH_PROTOCOL_MISMATCH',
  'SESSIONMESH_CLOCK_DRIFT',
  'SESSIONMESH_BAD_OPTION',
  'SESSIONMESH_BAD_ADDRESS',
  'SESSIONMESH_PORT_IN_USE',
  'SESSIONMESH_LISTEN_FAILED',
  'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE',
  'SESSIONMESH_FORBIDDEN_ATTRIBUTE',
  'SESSIONMESH_SESSION_TOO_LARGE',
  'SESSIONMESH_BAD_SESSION_ID',
  'SESSIONMESH_BAD_FRAME',
  'SESSIONMESH_FRAME_TOO_LARGE',
  'SESSIONMESH_LINK_TOO_SLOW',
  'SESSIONMESH_ACK_TIMEOUT',
  'SESSIONMESH_NO_PEER',
  'SESSIONMESH_JOIN_TIMEOUT',
  'SESSIONMESH_LOST_WRITE',
  'SESSIONMESH_STALE_READ',
  'SESSIONMESH_WRITE_DROPPED',
  'SESSIONMESH_FORGOTTEN_MEMBER',
  'SESSIONMESH_CLOSED',
  'SESSIONMESH_UNREADABLE_ATTRIBUTE',
  'SESSIONMESH_ALONE',
] as const

export type ErrorCode = (typeof codes)[number]

const known: ReadonlySet<string> = new Set(codes)

/** A reason that came over the wire may be any text. */
export function isErrorCode(text: string): text is ErrorCode {
  return known.has(text)
}

/** An error with a stable `code`. The message names the values that were wrong and the mend. */
export class SessionMeshError extends Error {
  override readonly name = 'SessionMeshError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
