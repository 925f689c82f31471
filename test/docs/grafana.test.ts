/** The dashboard asks for what members tell, and its README shows what runs. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parser } from '@prometheus-io/lezer-promql'
import { metrics } from '@sessionmesh/metrics/prometheus'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { leaveNothingBehind } from '../support/leaks.js'
import { joinAll } from '../support/local-cluster.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

const root = new URL('../../examples/', import.meta.url)
const read = (path: string) => readFile(fileURLToPath(new URL(path, root)), 'utf8')

interface Panel {
  type: string
  title: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: unknown
  fieldConfig?: { defaults: { unit?: string } }
  targets?: { expr: string; datasource: unknown }[]
}

interface Variable {
  name: string
  type: string
  query: string | { query: string }
  datasource?: unknown
}

const dashboard: { panels: Panel[]; templating: { list: Variable[] } } = JSON.parse(
  await read('grafana/dashboard.json'),
)
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const variables = dashboard.templating.list
const valuesOf = variables.flatMap(({ type, query }) =>
  type === 'query' && typeof query === 'object' ? [query.query] : [],
)

describe('the dashboard', () => {
  test('asks for what members tell, by labels that it has, and leaves nothing out', async () => {
    const told = await exported()
    const selectors = [...queries.flatMap(selectorsOf), ...valuesOf.map(selectorOfVariable)]
    for (const { metric, labels } of selectors) {
      expect(told, `the metric ${metric}`).toHaveProperty(metric)
      expect(told[metric], `the labels of ${metric}`).toEqual(expect.arrayContaining(labels))
    }
    const shown = new Set(selectors.map(({ metric }) => metric))
    expect(Object.keys(told).filter((metric) => !shown.has(metric))).toEqual([])
  })

  test('sees counters by how they grow, and all else as it is', () => {
    for (const query of queries)
      for (const { metric, isRange } of selectorsOf(query))
        expect(isRange, query).toBe(/_total$/.test(metric))
  })

  test('has a title, a unit and the chosen data source at every panel, each at a place of its own', () => {
    expect(panels.length).toBeGreaterThan(10)
    const datasource = { type: 'prometheus', uid: '${' + 'datasource}' }
    const taken = new Set<string>()
    for (const panel of panels) {
      expect(panel.title).toMatch(/\w/)
      expect(panel.fieldConfig?.defaults.unit, panel.title).toMatch(/^\w+$/)
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0)
      for (const each of [panel, ...panel.targets!]) expect(each.datasource, panel.title).toEqual(datasource)
      const { x, y, w, h } = panel.gridPos
      for (let column = x; column < x + w; column++)
        for (let line = y; line < y + h; line++) {
          expect(taken.has(`${column} ${line}`), `${panel.title} lies on another panel`).toBe(false)
          taken.add(`${column} ${line}`)
        }
    }
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
    expect(variables[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' })
    for (const each of variables.slice(1)) expect(each.datasource, each.name).toEqual(datasource)
  })

  test('uses the variables that it has', () => {
    const known = [...variables.map(({ name }) => name), '__rate_interval', '__range', '__all']
    const used = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!)
    expect(new Set(used)).toEqual(new Set(known))
  })
})

describe('its README', async () => {
  const readme = await read('grafana/README.md')
  const block = (language: string) => {
    const [, text = ''] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readme) ?? []
    const lines = text.split('\n')
    const indent = /^ */.exec(lines[0]!)![0].length
    return lines.map((line) => line.slice(indent)).join('\n')
  }

  test('shows what examples/metrics does, which a test scrapes', async () => {
    expect(block('ts').length).toBeGreaterThan(100)
    expect(await read('metrics/src/server.ts')).toContain(block('ts'))
  })

  test('shows prometheus.yml', async () => {
    const file = parse(await read('grafana/prometheus.yml'))
    expect(parse(block('yaml'))).toEqual(file)
    expect(file.scrape_configs[0].static_configs[0].targets).toHaveLength(3)
  })
})

/** The labels of each metric that a member with a peer tells. */
async function exported(): Promise<Record<string, string[]>> {
  const [a, b] = await joinAll(2)
  b!.sessions.write('ada', {})
  await until('a has it, and so a lag', () => a!.status().links[0]?.lag)
  const register = new Registry()
  metrics(a!, { register })
  const all = await register.getMetricsAsJSON()
  return Object.fromEntries(all.map(({ name, values }) => [name, Object.keys(values[0]?.labels ?? {})]))
}

interface Selector {
  metric: string
  /** That it, or the aggregation around it, names. */
  labels: string[]
  isRange: boolean
}

/** By Prometheus's own grammar. @throws when it is not PromQL */
function selectorsOf(query: string): Selector[] {
  const text = query.replace(/\$__(rate_interval|range)/g, '5m')
  const selectors: Selector[] = []
  const groupings: { labels: string[]; to: number }[] = []
  let isRange = false
  parser.parse(text).iterate({
    enter(node) {
      const { from, to } = node
      if (node.type.isError) throw new Error(`not PromQL at ${from}: ${query}`)
      if (node.name === 'AggregateExpr') groupings.push({ labels: [], to })
      if (node.name === 'MatrixSelector') isRange = true
      if (node.name === 'VectorSelector') {
        selectors.push({
          metric: '',
          labels: groupings.flatMap((each) => (from < each.to ? each.labels : [])),
          isRange,
        })
        isRange = false
      }
      const word = text.slice(from, to)
      if (node.name === 'Identifier') selectors.at(-1)!.metric = word
      if (node.name === 'LabelName') {
        const isGrouping = node.node.parent?.name === 'GroupingLabels'
        const labels = isGrouping ? groupings.at(-1)!.labels : selectors.at(-1)!.labels
        labels.push(word)
      }
    },
  })
  expect(selectors.length, query).toBeGreaterThan(0)
  return selectors
}

/** Of `label_values(selector, label)`. */
function selectorOfVariable(query: string): Selector {
  const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? []
  const [only] = selectorsOf(selector)
  return { ...only!, labels: [...only!.labels, label] }
}
