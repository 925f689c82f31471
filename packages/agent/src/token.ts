/**
 * The causal token: what a client has seen, as a small digest, signed so that no client can make a member wait for what
 * no member has merged, nor for what is of another cluster. It is no credential; a bad one is as good as none, and so is an
 * old one.
 *
 * `signature.made.time.counter.origin`, and so on with three more for each further origin; `made` in seconds since the epoch.
 * It is read before its signature is looked at, so nothing but digits and the characters of a member's id is understood.
 */

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Stamp } from '@sessionmesh/core'

/** 132 bits. */
const signatureCharacters = 22
/** Entries are one per origin that some living member lacks; more than this is not ours. */
const maxEntries = 64
const maxCharacters = 4096
/** When it was made, and two dots. */
const maxMadeCharacters = 17
const DIGITS = /^\d{1,15}$/
const ID = /^[\w-]{1,64}$/

interface Read {
  readonly token: string
  readonly body: string
  readonly madeMs: number
  readonly stamps: readonly Stamp[]
}

export class Tokens {
  readonly #keys: readonly KeyObject[]
  readonly #lifetimeMs: number
  /** A request asks for its token twice, nearly always with no other one between. */
  #last: Read | undefined

  /**
   * @param keys for signing the first, for checking all (secrets rotate)
   * @param lifetimeMs after so long what a token names is everywhere, or lost. Each answer makes it anew
   */
  constructor(keys: readonly Uint8Array[], lifetimeMs: number) {
    this.#keys = keys.map((key) => createSecretKey(key))
    this.#lifetimeMs = lifetimeMs
  }

  /** @param nowMs since the epoch */
  encode(seen: readonly Stamp[], nowMs: number): string | undefined {
    const [key] = this.#keys
    // (An id that no member of ours has could not be read again, and all the others with it.)
    const stamps = seen.filter(({ origin }) => ID.test(origin))
    if (stamps.length === 0 || key === undefined) return undefined
    const body = [Math.floor(nowMs / 1000), ...latestOf(stamps).map(entryOf)].join('.')
    return `${sign(body, key)}.${body}`
  }

  /**
   * @param isKnown whether it makes no difference who names these stamps. Then the signature, which costs more than all else
   * here, is not checked: nearly always a request finds what its client has seen.
   * @param nowMs since the epoch
   */
  decode(
    token: string | undefined,
    isKnown: (stamps: readonly Stamp[]) => boolean,
    nowMs: number,
  ): readonly Stamp[] {
    if (token === undefined || token.length > maxCharacters) return []
    const { body, madeMs, stamps } = this.#read(token)
    if (stamps.length === 0 || isKnown(stamps)) return stamps
    if (nowMs - madeMs > this.#lifetimeMs) return []
    const signature = Buffer.from(token.slice(0, signatureCharacters))
    const isSigned = (key: KeyObject) => {
      const right = Buffer.from(sign(body, key))
      return right.length === signature.length && timingSafeEqual(right, signature)
    }
    return token[signatureCharacters] === '.' && this.#keys.some(isSigned) ? stamps : []
  }

  #read(token: string): Read {
    if (this.#last?.token === token) return this.#last
    const body = token.slice(signatureCharacters + 1)
    const [made = '', ...entries] = body.split('.')
    this.#last = {
      token,
      body,
      madeMs: 1000 * Number(made),
      stamps: DIGITS.test(made) ? stampsOf(entries) : [],
    }
    return this.#last
  }
}

/** As many as are read again. */
function latestOf(stamps: readonly Stamp[]): readonly Stamp[] {
  let left = maxCharacters - signatureCharacters - maxMadeCharacters
  const latest = stamps.length <= maxEntries ? stamps : stamps.toSorted((a, b) => b.time - a.time)
  return latest.slice(0, maxEntries).filter((stamp) => {
    left -= entryOf(stamp).length + 1
    return left >= 0
  })
}

function entryOf({ time, counter, origin }: Stamp): string {
  return `${time}.${counter}.${origin}`
}

/** None, if it is anything else than entries. */
function stampsOf(fields: readonly string[]): readonly Stamp[] {
  if (fields.length % 3 !== 0 || fields.length > 3 * maxEntries) return []
  const stamps: Stamp[] = []
  for (let i = 0; i < fields.length; i += 3) {
    const [time, counter, origin] = [fields[i]!, fields[i + 1]!, fields[i + 2]!]
    if (!DIGITS.test(time) || !DIGITS.test(counter) || !ID.test(origin)) return []
    stamps.push({ time: Number(time), counter: Number(counter), origin })
  }
  return stamps
}

function sign(body: string, key: KeyObject): string {
  return createHmac('sha256', key).update(body).digest('base64url').slice(0, signatureCharacters)
}
