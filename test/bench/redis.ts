/** A Redis server on loopback that writes nothing to disk. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onCleanUp } from '../support/cleanup.js'
import { freePorts } from '../support/ports.js'
import { until } from '../support/wait.js'

/** `undefined` when redis-server is not installed. */
export async function startRedis(): Promise<{ port: number } | undefined> {
  const [port] = await freePorts(1)
  const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no']
  const server = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  server.stdout.setEncoding('utf8').on('data', (said: string) => {
    output = (output + said).slice(-10_000)
  })
  const ended = new Promise<void>((resolve) => server.once('close', resolve).once('error', () => resolve()))
  const end = () => server.kill('SIGKILL')
  process.once('exit', end)
  onCleanUp(() => {
    process.off('exit', end)
    end()
    return ended
  })
  try {
    await once(server, 'spawn')
  } catch {
    return undefined
  }
  await until('redis-server serves', () => output.includes('Ready to accept connections'))
  return { port: port! }
}
