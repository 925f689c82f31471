/** The ring in the middle of the drawing: who answers for how many sessions. Shares move when they change. */

import { keyed, setAttributes, setText, svg } from './dom.js'
import { countText } from './format.js'
import { type Arc, arcsOf, type Layout } from './layout.js'
import { UNPLACED } from './owners.js'
import { colourClass } from './theme.js'
import { Tween } from './tween.js'

const MOVE_MS = 1_200
const THICKNESS = 13
/** Of the whole; the shares change a little all the time. */
const LEAST_MOVE = 0.02

export class Ring {
  readonly root = svg('g', { class: 'ring' })
  readonly #back = svg('circle', { class: 'ring-back' })
  readonly #arcs = svg('g')
  readonly #total = svg('text', { class: 'ring-total', 'text-anchor': 'middle' })
  readonly #word = svg('text', { class: 'ring-word', 'text-anchor': 'middle', y: 17 })
  readonly #tween = new Tween(MOVE_MS, (amounts) => this.#draw(amounts))
  #colours: ReadonlyMap<string, number> = new Map()
  #radius = 60

  constructor() {
    this.root.append(this.#back, this.#arcs, this.#total, this.#word)
  }

  show(
    { middle, ring }: Layout,
    shares: ReadonlyMap<string, number> | undefined,
    colours: ReadonlyMap<string, number>,
  ): void {
    this.#colours = colours
    this.#radius = ring - THICKNESS / 2
    setAttributes(this.root, { transform: `translate(${middle.x} ${middle.y})` })
    setAttributes(this.#back, { r: this.#radius, 'stroke-width': THICKNESS })
    if (shares === undefined) {
      setText(this.#total, '…')
      return
    }
    const total = [...shares.values()].reduce((sum, share) => sum + share, 0)
    setText(this.#total, countText(total))
    setAttributes(this.#total, { class: total > 99_999 ? 'ring-total small' : 'ring-total' })
    setText(this.#word, total === 1 ? 'session' : 'sessions')
    this.#tween.to(shares, { first: 0, least: LEAST_MOVE })
  }

  #draw(amounts: ReadonlyMap<string, number>): void {
    keyed<Arc, SVGCircleElement>(this.#arcs, arcsOf(amounts), {
      key: ({ key }) => key,
      create: () => svg('circle', { pathLength: 1000, transform: 'rotate(-90)' }),
      update: (arc, { key, start, share }) => {
        const colour = this.#colours.get(key)
        // A gap between two shares, and none when there is one alone.
        const gap = share > 0.999 ? 0 : Math.min(6, share * 500)
        setAttributes(arc, {
          class: `arc ${key === UNPLACED || colour === undefined ? 'm-none' : colourClass(colour)}`,
          r: this.#radius,
          'stroke-width': share > 0 ? THICKNESS : 0,
          'stroke-dasharray': `${Math.max(0, share * 1000 - gap)} 1000`,
          'stroke-dashoffset': -(start * 1000 + gap / 2),
        })
      },
    })
  }
}
