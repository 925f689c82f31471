/** What was told so far, by whichever member: behind a load balancer each answer may be another one's. */

import { latestEvents } from '../diagnostics/mesh.js'
import type { Event, Picture, Sample } from './picture.js'

/** So far back charts reach, in s; samples are one a second. */
export const SECONDS = 60
const KEPT_MS = (SECONDS + 5) * 1_000
/** A member's figure is taken to hold for so long. */
const HOLDS_MS = 2_500
const EVENTS_KEPT = 500

export class History {
  readonly #samples = new Map<string, Sample[]>()
  #events: Event[] = []
  #latest: Picture | undefined

  /** The latest picture, with all samples and events that are kept. */
  get picture(): Picture | undefined {
    return this.#latest
  }

  add(picture: Picture): void {
    for (const { id, samples } of picture.members) {
      const known = this.#samples.get(id) ?? []
      this.#samples.set(
        id,
        merged(known, samples, ({ atMs }) => `${atMs}`),
      )
    }
    const now = this.nowMs
    for (const [id, samples] of this.#samples) {
      const kept = samples.filter(({ atMs }) => atMs > now - KEPT_MS)
      if (kept.length === 0) this.#samples.delete(id)
      else this.#samples.set(id, kept)
    }
    const events = merged(this.#events, picture.events, identityOf)
    this.#events = latestEvents(events, EVENTS_KEPT)
    const members = picture.members.map((member) => ({
      ...member,
      samples: this.#samples.get(member.id) ?? member.samples,
    }))
    this.#latest = { ...picture, members, events: this.#events }
  }

  /** When the latest sample was made: ms since the epoch. */
  get nowMs(): number {
    return Math.max(0, ...[...this.#samples.values()].map((samples) => samples.at(-1)?.atMs ?? 0))
  }

  /**
   * For each second of the last minute, the oldest first: what `of` makes of each member's latest sample (and the one before
   * it), put together by `together`. Default: of all members.
   */
  chart(
    of: (sample: Sample, before: Sample | undefined) => number | undefined,
    together: (values: readonly number[]) => number,
    ids: Iterable<string> = this.#samples.keys(),
  ): (number | undefined)[] {
    const now = this.nowMs
    const all = [...ids].map((id) => this.#samples.get(id) ?? [])
    return Array.from({ length: SECONDS }, (_, i) => {
      const atMs = now - (SECONDS - 1 - i) * 1_000
      const values = all.flatMap((samples) => {
        const at = samples.findLastIndex((sample) => sample.atMs <= atMs)
        const sample = samples[at]
        if (sample === undefined || sample.atMs < atMs - HOLDS_MS) return []
        return of(sample, samples[at - 1]) ?? []
      })
      return values.length === 0 ? undefined : together(values)
    })
  }
}

/** The same event may be told twice. */
export function identityOf({ by, number }: Event): string {
  return `${by.id} ${number}`
}

/** By time, and each once. */
function merged<T extends { readonly atMs: number }>(
  known: readonly T[],
  more: readonly T[],
  keyOf: (each: T) => string,
): T[] {
  const keys = new Set(known.map(keyOf))
  return [...known, ...more.filter((each) => !keys.has(keyOf(each)))].sort((a, b) => a.atMs - b.atMs)
}
