/** Where things are in the drawing: members on an ellipse, links that leave its middle to the ring. In pixels. */

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly middle: Point
  /** Outer radius of the ring in the middle. */
  readonly ring: number
  readonly node: number
  /** Room for a name, in characters. */
  readonly nameLength: number
  readonly places: readonly Point[]
}

const CHARACTER = 7.2
/** For two lines of text above or below a member. */
const LABEL = 44

export function layoutOf(count: number, width: number, height: number): Layout {
  const node = Math.max(11, Math.min(22, width / 22, 170 / Math.max(1, count)))
  const radius = { x: width / 2 - Math.max(node + 4, 56), y: height / 2 - node - LABEL }
  // Of two the line between them is as long as there is room; of more one stands on top.
  const first = count === 2 ? Math.PI : -Math.PI / 2
  const angles = Array.from({ length: count }, (_, i) => first + (2 * Math.PI * i) / count)
  // (Three or five do not reach the lower end of a circle: the ellipse is as much larger.)
  const lowest = count < 3 ? 1 : Math.max(...angles.map(Math.sin))
  const radiusY = (2 * radius.y) / (1 + lowest)
  const middle = { x: width / 2, y: height / 2 - radius.y + radiusY }
  const places = angles.map((angle) => ({
    x: middle.x + radius.x * Math.cos(angle),
    y: middle.y + radiusY * Math.sin(angle),
  }))
  const ring = Math.max(30, Math.min(66, radius.y * 0.42, radius.x * 0.42))
  const apart = count < 3 ? width / 2 : Math.min(150, (Math.PI * (radius.x + radius.y)) / count)
  return { width, height, middle, ring, node, nameLength: Math.max(5, Math.floor(apart / CHARACTER)), places }
}

/** Text of members in the upper half stands above them: below, their links begin. */
export function isLabelAbove({ y }: Point, { middle }: Pick<Layout, 'middle'>): boolean {
  return y < middle.y - 1
}

/** A straight line, bent where it would run through the ring: so far that it passes beside it. */
export function bendOf(a: Point, b: Point, { middle, ring }: Pick<Layout, 'middle' | 'ring'>): Point {
  const half = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }
  const length = Math.hypot(b.x - a.x, b.y - a.y) || 1
  const normal = { x: -(b.y - a.y) / length, y: (b.x - a.x) / length }
  // How far the line is from the middle, and to which side.
  const off = (half.x - middle.x) * normal.x + (half.y - middle.y) * normal.y
  const side = off < -0.5 ? -1 : 1
  const lacking = ring + 14 - Math.abs(off)
  if (lacking <= 0) return half
  // (A curve comes half as close to its bend.)
  return { x: half.x + normal.x * side * lacking * 2, y: half.y + normal.y * side * lacking * 2 }
}

export function curveText(a: Point, bend: Point, b: Point): string {
  return `M${round(a.x)} ${round(a.y)}Q${round(bend.x)} ${round(bend.y)} ${round(b.x)} ${round(b.y)}`
}

/** `share` of the way from `a` to `b`. */
export function curvePoint(a: Point, bend: Point, b: Point, share: number): Point {
  const rest = 1 - share
  const at = (from: number, over: number, to: number) =>
    rest * rest * from + 2 * rest * share * over + share * share * to
  return { x: at(a.x, bend.x, b.x), y: at(a.y, bend.y, b.y) }
}

/** Logarithmic: 100 B/s can still be seen beside 1 MB/s. */
export function strokeWidth(bytes: number): number {
  return 1.25 + Math.min(5.75, Math.max(0, Math.log10(Math.max(1, bytes) / 100)) * 1.3)
}

export interface Arc {
  readonly key: string
  /** Of the whole, from 0 to 1. */
  readonly start: number
  readonly share: number
}

export function arcsOf(amounts: ReadonlyMap<string, number>): Arc[] {
  const whole = [...amounts.values()].reduce((sum, amount) => sum + amount, 0)
  let start = 0
  return [...amounts].map(([key, amount]) => {
    const share = whole > 0 ? amount / whole : 0
    const arc = { key, start, share }
    start += share
    return arc
  })
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
