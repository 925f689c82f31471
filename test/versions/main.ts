/**
 * `pnpm test:versions`: every test on every Node version that is supported, one after the other. The versions come
 * as npm packages, and whatever a test starts runs on the same one.
 */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Usage } from '../sim/usage.js'

/** From the oldest supported to the newest. */
const MAJORS = ['20', '22', '24', '26'] as const

const HELP = `pnpm test:versions [--only ${MAJORS.join(',')} | newest] [-- what vitest takes: files, -t name, --exclude …]`

const usage = new Usage(HELP)
const { values, positionals } = usage.parsed(() =>
  parseArgs({
    allowPositionals: true,
    options: { only: { type: 'string' }, help: { type: 'boolean', default: false } },
  }),
)

if (values.help) console.log(HELP)
else {
  const results: { version: string; isGood: boolean; seconds: number }[] = []
  for (const major of chosen(values.only)) results.push(await test(major, positionals))
  for (const { version, isGood, seconds } of results)
    console.log(`Node ${version}: ${isGood ? 'passed' : 'FAILED'} in ${seconds.toFixed(0)} s`)
  process.exitCode = results.every(({ isGood }) => isGood) ? 0 : 1
}

function chosen(only: string | undefined): readonly string[] {
  if (only === undefined) return MAJORS
  if (only === 'newest') return MAJORS.slice(-1)
  const unknown = only.split(',').find((major) => !(MAJORS as readonly string[]).includes(major))
  return unknown === undefined ? only.split(',') : usage.stop(`--only ${unknown} is none of the versions`)
}

async function test(major: string, args: readonly string[]) {
  const { output } = await node(major, ['--version'], true)
  const version = output.trim()
  console.log(`--- Node ${version}`)
  const startedMs = performance.now()
  const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))
  const { code } = await node(major, [vitest, 'run', ...args], false)
  return { version, isGood: code === 0, seconds: (performance.now() - startedMs) / 1_000 }
}

/** Runs that version of Node; what it prints is returned, or shown. */
function node(major: string, args: readonly string[], isReturned: boolean) {
  return new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const stdio = ['ignore', isReturned ? 'pipe' : 'inherit', 'inherit'] as const
    const child = spawn('npx', ['-y', `node@${major}`, ...args], { stdio: [...stdio] })
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}
