/** Attributes that stay in this process: neither sent nor packed, so they may be anything. They end with their session. */

import { type Base, formatStamp, type Stamp } from '@sessionmesh/core'

interface Kept {
  /** Of the session: an id that is used again, after its session has expired, is another session. */
  readonly created: Stamp
  readonly values: Readonly<Record<string, unknown>>
}

export class LocalAttributes {
  readonly #names: readonly string[]
  readonly #kept = new Map<string, Kept>()
  /** What a request was given, by its base: what it leaves as it was is not its to change. */
  readonly #loaded = new WeakMap<object, Readonly<Record<string, unknown>>>()

  constructor(names: readonly string[]) {
    this.#names = names
  }

  get isEmpty(): boolean {
    return this.#names.length === 0
  }

  /** Adds them to `data`, which was loaded with `base`. */
  load(sid: string, data: Record<string, unknown>, base: Base): void {
    const values = this.#valuesOf(sid, base)
    if (values === undefined) return
    Object.assign(data, values)
    this.#loaded.set(base, { ...values })
  }

  /** Whether `data` has others than were loaded with `base`. */
  differs(data: Readonly<Record<string, unknown>>, base: object): boolean {
    const loaded = this.#loaded.get(base) ?? {}
    return this.#names.some(
      (name) =>
        Object.hasOwn(data, name) !== Object.hasOwn(loaded, name) || !Object.is(data[name], loaded[name]),
    )
  }

  /** `data` without them. */
  without(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const others = { ...data }
    for (const name of this.#names) delete others[name]
    return others
  }

  /**
   * Keeps those that `data` changed since it was loaded with `base`; without a base all of them.
   * @param after the base of the next write of the same request
   */
  save(sid: string, data: Readonly<Record<string, unknown>>, base: Base | undefined, after: Base): void {
    const kept = this.#valuesOf(sid, after)
    const loaded = base === undefined ? kept : this.#loaded.get(base)
    const values: Record<string, unknown> = { ...kept }
    const inHand: Record<string, unknown> = {}
    for (const name of this.#names) {
      const isThere = Object.hasOwn(data, name)
      if (isThere) inHand[name] = data[name]
      if (isThere && !Object.is(data[name], loaded?.[name])) values[name] = data[name]
      else if (!isThere && loaded !== undefined && Object.hasOwn(loaded, name)) delete values[name]
    }
    this.#loaded.set(after, inHand)
    if (Object.keys(values).length > 0) this.#kept.set(sid, { created: after.created, values })
    else this.#kept.delete(sid)
  }

  ended(sid: string): void {
    this.#kept.delete(sid)
  }

  #valuesOf(sid: string, { created }: Base): Readonly<Record<string, unknown>> | undefined {
    const kept = this.#kept.get(sid)
    return kept !== undefined && formatStamp(kept.created) === formatStamp(created) ? kept.values : undefined
  }
}
