/** Messages as bytes on a link: the core's plain arrays in MessagePack. */

import { type Config, type Message, type Origin, packMessage, SessionMeshError } from '@sessionmesh/core'
import { Packr, Unpackr } from './msgpack.js'
import './packed.js'
import { isPlain } from './plain.js'

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' })

export function encodeFrame(message: Message, sender: Origin): Uint8Array {
  return packr.pack(packMessage(message, sender))
}

/** In numbers, as in `isPlain`: ids, addresses and digests of all members that there are, and that ever wrote. */
const ROOM_FOR_MEMBERS = 3 * 2 ** 18
/** An attribute, its stamp included, is twelve of them, and is counted as 64 bytes at least; a session 27, and 128 bytes. */
const OF_A_BYTE = 1 / 4
/** Of one session, that several members wrote to at once. */
const OF_ALLOWED_ATTRIBUTES = 64

/** What `decodeFrame` takes: what members send that have the same limits, however short names and values are. */
export function roomInFrames({ maxBatchBytes, transferChunkBytes, maxAttributes }: Config): number {
  // (A chunk may be one session above its bound.)
  const mostBytes = Math.max(maxBatchBytes, 2 * transferChunkBytes)
  return ROOM_FOR_MEMBERS + OF_A_BYTE * mostBytes + OF_ALLOWED_ATTRIBUTES * maxAttributes
}

/**
 * Anything at all, for the core to check.
 *
 * @param room `roomInFrames`
 * @throws SessionMeshError `SESSIONMESH_BAD_FRAME`
 */
export function decodeFrame(frame: Uint8Array, room: number): unknown {
  if (!isPlain(frame, room))
    throw new SessionMeshError('SESSIONMESH_BAD_FRAME', 'A frame is refused: it is not what members send')
  try {
    return unpackr.unpack(frame)
  } catch (cause) {
    throw new SessionMeshError('SESSIONMESH_BAD_FRAME', 'A frame is refused: it is not MessagePack', {
      cause,
    })
  }
}
