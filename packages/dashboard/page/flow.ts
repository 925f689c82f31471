/** Dots that run along the links: what went there in the last second. On a canvas, since so many elements would be work. */

import { element, setAttributes } from './dom.js'
import { curvePoint, type Point } from './layout.js'
import { isCalm } from './tween.js'

const RUN_MS = 950
/** Between two frames: it is no film. */
const FRAME_MS = 25
export interface Dot {
  readonly from: Point
  readonly bend: Point
  readonly to: Point
  readonly radius: number
  /** How far from either end it comes up and goes down, in pixels. */
  readonly edge: number
  readonly colour: string
}

interface Running extends Dot {
  readonly startMs: number
}

export class Flow {
  readonly canvas = element('canvas', { class: 'flow', 'aria-hidden': 'true' })
  readonly #context = this.canvas.getContext('2d')
  #dots: Running[] = []
  #isRunning = false
  #isVisible = true

  constructor() {
    new IntersectionObserver(([entry]) => {
      this.#isVisible = entry?.isIntersecting ?? true
    }).observe(this.canvas)
  }

  resize(width: number, height: number): void {
    const scale = Math.min(2, devicePixelRatio)
    setAttributes(this.canvas, { width: Math.round(width * scale), height: Math.round(height * scale) })
    this.#context?.setTransform(scale, 0, 0, scale, 0, 0)
  }

  run(dots: readonly Dot[]): void {
    if (isCalm() || document.hidden || !this.#isVisible) return
    const nowMs = performance.now()
    this.#dots.push(...dots.map((dot) => ({ ...dot, startMs: nowMs + Math.random() * 150 })))
    if (this.#isRunning) return
    this.#isRunning = true
    requestAnimationFrame((atMs) => this.#draw(atMs))
  }

  /** Where they were going is somewhere else now. */
  clear(): void {
    this.#dots = []
  }

  #draw(atMs: number): void {
    const context = this.#context
    if (context === null) return
    this.#dots = this.#dots.filter(({ startMs }) => atMs - startMs < RUN_MS)
    context.clearRect(0, 0, this.canvas.width, this.canvas.height)
    for (const dot of this.#dots) {
      if (atMs < dot.startMs) continue
      const hidden = Math.min(0.4, dot.edge / Math.hypot(dot.to.x - dot.from.x, dot.to.y - dot.from.y))
      const share = hidden + (1 - 2 * hidden) * ((atMs - dot.startMs) / RUN_MS)
      const { x, y } = curvePoint(dot.from, dot.bend, dot.to, share)
      context.fillStyle = dot.colour
      context.beginPath()
      context.arc(x, y, dot.radius, 0, 2 * Math.PI)
      context.fill()
    }
    this.#isRunning = this.#dots.length > 0
    if (this.#isRunning) setTimeout(() => requestAnimationFrame((at) => this.#draw(at)), FRAME_MS)
  }
}
