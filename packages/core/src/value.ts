/**
 * The value of an attribute. What never changes and is the same in every process is held as it is: a load has nothing to
 * decode, a write nothing to encode, and a text has no bytes beside it. Everything else is packed, and opaque here.
 */
export type Value = string | number | boolean | Packed

/**
 * Bytes, one character each (latin1): a string takes 16 bytes beside its content where a Uint8Array takes some 250, it is
 * never changed, and two are compared natively.
 */
export class Packed {
  readonly latin1: string

  constructor(latin1: string) {
    this.latin1 = latin1
  }
}

export function isValue(value: unknown): value is Value {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    default:
      return value instanceof Packed
  }
}

export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  return a === b || (a instanceof Packed && b instanceof Packed && a.latin1 === b.latin1)
}

/** What counts for limits: the characters of a text (up to three bytes each on a link), the bytes of all else. */
export function sizeOf(value: Value | undefined): number {
  if (typeof value === 'string') return value.length
  if (value instanceof Packed) return value.latin1.length
  return value === undefined ? 0 : 8
}
