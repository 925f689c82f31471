/** The page's files. They are part of the package, and read once. */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

export interface Asset {
  readonly type: string
  readonly content: Buffer
  readonly etag: string
}

const JS = 'text/javascript; charset=utf-8'
const CSS = 'text/css; charset=utf-8'

/** By address below the mount; the page itself is `''`. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const compiled = new URL('../dist/page/', import.meta.url)
  const page = new URL('../page/', import.meta.url)
  const uplot = createRequire(import.meta.url).resolve('uplot/package.json')
  const scripts = readdirSync(compiled).filter((name) => name.endsWith('.js'))
  return new Map([
    ['', asset(new URL('index.html', page), 'text/html; charset=utf-8')],
    ['page/style.css', asset(new URL('style.css', page), CSS)],
    ['page/uPlot.js', asset(uplot.replace('package.json', 'dist/uPlot.esm.js'), JS)],
    ['page/uPlot.css', asset(uplot.replace('package.json', 'dist/uPlot.min.css'), CSS)],
    ...scripts.map((name): [string, Asset] => [`page/${name}`, asset(new URL(name, compiled), JS)]),
  ])
}

function asset(file: URL | string, type: string): Asset {
  const content = readFileSync(file)
  return { type, content, etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"` }
}
