/** Lines of charts: one value a second, from members' samples; what counts up becomes what it grows by in a second. */

import type { Sample } from 'sessionmesh'
import type { Place, Run } from './model.js'

/** One for each second of a window; `null` where nothing is known. */
export type Line = (number | null)[]

export interface Window {
  /** The last second, since the epoch. */
  readonly end: number
  /** How many. */
  readonly seconds: number
}

/** `before`: the sample before it of the same run, if there is one. */
export type ValueOf = (sample: Sample, before: Sample | undefined) => number | undefined

/** A second without a sample is bridged: timers are late, and two samples may fall into one. */
const BRIDGED_SECONDS = 3

type Counter = {
  [K in keyof Sample]: Sample[K] extends number ? K : never
}[keyof Sample]

/** How much a counter of the process grew by, a second. */
export function rateOf(counter: Counter): ValueOf {
  return (sample, before) => before && perSecond(sample[counter] - before[counter], sample, before)
}

/** Payload that went out over all links, in bytes a second. */
export const sentRate: ValueOf = (sample, before) => {
  if (before === undefined) return undefined
  let grown = 0
  for (const { peer, sentBytes } of sample.links) {
    const earlier = before.links.find((link) => link.peer === peer)?.sentBytes ?? 0
    grown += grownBy(sentBytes, earlier)
  }
  return perSecond(grown, sample, before)
}

/** Of a counter of a link: one that is less than before is of a link that was made anew. */
export function grownBy(now: number, before: number): number {
  return now < before ? now : now - before
}

/** Waiting for the operating system or for a gap to close. */
export const queuedBytes: ValueOf = ({ heldBytes, links }) =>
  links.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, heldBytes)

export function memberLine({ runs }: Pick<Place, 'runs'>, measure: ValueOf, window: Window): Line {
  const line: Line = new Array(window.seconds).fill(null)
  for (const run of runs) draw(line, run, measure, window)
  return line
}

export interface LinkLine {
  /** Keys of the places. */
  readonly from: string
  readonly to: string
  readonly line: Line
}

/** How long writes of `from` took to `to`, for each two members of which that is known. */
export function lagLines(
  places: readonly Place[],
  percentile: 'p50Ms' | 'p99Ms',
  window: Window,
): LinkLine[] {
  const keyOf = new Map(places.flatMap(({ key, runs }) => runs.map(({ id }): [string, string] => [id, key])))
  const lines: LinkLine[] = []
  for (const place of places) {
    const lines_: Map<string, LinkLine> = new Map()
    for (const run of place.runs) {
      const peers = new Set(run.samples.flatMap(({ links }) => links.map(({ peer }) => peer)))
      for (const peer of peers) {
        const from = keyOf.get(peer)
        if (from === undefined || from === place.key) continue
        const known = lines_.get(from)
        const line = known?.line ?? new Array(window.seconds).fill(null)
        draw(line, run, ({ links }) => links.find((link) => link.peer === peer)?.lag?.[percentile], window)
        if (known === undefined) lines_.set(from, { from, to: place.key, line })
      }
    }
    lines.push(...[...lines_.values()].sort((a, b) => (a.from < b.from ? -1 : 1)))
  }
  return lines
}

function draw(
  line: Line,
  { samples }: Pick<Run, 'samples'>,
  measure: ValueOf,
  { end, seconds }: Window,
): void {
  let before: Sample | undefined
  let last: { at: number; value: number } | undefined
  for (const sample of samples) {
    const at = Math.floor(sample.atMs / 1_000) - end + seconds - 1
    const value = measure(sample, before)
    before = sample
    if (value === undefined || at >= seconds) continue
    if (last !== undefined && at - last.at <= BRIDGED_SECONDS)
      for (let between = Math.max(0, last.at + 1); between < at; between++) line[between] = last.value
    if (at >= 0) line[at] = value
    last = { at, value }
  }
}

/** A process that began anew has another id; what counts down within one run is no rate. */
function perSecond(grown: number, sample: Sample, before: Sample): number | undefined {
  const seconds = (sample.atMs - before.atMs) / 1_000
  return grown < 0 || seconds <= 0 ? undefined : grown / seconds
}
