/** The last five minutes: one small chart for each measure, with one cursor and one range of time. */

import { byId, element, keyed, part, setAttributes, setText } from './dom.js'
import { clockText, secondsText } from './format.js'
import { type ChartLine, MEASURES, type Measure } from './measures.js'
import type { Model, Place } from './model.js'
import type { Window } from './series.js'
import { COLOURS, colourClass, DASHED_FROM, type Themes } from './theme.js'
import uPlot from './uPlot.js'

const SECONDS = 300
const HEIGHT = 124
/** In a legend; more is no legend. The highest at the cursor are shown. */
const MAX_LEGEND = 12
const MAX_LINK_LEGEND = 6

export class Charts {
  readonly #charts: readonly Chart[]
  readonly #time = byId('cursor-time')
  #window: Window = { end: 0, seconds: SECONDS }
  #cursor: number | undefined
  #isVisible = true
  #frame: number | undefined

  constructor(box: HTMLElement, themes: Themes) {
    this.#charts = MEASURES.map((measure) => new Chart(measure, themes, (index) => this.#point(index)))
    box.append(...this.#charts.map(({ root }) => root))
    themes.onChange(() => {
      for (const chart of this.#charts) chart.redraw()
    })
    const sizes = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries)
        this.#charts.find(({ plot }) => plot === target)?.resize(contentRect.width)
    })
    for (const { plot } of this.#charts) sizes.observe(plot)
    // What nobody sees is not drawn.
    new IntersectionObserver(
      ([entry]) => {
        this.#isVisible = entry?.isIntersecting ?? true
      },
      { rootMargin: '200px' },
    ).observe(box)
  }

  show(model: Model): void {
    if (!this.#isVisible) return
    const end = Math.floor(model.nowMs() / 1_000) - 1
    this.#window = { end, seconds: SECONDS }
    for (const chart of this.#charts) chart.show(model.places, this.#window)
    this.#legends()
  }

  #point(index: number | undefined): void {
    if (index === this.#cursor) return
    this.#cursor = index
    // All charts follow one pointer: they are written once for a frame.
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      this.#legends()
    })
  }

  #legends(): void {
    const { end, seconds } = this.#window
    const index = this.#cursor ?? seconds - 1
    const ago = seconds - 1 - index
    setText(
      this.#time,
      ago === 0
        ? 'values of now'
        : `values at ${clockText((end - ago) * 1_000)}, ${secondsText(ago * 1_000)} ago`,
    )
    for (const chart of this.#charts) chart.legend(index, this.#cursor !== undefined)
  }
}

class Chart {
  readonly root: HTMLElement
  readonly plot = element('div', { class: 'plot' })
  readonly #measure: Measure
  readonly #themes: Themes
  readonly #onPoint: (index: number | undefined) => void
  readonly #legend: HTMLElement
  #lines: readonly ChartLine[] = []
  #names = ''
  #uplot: uPlot | undefined
  #width = 0

  constructor(measure: Measure, themes: Themes, onPoint: (index: number | undefined) => void) {
    this.#measure = measure
    this.#themes = themes
    this.#onPoint = onPoint
    this.#legend = element('ul', { class: measure.isOfLinks ? 'legend of-links' : 'legend' })
    this.root = element(
      'figure',
      { class: 'chart', 'aria-label': measure.title },
      element('figcaption', { title: measure.about }, measure.title),
      this.plot,
      this.#legend,
    )
  }

  show(places: readonly Place[], window: Window): void {
    this.#lines = this.#measure.lines(places, window)
    const names = this.#lines.map(({ key, colour, variant }) => `${key} ${colour} ${variant}`).join('\n\n')
    if (this.#uplot === undefined || names !== this.#names) this.#create(names)
    const xs = Array.from({ length: window.seconds }, (_, i) => i)
    this.#uplot?.setData([xs, ...this.#lines.map(({ line }) => line)])
  }

  resize(width: number): void {
    this.#width = Math.floor(width)
    if (this.#width > 0) this.#uplot?.setSize({ width: this.#width, height: HEIGHT })
  }

  redraw(): void {
    this.#uplot?.redraw(false, true)
  }

  legend(index: number, isPointed: boolean): void {
    const { isOfLinks } = this.#measure
    const valued = this.#lines.map((line) => ({ ...line, value: valueAt(line, index, isPointed) }))
    const most = isOfLinks ? MAX_LINK_LEGEND : MAX_LEGEND
    const shown =
      valued.length <= most ? valued : valued.sort((a, b) => (b.value ?? -1) - (a.value ?? -1)).slice(0, most)
    keyed(this.#legend, shown, {
      key: ({ key }) => key,
      create: () => element('li', {}, element('i'), element('span', { class: 'label' }), element('b')),
      update: (item, { label, colour, value, variant }) => {
        const isDashed = colour % COLOURS >= DASHED_FROM || variant % 2 === 1
        setAttributes(item, { class: `${colourClass(colour)}${isDashed ? ' dashed' : ''}` })
        setText(part(item, '.label'), label)
        setAttributes(part(item, '.label'), { title: label })
        setText(part(item, 'b'), value === undefined ? '–' : this.#measure.text(value))
      },
    })
  }

  #create(names: string): void {
    this.#uplot?.destroy()
    this.#names = names
    const { text, least } = this.#measure
    const colour = (className: string) => () => this.#themes.colourOf(className)
    const grid = { stroke: colour('grid'), width: 1 }
    const axis: uPlot.Axis = {
      stroke: colour('axis'),
      font: '11px system-ui, sans-serif',
      grid,
      ticks: { show: false },
    }
    this.#uplot = new uPlot(
      {
        width: Math.max(60, this.#width),
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: false, range: () => [0, SECONDS - 1] },
          y: { range: (_, __, max) => [0, Math.max(least, (max ?? 0) * 1.08)] },
        },
        axes: [
          {
            ...axis,
            size: 22,
            gap: 4,
            splits: () => [59, 119, 179, 239],
            values: () => ['−4 min', '−3', '−2', '−1'],
          },
          {
            ...axis,
            size: 54,
            gap: 4,
            space: 34,
            values: (_, splits) => splits.map((value) => text(value)),
          },
        ],
        cursor: {
          sync: { key: 'sessionmesh', setSeries: false },
          drag: { x: false, y: false },
          points: { size: 5 },
          y: false,
        },
        series: [
          {},
          ...this.#lines.map(({ label, colour: index, variant }): uPlot.Series => {
            const isDashed = index % COLOURS >= DASHED_FROM || variant % 2 === 1
            return {
              label,
              stroke: colour(colourClass(index)),
              width: 1.5,
              ...(isDashed && { dash: [4, 3] }),
              points: { show: false },
            }
          }),
        ],
        hooks: {
          setCursor: [
            ({ cursor }) => this.#onPoint(cursor.left! < 0 ? undefined : (cursor.idx ?? undefined)),
          ],
        },
      },
      undefined,
      this.plot,
    )
  }
}

/** Of now it is the latest there is of the last seconds: members tell one after the other. */
function valueAt({ line }: ChartLine, index: number, isPointed: boolean): number | undefined {
  const back = isPointed ? 1 : 3
  for (let i = index; i > index - back && i >= 0; i--) {
    const value = line[i]
    if (value !== null && value !== undefined) return value
  }
  return undefined
}
