/** What the charts show. */

import { bytesText, figureText, lagText } from './format.js'
import type { Place } from './model.js'
import {
  type Line,
  lagLines,
  memberLine,
  queuedBytes,
  rateOf,
  sentRate,
  type ValueOf,
  type Window,
} from './series.js'

export interface ChartLine {
  readonly key: string
  readonly label: string
  readonly colour: number
  /** Where there are several of one colour. */
  readonly variant: number
  readonly line: Line
}

export interface Measure {
  readonly title: string
  /** What it means, for who does not know. */
  readonly about: string
  readonly text: (value: number) => string
  /** The scale reaches at least so far: what is next to nothing shall look so. */
  readonly least: number
  readonly isOfLinks: boolean
  readonly lines: (places: readonly Place[], window: Window) => ChartLine[]
}

const perSecond = (value: number) => `${figureText(Math.round(value * 10) / 10)}/s`
const bytesPerSecond = (value: number) => `${bytesText(value)}/s`

export const MEASURES: readonly Measure[] = [
  ofMembers('Sessions', 'Sessions that each member holds', figureText, 10, ({ sessions }) => sessions),
  ofMembers(
    'Writes',
    'Writes made at each member that created or changed a session',
    perSecond,
    5,
    rateOf('writes'),
  ),
  ofLinks('Replication lag p50', 'p50Ms'),
  ofLinks('Replication lag p99', 'p99Ms'),
  ofMembers('Sent', 'Payload that each member sent over all its links', bytesPerSecond, 1_000, sentRate),
  ofMembers(
    'Queued',
    'Bytes that wait for the network, or for a gap before them to close',
    bytesText,
    1_000,
    queuedBytes,
  ),
  ofMembers(
    'Event loop lag, longest',
    'How late timers were at each member',
    lagText,
    10,
    ({ loop }) => loop.maxMs,
  ),
  ofMembers(
    'Reads that waited',
    'Reads that had to wait for what their client had seen elsewhere',
    perSecond,
    1,
    rateOf('waitedReads'),
  ),
  ofMembers(
    'Stale reads',
    'Reads served without all that their client had seen: nobody who has it could be reached in time',
    perSecond,
    1,
    rateOf('staleReads'),
  ),
  ofMembers(
    'Lost writes waited for',
    'Reads that stopped waiting for a write, since its writer is dead and nobody who lives has it',
    perSecond,
    1,
    rateOf('lostWrites'),
  ),
  ofMembers('Memory', 'Resident set of each process', bytesText, 50e6, ({ rssBytes }) => rssBytes),
  ofMembers('Heap', 'JavaScript heap in use at each process', bytesText, 10e6, ({ heapBytes }) => heapBytes),
]

function ofMembers(
  title: string,
  about: string,
  text: (value: number) => string,
  least: number,
  measure: ValueOf,
): Measure {
  const lines = (places: readonly Place[], window: Window) =>
    places.map((place) => ({
      key: place.key,
      label: place.name,
      colour: place.colour,
      variant: 0,
      line: memberLine(place, measure, window),
    }))
  return { title, about, text, least, isOfLinks: false, lines }
}

/** In the colour of the member that wrote. */
function ofLinks(title: string, percentile: 'p50Ms' | 'p99Ms'): Measure {
  const lines = (places: readonly Place[], window: Window) => {
    const known = new Map(places.map((place, i) => [place.key, { place, i }]))
    return lagLines(places, percentile, window).map(({ from, to, line }) => {
      const [writer, reader] = [known.get(from)!, known.get(to)!]
      const label = `${writer.place.name} → ${reader.place.name}`
      return { key: `${from}\n${to}`, label, colour: writer.place.colour, variant: reader.i, line }
    })
  }
  const about =
    'From a write leaving one member to its being merged at another, above the quickest frame of that link'
  return { title, about, text: lagText, least: 1, isOfLinks: true, lines }
}
