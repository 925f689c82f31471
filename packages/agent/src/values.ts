/**
 * Attribute values as the cluster holds them, and back. Texts, numbers and booleans are held as such, objects that JSON keeps
 * exactly as JSON (see `exact-json`), everything else as MessagePack: in structured-clone mode it keeps what
 * `structuredClone` keeps (Date, Buffer, Map, Set, BigInt, typed arrays, cycles) and honours `toJSON`; plain MessagePack
 * does not.
 */

import { crc32 } from 'node:zlib'
import { checkForbidden, Packed, SessionMeshError, sameValue, type Value } from '@sessionmesh/core'
import { isObject, messageOf } from './errors.js'
import { isExactInJson, isJson, packJson, parseJson } from './exact-json.js'
import { ownText } from './kept.js'
import { Packr } from './msgpack.js'
import { bytesOf, packedOf } from './packed.js'
import { checkLoaded, checkToPack, noData } from './value-types.js'

/** In the names under which members keep an attribute that is merged; see `merged-attributes`. */
export const SEPARATOR = '\0'

const packr = new Packr({
  structuredClone: true,
  // A decoded Buffer must not be a window into what the cluster holds.
  copyBuffers: true,
})
// By default a function becomes undefined, which would lose it silently.
Object.assign(packr, {
  writeFunction(value: unknown) {
    throw new TypeError(noData(value))
  },
})

/**
 * Each attribute of `data` as it is held. What equals the base is the base's own value.
 * @throws SessionMeshError `SESSIONMESH_UNSERIALISABLE_ATTRIBUTE`, naming the attribute
 */
export function packAttributes(
  data: Readonly<Record<string, unknown>>,
  base: ReadonlyMap<string, Value> | undefined,
): Map<string, Value> {
  const packed = new Map<string, Value>()
  for (const name of Object.keys(data)) {
    const old = base?.get(name)
    if (old === undefined) checkName(name)
    packed.set(name, packAgainst(name, data[name], old))
  }
  return packed
}

/**
 * Whether `packAttributes` would give something else than the base.
 * @param aside name of an attribute that is left out of it
 * @throws SessionMeshError `SESSIONMESH_UNSERIALISABLE_ATTRIBUTE`
 */
export function isOther(
  data: Readonly<Record<string, unknown>>,
  base: ReadonlyMap<string, Value>,
  aside?: string,
): boolean {
  let left = base.size
  if (aside !== undefined && base.has(aside)) left--
  for (const name of Object.keys(data)) {
    if (name === aside) continue
    const old = base.get(name)
    if (old === undefined || packAgainst(name, data[name], old) !== old) return true
    left--
  }
  return left > 0
}

/** The old value itself, if it is still that. */
function packAgainst(name: string, value: unknown, old: Value | undefined): Value {
  if (old !== undefined && old === value) return old
  const packed = packValue(name, value, old)
  return old !== undefined && sameValue(packed, old) ? old : packed
}

/**
 * @param held what may be held for it already: then nothing but the comparison is done
 * @throws SessionMeshError `SESSIONMESH_UNSERIALISABLE_ATTRIBUTE`, naming the attribute
 */
export function packValue(name: string, value: unknown, held?: Value): Value {
  try {
    return packAny(value, held)
  } catch (cause) {
    throw new SessionMeshError(
      'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE',
      `The session attribute "${name}" cannot be stored: ${messageOf(cause)}. Store plain data.`,
      { cause },
    )
  }
}

function packAny(value: unknown, held?: Value): Value {
  const packed = packNow(value)
  if (!isObject(value) || !(packed instanceof Packed) || isJson(packed)) return packed
  // What counts is what it is loaded as, or a request that changed nothing would find it changed, and take the place of one that
  // did. (Of what is held for it that is so already.)
  return sameValue(packed, held) ? packed : packAny(unpack(packed), packed)
}

/** As it is now, which may not be how it is held: enough to notice a change of it. @throws Error if it cannot be stored */
export function packNow(value: unknown): Value {
  if (typeof value === 'string') return ownText(value)
  if (typeof value === 'boolean') return value
  // (No -0, which MessagePack does not tell from 0.)
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0
  if (isObject(value) && isExactInJson(value)) return packJson(value)
  checkToPack(value)
  return packedOf(packr.pack(value))
}

/**
 * A fresh object of fresh values.
 * @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE`, naming the attribute: a peer wrote what is no value
 */
export function unpackAttributes(attributes: ReadonlyMap<string, Value>): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  for (const [name, value] of attributes) data[name] = unpackValue(name, value)
  return data
}

const CHECKSUM_PART = 64 * 1024

/** Equal for equal values, and for others hardly ever. */
export function checksumOf(value: Value): number {
  if (value instanceof Packed) return checksumOfText(value.latin1, 1)
  return checksumOfText(String(value), typeof value === 'string' ? 2 : 3)
}

/** A part at a time: of a text of many megabytes Node takes ten times as long for the checksum of the whole. */
function checksumOfText(text: string, start: number): number {
  let sum = start
  for (let at = 0; at < text.length; at += CHECKSUM_PART) sum = crc32(text.slice(at, at + CHECKSUM_PART), sum)
  return sum
}

/** @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE` */
export function unpackValue(name: string, value: Value): unknown {
  if (!(value instanceof Packed)) return value
  try {
    return unpack(value)
  } catch (cause) {
    throw unreadable(name, cause)
  }
}

export function unreadable(name: string, cause: unknown): SessionMeshError {
  return new SessionMeshError(
    'SESSIONMESH_UNREADABLE_ATTRIBUTE',
    `The session attribute "${name}" cannot be read: ${messageOf(cause)}. ` +
      'Do all members run the same version? Destroy the session if the error stays.',
    { cause },
  )
}

/** One for all: a new Buffer for each value would cost more than to decode it, and nothing that is decoded refers to it. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024)

function unpack(packed: Packed): unknown {
  if (isJson(packed)) return parseJson(packed)
  const value =
    packed.latin1.length > scratch.length
      ? packr.unpack(bytesOf(packed))
      : packr.unpack(scratch, scratch.write(packed.latin1, 'latin1'))
  checkLoaded(value)
  return value
}

function checkName(name: string): void {
  // Checked by the core too; but here the error is the same for a value that could not be packed either.
  checkForbidden(name)
  if (name.includes(SEPARATOR))
    throw new SessionMeshError(
      'SESSIONMESH_FORBIDDEN_ATTRIBUTE',
      `A session attribute may not have a NUL in its name: ${JSON.stringify(name)}. Use another name.`,
    )
}
