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

/** So many, or twice as many, that were read or made last are remembered. */
const maxLately = 500

export class Tokens {
  readonly #keys: readonly Uint8Array[]
  /** A request asks for its token twice, and what it is given comes back with the next one: each is checked once here. */
  #lately = new Map<string, readonly Stamp[]>()
  #before = new Map<string, readonly Stamp[]>()

  /** @param keys for signing the first, for checking all (secrets rotate) */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys
  }

  encode(stamps: readonly Stamp[]): string | undefined {
    const [key] = this.#keys
    if (stamps.length === 0 || key === undefined) return undefined
    const latest =
      stamps.length > 1 ? [...stamps].sort((a, b) => b.time - a.time).slice(0, maxEntries) : stamps
    const body = packr.pack(latest.map(({ time, counter, origin }) => [time, counter, origin]))
    const token = Buffer.concat([sign(body, key), body]).toString('base64url')
    this.#remember(token, latest)
    return token
  }

  decode(token: string | undefined): readonly Stamp[] {
    if (token === undefined || token.length > maxCharacters) return []
    const known = this.#lately.get(token) ?? this.#before.get(token)
    if (known !== undefined) return known
    const bytes = Buffer.from(token, 'base64url')
    const signature = bytes.subarray(0, signatureBytes)
    const body = bytes.subarray(signatureBytes)
    if (body.length === 0) return []
    if (!this.#keys.some((key) => timingSafeEqual(sign(body, key), signature))) return []
    const entries: [number, number, string][] = packr.unpack(body)
    const stamps = entries.map(([time, counter, origin]) => ({ time, counter, origin }))
    this.#remember(token, stamps)
    return stamps
  }

  #remember(token: string, stamps: readonly Stamp[]): void {
    if (this.#lately.size >= maxLately) {
      this.#before = this.#lately
      this.#lately = new Map()
    }
    this.#lately.set(token, stamps)
  }
}

function sign(body: Uint8Array, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(body).digest().subarray(0, signatureBytes)
}
