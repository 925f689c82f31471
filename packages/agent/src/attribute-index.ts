/**
 * Which sessions have which value of an attribute: local, and kept up by each merge that changes one, so it knows what
 * this member knows, joining and repair included.
 */

import type { RecordObserver, Value } from '@sessionmesh/core'
import { unpackValue } from './values.js'

interface Path {
  readonly attribute: string
  /** Within its value. */
  readonly fields: readonly string[]
  readonly sids: Map<string, Set<string>>
  readonly keys: Map<string, string>
}

export class AttributeIndex implements RecordObserver {
  readonly #paths = new Map<string, Path>()

  /** @param paths `userId`, or `passport.user` for a field of an attribute's value */
  constructor(paths: readonly string[]) {
    for (const path of paths) {
      const [attribute = '', ...fields] = path.split('.')
      this.#paths.set(path, { attribute, fields, sids: new Map(), keys: new Map() })
    }
  }

  get paths(): string[] {
    return [...this.#paths.keys()]
  }

  /** A copy: whoever reads it may destroy what it finds. */
  find(path: string, value: unknown): string[] {
    const key = keyOf(value)
    return key === undefined ? [] : [...(this.#paths.get(path)?.sids.get(key) ?? [])]
  }

  /** Whether this record has the value, be it in the index or not. */
  isAt(path: string, value: unknown, record: Parameters<RecordObserver['changed']>[0]): boolean {
    const indexed = this.#paths.get(path)
    return indexed !== undefined && keyIn(indexed, record.get(indexed.attribute)) === keyOf(value)
  }

  changed(record: Parameters<RecordObserver['changed']>[0], names: readonly string[]): void {
    for (const path of this.#paths.values()) {
      if (names.includes(path.attribute)) put(path, record.sid, keyIn(path, record.get(path.attribute)))
    }
  }

  ended(sid: string): void {
    for (const path of this.#paths.values()) put(path, sid, undefined)
  }
}

/**
 * A number and its text are one: what came with a URL finds what came from a database. Of an object counts what its
 * `toJSON` says, as when it is stored.
 */
export function keyOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object': {
      const json = value !== null && 'toJSON' in value && typeof value.toJSON === 'function' && value.toJSON()
      return typeof json === 'string' ? json : undefined
    }
    default:
      return undefined
  }
}

function keyIn({ attribute, fields }: Path, held: Value | undefined): string | undefined {
  if (held === undefined) return undefined
  try {
    let value = unpackValue(attribute, held)
    for (const field of fields) {
      if (typeof value !== 'object' || value === null) return undefined
      if (value instanceof Map) value = value.get(field)
      else value = Object.hasOwn(value, field) ? Reflect.get(value, field) : undefined
    }
    return keyOf(value)
  } catch {
    // Whoever loads the session is told. It is not found by what nobody can read.
    return undefined
  }
}

function put({ sids, keys }: Path, sid: string, key: string | undefined): void {
  const before = keys.get(sid)
  if (before === key) return
  if (before !== undefined) {
    const others = sids.get(before)
    others?.delete(sid)
    if (others?.size === 0) sids.delete(before)
  }
  if (key === undefined) {
    keys.delete(sid)
    return
  }
  keys.set(sid, key)
  const same = sids.get(key)
  if (same === undefined) sids.set(key, new Set([sid]))
  else same.add(sid)
}
