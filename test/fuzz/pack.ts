/** MessagePack as a hostile peer writes it: any tree as it should be, and bytes of its own where nobody expects them. */

import { Packed } from '@sessionmesh/core'

/** Stands in a tree as it is. */
export class Raw {
  readonly bytes: Uint8Array

  constructor(bytes: Iterable<number>) {
    this.bytes = Uint8Array.from(bytes)
  }
}

export function pack(value: unknown): Buffer {
  const writer = new Writer()
  writer.value(value)
  return writer.done()
}

class Writer {
  #bytes = Buffer.allocUnsafe(1024)
  #at = 0

  /** Of its own: the next one writes elsewhere. */
  done(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at))
  }

  value(value: unknown): void {
    switch (typeof value) {
      case 'number':
        return this.#number(value)
      case 'string':
        return this.#text(value)
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2)
      case 'bigint':
        this.#byte(0xd3)
        this.#at = this.#room(8).writeBigInt64BE(BigInt.asIntN(64, value), this.#at)
        return
      default:
        return this.#object(value)
    }
  }

  #object(value: unknown): void {
    if (Array.isArray(value)) {
      this.#head(value.length, 0x90, 16, 0xdc)
      for (const each of value) this.value(each)
    } else if (value instanceof Map) {
      this.#head(value.size, 0x80, 16, 0xde)
      for (const [name, each] of value) {
        this.value(name)
        this.value(each)
      }
    } else if (value instanceof Raw) this.#raw(value.bytes)
    else if (value instanceof Packed) this.#packed(Buffer.from(value.latin1, 'latin1'))
    else if (value instanceof Uint8Array) {
      this.#head(value.length, 0, 0, 0xc5)
      this.#raw(value)
    } else this.#byte(0xc0)
  }

  #number(value: number): void {
    const isSmall = Number.isInteger(value) && !Object.is(value, -0) && value >= -32 && value < 2 ** 32
    if (!isSmall) {
      this.#byte(0xcb)
      this.#at = this.#room(8).writeDoubleBE(value, this.#at)
    } else if (value < 128) this.#byte(value & 0xff)
    else {
      this.#byte(0xce)
      this.#at = this.#room(4).writeUInt32BE(value, this.#at)
    }
  }

  #text(text: string): void {
    const bytes = Buffer.from(text)
    if (bytes.length < 32) this.#byte(0xa0 | bytes.length)
    else {
      this.#byte(0xdb)
      this.#at = this.#room(4).writeUInt32BE(bytes.length, this.#at)
    }
    this.#raw(bytes)
  }

  #packed(bytes: Uint8Array): void {
    this.#byte(0xc9)
    this.#at = this.#room(5).writeUInt32BE(bytes.length, this.#at)
    this.#byte(1)
    this.#raw(bytes)
  }

  /** @param long with the count in two bytes; one more, in four. */
  #head(count: number, short: number, shortCounts: number, long: number): void {
    if (count < shortCounts) return this.#byte(short | count)
    this.#byte(count < 65_536 ? long : long + 1)
    const room = this.#room(4)
    this.#at = count < 65_536 ? room.writeUInt16BE(count, this.#at) : room.writeUInt32BE(count, this.#at)
  }

  #byte(byte: number): void {
    this.#room(1)[this.#at++] = byte
  }

  #raw(bytes: Uint8Array): void {
    this.#room(bytes.length).set(bytes, this.#at)
    this.#at += bytes.length
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#at + bytes))
      larger.set(this.#bytes.subarray(0, this.#at))
      this.#bytes = larger
    }
    return this.#bytes
  }
}
