/** Checks of what a peer tells, to the last field: what passes is what its type says, and bounded. */

export type Shape<T> = (value: unknown) => T

/** Of texts and lists of a peer. */
const MAX_TEXT = 65_535
const MAX_ENTRIES = 20_000

export class ShapeError extends Error {}

export const text: Shape<string> = (value) => {
  if (typeof value === 'string' && value.length <= MAX_TEXT) return value
  throw new ShapeError('no text')
}

export const number: Shape<number> = (value) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new ShapeError('no number')
}

export const flag: Shape<boolean> = (value) => {
  if (typeof value === 'boolean') return value
  throw new ShapeError('neither true nor false')
}

export function oneOf<T extends string>(...known: readonly T[]): Shape<T> {
  return (value) => {
    const found = known.find((each) => each === value)
    if (found !== undefined) return found
    throw new ShapeError(`none of ${known.join(', ')}`)
  }
}

export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value) => (value === undefined || value === null ? undefined : shape(value))
}

export function listOf<T>(shape: Shape<T>): Shape<T[]> {
  return (value) => {
    if (Array.isArray(value) && value.length <= MAX_ENTRIES) return value.map(shape)
    throw new ShapeError('no list')
  }
}

/** An object of the sender's is a map here. What this makes of it has no prototype: its names are a peer's. */
export function recordOf<T>(shape: Shape<T>): Shape<Record<string, T>> {
  return (value) => {
    const entries = fieldsOf(value)
    if (entries.size > MAX_ENTRIES) throw new ShapeError('too many entries')
    const record: Record<string, T> = Object.create(null)
    for (const [name, each] of entries) record[text(name)] = shape(each)
    return record
  }
}

/** What is there beyond these fields is left out: a later version may tell more. */
export function object<T>(fields: { readonly [K in keyof T]-?: Shape<T[K]> }): Shape<T> {
  return (value) => {
    const given = fieldsOf(value)
    const checked: Partial<T> = {}
    for (const name of Object.keys(fields) as (keyof T & string)[]) {
      const field = inField(name, () => fields[name](given.get(name)))
      if (field !== undefined) checked[name] = field
    }
    return checked as T
  }
}

function fieldsOf(value: unknown): ReadonlyMap<unknown, unknown> {
  if (value instanceof Map) return value
  throw new ShapeError('no object')
}

function inField<T>(name: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    throw new ShapeError(`${name}: ${error.message}`)
  }
}
