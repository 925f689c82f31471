/** What a session costs beyond its payload: a hundred thousand of 1 KB in three attributes, one member alone. */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { joinCluster } from 'sessionmesh'
import type { BenchOptions, PartResult } from './part.js'

const ATTRIBUTE = 'x'.repeat(336)
const PAYLOAD_BYTES = 3 * (ATTRIBUTE.length + 6)

/** In a process of its own: only there a collection can be forced, and nothing else allocates. */
export async function memory({ quick }: BenchOptions): Promise<PartResult> {
  const sessions = quick ? 2_000 : 100_000
  const child = fork(fileURLToPath(import.meta.url), [String(sessions)], { execArgv: ['--expose-gc'] })
  const bytes = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(Number(message)))
    child.once('exit', (code) => reject(new Error(`the measuring process ended with ${code}`)))
  })
  return {
    figures: { sessions, payloadBytes: PAYLOAD_BYTES, overheadBytesPerSession: bytes },
    rows: [
      { what: `memory beyond payload, ${sessions} sessions of 1 KB`, measured: `${bytes} bytes a session` },
    ],
  }
}

async function measure(sessions: number): Promise<number> {
  await using cluster = await joinCluster({ listen: { port: 0 }, peers: [] })
  const before = used()
  for (let i = 0; i < sessions; i++) {
    const number = String(i).padStart(6, '0')
    const data = { a: ATTRIBUTE + number, b: ATTRIBUTE + number, c: ATTRIBUTE + number }
    cluster.sessions.write(`0123456789abcdef0123456789${number}`, data)
    // What is written in one turn waits in the outbox until it ends.
    if (i % 500 === 499) await cluster.sessions.flushed()
  }
  await cluster.sessions.flushed()
  return Math.round((used() - before) / sessions - PAYLOAD_BYTES)
}

function used(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.send?.(await measure(Number(process.argv[2])))
  process.disconnect()
}
