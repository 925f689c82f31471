/** Messages as bytes on a link: the core's plain arrays in MessagePack. */

import { type Message, type Origin, packMessage, SessionMeshError } from '@sessionmesh/core'
import { Packr, Unpackr } from './msgpack.js'
import './packed.js'
import { isPlain } from './plain.js'

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' })

export function encodeFrame(message: Message, sender: Origin): Uint8Array {
  return packr.pack(packMessage(message, sender))
}

/** The ids of all members that have ever written, names and addresses of those that are, their digests. */
const ITEMS_OF_MEMBERS = 2 ** 16
/**
 * However short they are, members count 64 bytes for an attribute, whose name and value are two items, and 128 for a
 * session, of three; and at most a quarter of `maxFrameBytes` goes out at once (`maxBatchBytes`, `maxSessionBytes`,
 * `transferChunkBytes`).
 */
const BYTES_OF_AN_ITEM = 4 * 32

/**
 * Anything at all, for the core to check.
 *
 * @param maxFrameBytes `config.maxFrameBytes`
 * @throws SessionMeshError `SESSIONMESH_BAD_FRAME`
 */
export function decodeFrame(frame: Uint8Array, maxFrameBytes: number): unknown {
  if (!isPlain(frame, ITEMS_OF_MEMBERS + maxFrameBytes / BYTES_OF_AN_ITEM))
    throw new SessionMeshError('SESSIONMESH_BAD_FRAME', 'A frame is refused: it is not what members send')
  try {
    return unpackr.unpack(frame)
  } catch (cause) {
    throw new SessionMeshError('SESSIONMESH_BAD_FRAME', 'A frame is refused: it is not MessagePack', {
      cause,
    })
  }
}
