/** The core's packed values as bytes and back, in frames and wherever else MessagePack meets them. */

import { Packed } from '@sessionmesh/core'
import { addExtension } from './msgpack.js'

/** @param bytes may be a view into something larger, and change later: they are copied */
export function packedOf(bytes: Buffer): Packed {
  return new Packed(bytes.toString('latin1'))
}

export function bytesOf({ latin1 }: Packed): Buffer {
  return Buffer.from(latin1, 'latin1')
}

addExtension({ Class: Packed, type: 1, pack: bytesOf, unpack: packedOf })
