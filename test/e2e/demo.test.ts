/** The demo, run as a user runs it: nobody may notice the upheavals, and whoever is wronged must be noticed. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { freePorts, isFree } from '../support/ports.js'

const MAIN = fileURLToPath(new URL('../../examples/demo/dist/main.js', import.meta.url))
const SCENARIO_MS = 120_000

/** Loaded into server-2: its 100th request arrives without cookies, so that it answers a stranger. */
const FORGETFUL = `
  import { Server } from 'node:http'
  if (process.env.DEMO_SERVER?.includes('"name":"server-2"')) {
    const emit = Server.prototype.emit
    let requests = 0
    Server.prototype.emit = function (event, req, ...rest) {
      if (event === 'request' && ++requests === 100) delete req.headers.cookie
      return emit.call(this, event, req, ...rest)
    }
  }`

interface Run {
  child: ChildProcess
  ports: number[]
  /** Exit code and everything it printed. */
  result: Promise<{ code: number | null; output: string }>
}

leaveNothingBehind()

let honest: Run
let forgetful: Run

// The scenario takes its time; both runs take it together.
beforeAll(async () => {
  honest = runDemo(await freePorts(7))
  forgetful = runDemo(await freePorts(7), {
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(FORGETFUL)}`,
  })
})

afterAll(async () => {
  for (const run of [honest, forgetful]) run?.child.kill('SIGTERM')
  await Promise.all([honest?.result, forgetful?.result])
})

test('servers are killed, frozen and leave, and no user loses anything', {
  timeout: SCENARIO_MS,
}, async () => {
  const { code, output } = await honest.result

  expect(output).toMatch(/wrong reads 0, lost logins 0, lost cart items 0: nothing was lost\n$/)
  expect(code, output).toBe(0)
  expect(output).toMatch(/server-1: kill -9 [\s\S]*server-2: kill -STOP [\s\S]*server-3: kill -TERM /)
  expect(output).not.toContain('\x1b')
  expect(await Promise.all(honest.ports.map(isFree))).not.toContain(false)
})

test('a server that forgets a login is found out, and the history of its user printed', {
  timeout: SCENARIO_MS,
}, async () => {
  const { code, output } = await forgetful.result

  expect(output).toMatch(/user\d+: (logged in as user\d+, told to be anonymous|item \S+ is missing)/)
  expect(output).toMatch(/ {4}\d\d:\d\d\.\d+ (GET|PUT|DELETE) \S+: server-2/)
  expect(output).toMatch(/lost logins [1-9]/)
  expect(code, output).toBe(1)
})

test('a port in use is named, with what to do about it, and its holder is left alone', async () => {
  const ports = await freePorts(7)
  const holder = createServer((socket) => socket.destroy()).listen({ host: '127.0.0.1', port: ports[2] })
  onCleanUp(() => holder.close())
  await once(holder, 'listening')

  const { code, output } = await runDemo(ports).result

  expect(code).toBe(2)
  expect(output).toContain(`Port ${ports[2]} (server-2) is in use`)
  expect(output).toContain('DEMO_SERVER_PORTS')
  expect(holder.listening).toBe(true)
})

function runDemo(ports: number[], env: NodeJS.ProcessEnv = {}): Run {
  const child = spawn(process.execPath, [MAIN, '--once'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      DEMO_PORT: String(ports[0]),
      DEMO_SERVER_PORTS: ports.slice(1, 4).join(),
      DEMO_MESH_PORTS: ports.slice(4).join(),
      DEMO_USERS: '25',
      ...env,
    },
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (output += text))
  return { child, ports, result: once(child, 'close').then(([code]) => ({ code, output })) }
}
