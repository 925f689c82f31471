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

/**
 * By address below the mount; the page itself is `''`.
 * @param code where this code is
 * @throws Error when the page is not beside it
 */
export function readAssets(code: string = import.meta.url): ReadonlyMap<string, Asset> {
  try {
    return read(code)
  } catch (cause) {
    throw new Error(
      'The page of @sessionmesh/dashboard is not beside its code, which a bundler has taken along without it. Leave the package ' +
        'out of the bundle, as with `--packages=external` of esbuild.',
      { cause },
    )
  }
}

function read(code: string): Map<string, Asset> {
  const compiled = new URL('../dist/page/', code)
  const page = new URL('../page/', code)
  const uplot = createRequire(code).resolve('uplot/package.json')
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
