/** What goes wrong in one round: drawn from a seed, so that the same round can be drawn again. */

import type { Random } from '../../sim/random.js'

export const KINDS = [
  'kill',
  'leave',
  'freeze',
  'stall',
  'delay',
  'throttle',
  'reset',
  'hold',
  'partition',
] as const

export type Kind = (typeof KINDS)[number]

interface Timed {
  /** After the start of the round. */
  startMs: number
  durationMs: number
}

/** To a process. `kill` and `leave`: it is down for so long. */
export interface ProcessFault extends Timed {
  kind: 'kill' | 'leave' | 'freeze' | 'stall'
  member: string
}

/** To what goes from one member to another. */
interface Way {
  from: string
  to: string
}

export type WireFault = Timed & { ways: Way[] } & (
    | { kind: 'delay'; delayMs: number }
    | { kind: 'throttle'; bytesPerSecond: number }
    /** Again and again, each time after so many bytes more. */
    | { kind: 'reset'; afterBytes: number[] }
    | { kind: 'hold' }
    /** Both ways; held: silence. Else: refused. */
    | { kind: 'partition'; isHeld: boolean; side: string[] }
  )

export type Fault = ProcessFault | WireFault

export function isProcessFault(fault: Fault): fault is ProcessFault {
  return isProcessKind(fault.kind)
}

function isProcessKind(kind: Kind): boolean {
  return kind === 'kill' || kind === 'leave' || kind === 'freeze' || kind === 'stall'
}

/** Those of whom a fault can be told from outside: its process, or both ends of its wires. */
export function touched(fault: Fault): string[] {
  return isProcessFault(fault) ? [fault.member] : fault.ways.flatMap(({ from, to }) => [from, to])
}

/** One fault, or two that overlap; the second often strikes where the first did. */
export function drawFaults(random: Random, members: readonly string[], kinds: readonly Kind[]): Fault[] {
  const first = drawFault(random, random.pick(kinds), members, members, random.between(0, 800))
  if (random.chance(0.4)) return [first]
  const kind = random.pick(kinds)
  const where = random.chance(0.5) ? touched(first) : members
  // A process has one fault at a time.
  const taken = isProcessKind(kind) && isProcessFault(first) ? first.member : undefined
  const isFree = (name: string) => name !== taken
  const struck = where.some(isFree) ? where.filter(isFree) : members.filter(isFree)
  return [first, drawFault(random, kind, struck, members, random.between(0, 2_500))]
}

/** @param where the members of whom one is struck */
export function drawFault(
  random: Random,
  kind: Kind,
  where: readonly string[],
  all: readonly string[],
  startMs: number,
): Fault {
  const timed = (low: number, high: number) => ({ startMs, durationMs: random.between(low, high) })
  const member = random.pick(where)
  switch (kind) {
    case 'kill':
    case 'leave':
      return { kind, member, ...timed(0, 3_000) }
    // Below and above deadAfterMs, and what lies between suspicion and verdict.
    case 'freeze':
      return { kind, member, ...timed(500, 6_000) }
    case 'stall':
      return { kind, member, ...timed(1_000, 5_000) }
    case 'delay':
      return {
        kind,
        ways: drawWays(random, member, all),
        delayMs: random.between(5, 500),
        ...timed(1_000, 4_000),
      }
    case 'throttle':
      return { kind, ways: drawWays(random, member, all), bytesPerSecond: 1_024, ...timed(1_000, 4_000) }
    case 'reset': {
      const afterBytes = Array.from({ length: random.integer(1, 6) }, () => random.integer(1, 6_000))
      return { kind, ways: drawWays(random, member, all), afterBytes, ...timed(1_000, 3_000) }
    }
    case 'hold':
      return { kind, ways: drawWays(random, member, all), ...timed(500, 5_000) }
    case 'partition': {
      const side = drawSide(random, member, all)
      return { kind, side, ways: between(side, all), isHeld: random.chance(0.5), ...timed(500, 5_000) }
    }
  }
}

/** One direction of one pair, all that one member sends, or all that it is sent. */
function drawWays(random: Random, member: string, all: readonly string[]): Way[] {
  const others = all.filter((name) => name !== member)
  const isSender = random.chance(0.5)
  const chosen = random.chance(0.5) ? [random.pick(others)] : others
  return chosen.map((other) => (isSender ? { from: member, to: other } : { from: other, to: member }))
}

/** One member, or two that keep each other. */
function drawSide(random: Random, first: string, all: readonly string[]): string[] {
  const rest = all.filter((name) => name !== first)
  return random.chance(0.5) || all.length < 4 ? [first] : [first, random.pick(rest)]
}

function between(side: readonly string[], all: readonly string[]): Way[] {
  const others = all.filter((name) => !side.includes(name))
  return side.flatMap((a) =>
    others.flatMap((b) => [
      { from: a, to: b },
      { from: b, to: a },
    ]),
  )
}

export function describeFault(fault: Fault): string {
  const time = `${seconds(fault.startMs)}+${seconds(fault.durationMs)}s`
  if (isProcessFault(fault)) return `${fault.kind} ${fault.member} ${time}`
  const ways = fault.ways.map(({ from, to }) => `${from}>${to}`).join(',')
  switch (fault.kind) {
    case 'delay':
      return `delay ${ways} ${fault.delayMs.toFixed(0)}ms ${time}`
    case 'throttle':
      return `throttle ${ways} ${fault.bytesPerSecond}B/s ${time}`
    case 'reset':
      return `reset ${ways} after ${fault.afterBytes.join(',')}B ${time}`
    case 'hold':
      return `hold ${ways} ${time}`
    case 'partition':
      return `${fault.isHeld ? 'silence' : 'cut'} ${fault.side.join('')}|rest ${time}`
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}
