/**
 * What the dashboard tells, as far as a terminal shows it. It comes from afar, and perhaps from another version: each field that
 * is used here is checked, and texts are made fit for a terminal at once.
 */

import {
  flag,
  listOf,
  number,
  object,
  oneOf,
  optional,
  recordOf,
  type Shape,
  ShapeError,
  text,
} from '../diagnostics/shape.js'
import { plain } from './text.js'

export type Picture = ReturnType<typeof shape>
export type Member = Picture['members'][number]
export type Sample = Member['samples'][number]
export type Event = Picture['events'][number]

/** What was answered is no picture of a mesh, or none that this version understands. */
export class NoPicture extends Error {}

/** @throws NoPicture */
export function pictureOf(json: string): Picture {
  let value: unknown
  try {
    value = JSON.parse(json, (_, each) => (isObject(each) ? new Map(Object.entries(each)) : each))
  } catch {
    throw new NoPicture('it is not JSON')
  }
  try {
    const picture = shape(value)
    return { ...picture, members: picture.members.filter((member) => !isReplaced(member, picture.members)) }
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    throw new NoPicture(plain(error.message))
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Another run of that name lives: it has taken the place of this one. */
function isReplaced({ state, name }: Member, members: readonly Member[]): boolean {
  const isGone = state === 'dead' || state === 'left'
  return isGone && members.some((other) => other.name === name && other.state === 'alive')
}

const line: Shape<string> = (value) => plain(text(value))
const state = oneOf('alive', 'suspect', 'dead', 'left')

const named = fields({ id: line, name: line })

const link = fields({
  peer: line,
  bufferedBytes: number,
  lag: optional(fields({ p50Ms: number, p99Ms: number })),
})

const sample = fields({
  atMs: number,
  sessions: number,
  rssBytes: number,
  loop: fields({ maxMs: number }),
  writes: number,
  links: listOf(link),
})

const told = fields({
  atMs: number,
  upMs: number,
  ready: flag,
  members: listOf(fields({ id: line, name: line, state })),
  census: optional(fields({ owners: recordOf(number) })),
})

const member = fields({
  id: line,
  name: line,
  address: line,
  state,
  sinceMs: number,
  told: optional(told),
  samples: listOf(sample),
  convergence: fields({
    verdict: oneOf('identical', 'following', 'behind', 'differs', 'unknown'),
    sinceMs: number,
    lacks: listOf(fields({ origin: line, byMs: number })),
  }),
})

const event = fields({
  number,
  atMs: number,
  event: line,
  by: named,
  peer: optional(named),
  sid: optional(line),
  ref: optional(line),
  changed: optional(listOf(line)),
  sessions: optional(number),
  complete: optional(flag),
  code: optional(line),
  message: optional(line),
})

const shape = fields({
  cluster: line,
  by: line,
  atMs: number,
  members: listOf(member),
  troubles: listOf(fields({ text: line })),
  summary: line,
  events: listOf(event),
})

/** As `object`, with the type taken from the fields. */
function fields<F extends Record<string, Shape<unknown>>>(
  of: F,
): Shape<{ readonly [K in keyof F]: ReturnType<F[K]> }> {
  return object<{ readonly [K in keyof F]: ReturnType<F[K]> }>(of as never)
}
