/**
 * Attribute values as bytes and back. MessagePack in structured-clone mode keeps what `structuredClone` keeps
 * (Date, Buffer, Map, Set, BigInt, typed arrays, cycles) and honours `toJSON`; plain MessagePack does not.
 */

import { types } from 'node:util'
import { checkForbidden, SessionMeshError } from '@sessionmesh/core'
import { Packr } from 'msgpackr'

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
    throw new TypeError(`a function (${(value as { name?: string }).name || 'anonymous'}) has no data in it`)
  },
})

/**
 * Each attribute of `data` as bytes of its own. What equals the base byte by byte is the base's own value.
 * @throws SessionMeshError `SESSIONMESH_UNSERIALISABLE_ATTRIBUTE`, naming the attribute
 */
export function packAttributes(
  data: Readonly<Record<string, unknown>>,
  base: ReadonlyMap<string, Uint8Array> | undefined,
): Map<string, Uint8Array> {
  const packed = new Map<string, Uint8Array>()
  for (const name of Object.keys(data)) {
    checkName(name)
    const bytes = pack(name, data[name])
    const old = base?.get(name)
    // What `pack` returns is a window into a pooled buffer, far bigger than most values.
    packed.set(name, old !== undefined && Buffer.compare(old, bytes) === 0 ? old : new Uint8Array(bytes))
  }
  return packed
}

/** @throws SessionMeshError `SESSIONMESH_UNSERIALISABLE_ATTRIBUTE`, naming the attribute */
export function packValue(name: string, value: unknown): Uint8Array {
  return new Uint8Array(pack(name, value))
}

/**
 * A fresh object of fresh values.
 * @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE`, naming the attribute: a peer wrote what is no value
 */
export function unpackAttributes(attributes: ReadonlyMap<string, Uint8Array>): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  for (const [name, bytes] of attributes) data[name] = unpackValue(name, bytes)
  return data
}

/** @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE` */
export function unpackValue(name: string, bytes: Uint8Array): unknown {
  try {
    return packr.unpack(asBuffer(bytes))
  } catch (cause) {
    throw unreadable(name, cause)
  }
}

export function unreadable(name: string, cause: unknown): SessionMeshError {
  return new SessionMeshError(
    'SESSIONMESH_UNREADABLE_ATTRIBUTE',
    `The session attribute "${name}" cannot be read: ${cause instanceof Error ? cause.message : String(cause)}. ` +
      'Do all members run the same version? Destroy the session if the error stays.',
    { cause },
  )
}

/** A view, not a copy: from a Buffer, msgpackr gives binary values as Buffers again, else as Uint8Arrays. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** They would be stored as `{}`. (Of the attribute itself: to look into each is dear, and a forgotten `await` is here.) */
function checkHasData(value: unknown): void {
  if (types.isPromise(value))
    throw new TypeError('a Promise has no data in it, and an `await` may be missing')
  if (types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef)
    throw new TypeError('what is held weakly is no data')
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

function pack(name: string, value: unknown): Uint8Array {
  try {
    checkHasData(value)
    return packr.pack(value)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SessionMeshError(
      'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE',
      `The session attribute "${name}" cannot be stored: ${why}. Store plain data: what structuredClone() keeps.`,
      { cause },
    )
  }
}
