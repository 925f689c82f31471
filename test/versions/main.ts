/**
 * `pnpm test:versions`: every test on every Node version that is supported, one after the other. The versions come
 * as npm packages, and whatever a test starts runs on the same one.
 */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** From the oldest supported to the newest. */
const MAJORS = ['20', '22', '24', '26'] as const

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, help: { type: 'boolean', default: false } },
})

if (values.help) {
  console.log(
    `pnpm test:versions [--only ${MAJORS.join(',')} | newest] [-- what vitest takes: files, -t name, --exclude …]`,
  )
} else {
  const results: { version: string; isGood: boolean; seconds: number }[] = []
  for (const major of chosen(values.only)) results.push(await test(major, positionals))
  for (const { version, isGood, seconds } of results)
    console.log(`Node ${version}: ${isGood ? 'passed' : 'FAILED'} in ${seconds.toFixed(0)} s`)
  process.exitCode = results.every(({ isGood }) => isGood) ? 0 : 1
}

function chosen(only: string | undefined): readonly string[] {
  if (only === undefined) return MAJORS
  return only === 'newest' ? MAJORS.slice(-1) : only.split(',')
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
