/**
 * What is written and flushed survives the death of the process, however much it is. Only a real process shows it: it kills
 * itself when it is told so, and we look at what has arrived.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { joinCluster } from './cluster.js'
import type { Cluster } from './types.js'

const SECRET = 'for tests only: 8KpX2vQz7RmW4tLd'

/** Runs the built package: the writer must be plain Node. Argument: the address to dial. */
const writer = `
  import { joinCluster } from '${new URL('../dist/cluster.js', import.meta.url)}'

  const listen = { host: '127.0.0.1', port: 0 }
  const cluster = await joinCluster({ secret: '${SECRET}', listen, peers: [process.argv[1]] })
  process.send('ready')
  process.on('message', async () => {
    for (let n = 0; n < 8; n++) cluster.sessions.write('s' + n, { payload: 'x'.repeat(900_000) })
    await cluster.runner.flushed()
    process.kill(process.pid, 'SIGKILL')
  })
`

let survivor: Cluster | undefined
let child: ChildProcess | undefined

afterEach(async () => {
  child?.kill('SIGKILL')
  await survivor?.close()
})

test('SIGKILL when 7 MB of one turn are flushed: all is there', async () => {
  survivor = await joinCluster({ secret: SECRET, listen: { host: '127.0.0.1', port: 0 }, peers: [] })
  const { sessions, self } = survivor
  child = fork('-', [], { execArgv: ['--input-type=module', '-e', writer, self.address] })
  await once(child, 'message')
  const exited = once(child, 'exit')
  child.send('write')
  expect((await exited)[1]).toBe('SIGKILL')
  const isThere = () => expect([...sessions.keys()].length).toBe(8)
  await vi.waitFor(isThere, { timeout: 10_000, interval: 5 })
})
