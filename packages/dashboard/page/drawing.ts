/** The mesh as a picture: members on an ellipse, their links, and the ring of owners in the middle. */

import { keyed, part, setAttributes, setText, svg } from './dom.js'
import { type Dot, Flow } from './flow.js'
import { bytesText, countText, lagText, listText, plural, secondsText, shortened } from './format.js'
import { bendOf, curveText, isLabelAbove, type Layout, layoutOf, type Point, strokeWidth } from './layout.js'
import { type Link, linksOf } from './links.js'
import { isDrawn, type Model, type Place } from './model.js'
import { sharesOf } from './owners.js'
import { Ring } from './ring.js'
import { colourClass, type Themes } from './theme.js'
import { Tween } from './tween.js'

const MOVE_MS = 500
const FADE_MS = 1_500
/** More dots at once are a blur, and work. */
const MAX_FLOWS = 40

export class Drawing {
  readonly #box: HTMLElement
  readonly #root = svg('svg', {
    role: 'img',
    'aria-labelledby': 'drawing-title',
    'aria-describedby': 'drawing-text',
  })
  readonly #text = svg('desc', { id: 'drawing-text' })
  readonly #links = svg('g', { class: 'links' })
  readonly #flow = new Flow()
  readonly #themes: Themes
  readonly #nodes = svg('g', { class: 'nodes' })
  readonly #ring = new Ring()
  readonly #tween = new Tween(MOVE_MS, (values) => this.#draw(values))
  #layout: Layout = layoutOf(0, 1, 1)
  #links_: readonly Link[] = []
  #model: Model | undefined
  #places: readonly Place[] = []
  #points = new Map<string, Point>()

  constructor(box: HTMLElement, themes: Themes) {
    this.#themes = themes
    this.#box = box
    this.#root.append(svg('title', { id: 'drawing-title' }, 'The mesh'), this.#text)
    this.#root.append(this.#links, this.#ring.root, this.#nodes)
    box.append(this.#root, this.#flow.canvas)
    new ResizeObserver(() => this.#model && this.show(this.#model, this.#links_)).observe(box)
  }

  show(model: Model, links: readonly Link[] = linksOf(model.places)): void {
    const { clientWidth: width, clientHeight: height } = this.#box
    if (width === 0 || height === 0) return
    this.#model = model
    this.#links_ = links
    this.#places = model.places.filter((place) => isDrawn(place, model.nowMs()))
    const { length: count } = this.#places
    if (count !== this.#layout.places.length || width !== this.#layout.width) {
      this.#flow.resize(width, height)
      this.#flow.clear()
    }
    this.#layout = layoutOf(count, width, height)
    setAttributes(this.#root, {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: count > 6 ? 'many' : undefined,
    })
    setText(this.#text, descriptionOf(model, links))
    const colours = new Map(this.#places.map(({ key, colour }) => [key, colour]))
    this.#ring.show(this.#layout, sharesOf(model), colours)
    this.#tween.to(targetsOf(this.#places, this.#layout))
    this.#draw(undefined)
  }

  /** A dot for each direction of each link with traffic: what went there in the last second. */
  flow(): void {
    const flows = this.#links_
      .flatMap(({ a, b, fromABytes, fromBBytes }) => [
        { from: a, to: b, bytes: fromABytes },
        { from: b, to: a, bytes: fromBBytes },
      ])
      .filter(({ bytes }) => bytes > 0)
      .sort((x, y) => y.bytes - x.bytes)
      .slice(0, MAX_FLOWS)
    this.#flow.run(flows.map((flow) => this.#dotOf(flow)).filter((dot) => dot !== undefined))
  }

  #dotOf({ from, to, bytes }: { from: string; to: string; bytes: number }): Dot | undefined {
    const [a, b] = [this.#points.get(from), this.#points.get(to)]
    const colour = this.#model?.places.find(({ key }) => key === from)?.colour
    if (a === undefined || b === undefined || colour === undefined) return undefined
    return {
      from: a,
      bend: this.#bendOf(from, to, a, b),
      to: b,
      radius: 2 + strokeWidth(bytes) / 3,
      edge: this.#layout.node + 8,
      colour: this.#themes.colourOf(colourClass(colour)),
    }
  }

  /** The same whichever way it is gone. */
  #bendOf(from: string, to: string, a: Point, b: Point): Point {
    return from < to ? bendOf(a, b, this.#layout) : bendOf(b, a, this.#layout)
  }

  #draw(values: ReadonlyMap<string, number> | undefined): void {
    const model = this.#model
    if (model === undefined) return
    if (values !== undefined)
      this.#points = new Map(
        this.#places.map(({ key }) => [
          key,
          { x: values.get(`${key} x`) ?? 0, y: values.get(`${key} y`) ?? 0 },
        ]),
      )
    this.#drawLinks(model)
    this.#drawNodes(model)
  }

  #drawLinks(model: Model): void {
    const nameOf = (key: string) => model.places.find((place) => place.key === key)?.name ?? key
    keyed<Link, SVGPathElement>(this.#links, this.#links_, {
      key: ({ a, b, state }) => `${a}\n${b}\n${state === 'missing'}`,
      create: () => svg('path', {}, svg('title')),
      update: (path, link) => {
        const [a, b] = [this.#points.get(link.a), this.#points.get(link.b)]
        if (a === undefined || b === undefined) return
        const bend = this.#bendOf(link.a, link.b, a, b)
        setAttributes(path, {
          d: curveText(a, bend, b),
          class: `link ${link.state}`,
          'stroke-width': link.state === 'missing' ? 1.5 : strokeWidth(link.fromABytes + link.fromBBytes),
        })
        setText(part(path, 'title'), linkText(link, nameOf))
      },
      remove: (path) => {
        path.classList.add('lost')
        setTimeout(() => path.remove(), FADE_MS)
      },
    })
  }

  #drawNodes(model: Model): void {
    const nowMs = model.nowMs()
    const shares = sharesOf(model)
    keyed<Place, SVGGElement>(this.#nodes, this.#places, {
      key: ({ key }) => key,
      create: createNode,
      update: (node, place) => {
        const { key, name, run, goneMs } = place
        const at = this.#points.get(key) ?? this.#layout.middle
        const size = this.#layout.node
        const sign = isLabelAbove(at, this.#layout) ? -1 : 1
        const second = goneMs === undefined ? `${run.state}` : `${run.state} ${secondsText(nowMs - goneMs)}`
        const owned = shares?.get(key)
        setAttributes(node, {
          class: `node ${colourClass(place.colour)} ${run.state}${place.isTeller ? ' teller' : ''}`,
          transform: `translate(${at.x} ${at.y})`,
        })
        setAttributes(part(node, '.shape'), { d: shapeOf(run.state, size) })
        setAttributes(part(node, '.halo'), { r: size + 5 })
        setAttributes(part(node, '.sign'), { d: signOf(run.state, size * 0.42) })
        setText(part(node, 'title'), `${name}: ${run.state}`)
        const label = part<SVGTextElement>(node, '.name')
        setText(label, shortened(name, this.#layout.nameLength))
        setAttributes(label, { y: sign < 0 ? -size - 26 : size + 20 })
        const words = part<SVGTextElement>(node, '.words')
        setText(
          words,
          goneMs === undefined && owned !== undefined ? `${second} · ${countText(owned)}` : second,
        )
        setAttributes(words, { y: sign < 0 ? -size - 11 : size + 35 })
      },
    })
  }
}

function createNode(): SVGGElement {
  return svg(
    'g',
    {},
    svg('title'),
    svg('circle', { class: 'halo' }),
    svg('path', { class: 'shape' }),
    svg('path', { class: 'sign' }),
    svg('text', { class: 'name', 'text-anchor': 'middle' }),
    svg('text', { class: 'words', 'text-anchor': 'middle' }),
  )
}

function targetsOf(places: readonly Place[], layout: Layout): Map<string, number> {
  const targets = new Map<string, number>()
  for (const [i, { key }] of places.entries()) {
    const at = layout.places[i] ?? layout.middle
    targets.set(`${key} x`, at.x).set(`${key} y`, at.y)
  }
  return targets
}

/** A circle lives, a diamond is in doubt, a square is dead, a ring has left. */
function shapeOf(state: string, size: number): string {
  const corner = state === 'suspect' ? size * 1.15 : size * 0.86
  if (state === 'suspect') return `M0 ${-corner}L${corner} 0L0 ${corner}L${-corner} 0Z`
  if (state === 'dead') return `M${-corner} ${-corner}H${corner}V${corner}H${-corner}Z`
  return `M${-size} 0A${size} ${size} 0 1 1 ${size} 0A${size} ${size} 0 1 1 ${-size} 0Z`
}

/** A tick, a question mark, a cross, an arrow to the door. */
function signOf(state: string, size: number): string {
  const s = size
  if (state === 'alive') return `M${-s} ${s * 0.05}L${-s * 0.25} ${s * 0.75}L${s} ${-s * 0.7}`
  if (state === 'suspect')
    return `M${-s * 0.5} ${-s * 0.45}A${s * 0.52} ${s * 0.52} 0 1 1 ${s * 0.25} ${-s * 0.02}Q0 ${s * 0.15} 0 ${s * 0.5}M0 ${s * 0.95}V${s}`
  if (state === 'dead')
    return `M${-s * 0.7} ${-s * 0.7}L${s * 0.7} ${s * 0.7}M${s * 0.7} ${-s * 0.7}L${-s * 0.7} ${s * 0.7}`
  return `M${-s * 0.9} 0H${s * 0.9}M${s * 0.25} ${-s * 0.6}L${s * 0.9} 0L${s * 0.25} ${s * 0.6}`
}

function linkText(
  { a, b, state, fromABytes, fromBBytes, lagMs }: Link,
  nameOf: (key: string) => string,
): string {
  const pair = `${nameOf(a)} and ${nameOf(b)}`
  if (state === 'missing') return `${pair}: no link`
  const traffic = `${bytesText(fromABytes)}/s there, ${bytesText(fromBBytes)}/s back`
  return `${pair}: ${state}, ${traffic}${lagMs === undefined ? '' : `, lag p99 ${lagText(lagMs)}`}`
}

function descriptionOf({ places }: Model, links: readonly Link[]): string {
  const states = places.map(({ name, run }) => `${name} is ${run.state}`)
  const there = links.filter(({ state }) => state !== 'missing').length
  return `${plural(places.length, 'member')}, ${plural(there, 'link')}: ${listText(states)}.`
}
