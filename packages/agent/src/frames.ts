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

/** Anything at all, for the core to check. @throws SessionMeshError `SESSIONMESH_BAD_FRAME` */
export function decodeFrame(frame: Uint8Array): unknown {
  if (!isPlain(frame))
    throw new SessionMeshError('SESSIONMESH_BAD_FRAME', 'A frame is refused: it is not what members send')
  try {
    return unpackr.unpack(frame)
  } catch (cause) {
    throw new SessionMeshError('SESSIONMESH_BAD_FRAME', 'A frame is refused: it is not MessagePack', {
      cause,
    })
  }
}
