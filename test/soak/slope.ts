/**
 * Whether a quantity grows: the slope of a straight line through its samples (ordinary least squares), and how sure it is.
 *
 * Samples that follow on each other are alike: what a fault leaves behind is still there a second later. Taken for
 * independent, they would make a slope seem far surer than it is. So the time is cut into equal blocks, longer than what one
 * fault leaves, and the line goes through the means of the blocks, of which each says something new; the interval is
 * Student's t of as many blocks less two. (An autoregressive model would need more samples than a short run has, to be
 * fitted, and its own assumptions; means need none.)
 */

export interface Point {
  atMs: number
  value: number
}

export interface Slope {
  /** Means of the first and the last block. */
  first: number
  last: number
  perHour: number
  /** Half of the 95 % confidence interval. */
  plusMinus: number
  /** The time from the first point to the last. */
  forMs: number
}

const MAX_BLOCKS = 20
/** With fewer the interval would be so wide that nothing could be found. */
const MIN_BLOCKS = 8
const POINTS_PER_BLOCK = 2

/** The 97.5 % quantile of Student's t for 1, 2, … degrees of freedom. */
const T975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101,
]

const HOUR_MS = 3_600_000

/** `undefined`: they are too few to say anything. */
export function slopeOf(points: readonly Point[]): Slope | undefined {
  const blocks = blocksOf(points)
  if (blocks.length < MIN_BLOCKS) return undefined
  const [x, y] = [mean(blocks.map(({ atMs }) => atMs)), mean(blocks.map(({ value }) => value))]
  const spread = sum(blocks.map(({ atMs }) => (atMs - x) ** 2))
  const perMs = sum(blocks.map(({ atMs, value }) => (atMs - x) * (value - y))) / spread
  const residuals = sum(blocks.map(({ atMs, value }) => (value - y - perMs * (atMs - x)) ** 2))
  const freedom = blocks.length - 2
  const error = Math.sqrt(residuals / freedom / spread)
  return {
    first: blocks[0]!.value,
    last: blocks.at(-1)!.value,
    perHour: perMs * HOUR_MS,
    plusMinus: T975[freedom - 1]! * error * HOUR_MS,
    forMs: points.at(-1)!.atMs - points[0]!.atMs,
  }
}

/** It is sure to grow by more than it may in the time that was looked at. */
export function grows({ perHour, plusMinus, forMs }: Slope, allowed: number): boolean {
  return perHour - plusMinus > perHourOf(allowed, forMs)
}

export function perHourOf(growth: number, forMs: number): number {
  return (growth * HOUR_MS) / forMs
}

/** Means of equal times. One in which nothing was sampled, as its member stood still, is left out. */
function blocksOf(points: readonly Point[]): Point[] {
  const count = Math.min(MAX_BLOCKS, Math.floor(points.length / POINTS_PER_BLOCK))
  const [from, to] = [points[0]?.atMs ?? 0, points.at(-1)?.atMs ?? 0]
  if (count < 1 || to <= from) return []
  const blocks: Point[][] = Array.from({ length: count }, () => [])
  for (const point of points)
    blocks[Math.min(count - 1, Math.floor(((point.atMs - from) / (to - from)) * count))]!.push(point)
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => ({
      atMs: mean(block.map(({ atMs }) => atMs)),
      value: mean(block.map(({ value }) => value)),
    }))
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
