/**
 * The causal token: what a client has seen, as a small digest, signed so that a client can neither forge one
 * nor carry one to another cluster. It is no credential; a bad one is as good as none.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Stamp } from '@sessionmesh/core'
import { Packr } from 'msgpackr'

const packr = new Packr({ useRecords: false })
const signatureBytes = 16
/** Entries are one per origin that some living member lacks; more than this is not ours. */
const maxEntries = 64
const maxCharacters = 4096

/** @param keys for signing the first, for checking all (secrets rotate) */
export function encodeToken(stamps: readonly Stamp[], keys: readonly Uint8Array[]): string | undefined {
  const [key] = keys
  if (stamps.length === 0 || key === undefined) return undefined
  const latest = [...stamps].sort((a, b) => b.time - a.time).slice(0, maxEntries)
  const body = packr.pack(latest.map(({ time, counter, origin }) => [time, counter, origin]))
  return Buffer.concat([sign(body, key), body]).toString('base64url')
}

export function decodeToken(token: string | undefined, keys: readonly Uint8Array[]): Stamp[] {
  if (token === undefined || token.length > maxCharacters) return []
  const bytes = Buffer.from(token, 'base64url')
  const signature = bytes.subarray(0, signatureBytes)
  const body = bytes.subarray(signatureBytes)
  if (body.length === 0) return []
  if (!keys.some((key) => timingSafeEqual(sign(body, key), signature))) return []
  const entries: [number, number, string][] = packr.unpack(body)
  return entries.map(([time, counter, origin]) => ({ time, counter, origin }))
}

function sign(body: Uint8Array, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(body).digest().subarray(0, signatureBytes)
}
