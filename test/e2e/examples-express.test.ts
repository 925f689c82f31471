/** The example server, three times, as it stands: what a user copies has to work. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get, request } from 'node:http'
import { connect } from 'node:net'
import { json, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { freePorts } from '../support/ports.js'
import { pause, until, within } from '../support/wait.js'

const SERVER = fileURLToPath(new URL('../../examples/express/dist/server.js', import.meta.url))

leaveNothingBehind()

test('a login survives the server where it was made, and its return', async () => {
  const [one, two, three] = await threeServers()
  const browser = new Browser()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  expect(await browser.send(three, 'GET', '/me')).toEqual({ user: 'ada' })

  await one.kill('SIGKILL')
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  expect(await browser.send(three, 'GET', '/me')).toEqual({ user: 'ada' })

  await one.start()
  expect(await browser.send(one, 'GET', '/me')).toEqual({ user: 'ada' })
})

test('a counter goes up by one whichever server is asked, and not for anybody else', async () => {
  const servers = await threeServers()
  const browser = new Browser()
  for (let count = 1; count <= 30; count++) {
    const server = servers[count % 3] ?? servers[0]
    expect(await browser.send(server, 'GET', '/')).toEqual({ views: count })
  }
  expect(await new Browser().send(servers[0], 'GET', '/')).toEqual({ views: 1 })
})

test('a logout holds on every server', async () => {
  const servers = await threeServers()
  const browser = new Browser()
  await browser.send(servers[0], 'POST', '/login', { user: 'ada' })
  const stolen = browser.copy()
  await browser.send(servers[1], 'POST', '/logout')

  for (const server of servers) {
    expect(await browser.send(server, 'GET', '/me')).toEqual({ user: null })
    // Somebody else's copy of the cookies knows nothing of the logout: there it takes the time of a delta.
    await until(`${server.name} knows of the logout`, async () => {
      const answer = await stolen.copy().send(server, 'GET', '/me')
      return JSON.stringify(answer) === '{"user":null}'
    })
  }
})

test('asked to end, a server answers what is under way, leaves, and exits by itself', async () => {
  const [one, two] = await threeServers()
  const browser = new Browser()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  const busy = await halfARequest(one)

  const ended = one.kill('SIGTERM')
  await until('nobody is let in any more', () => isRefused(one))
  await busy.finish()

  // However often that connection is used again: it must not keep the server.
  const used = busy.useUntilClosed()
  expect(await within('the exit', 15_000, ended)).toEqual([0, null])
  await used
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
})

/** A request whose second half the server waits for. */
async function halfARequest(server: ExampleServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onCleanUp(() => agent.destroy())
  const headers = { 'content-type': 'application/json', 'content-length': 16 }
  const asking = request(`${server.origin}/login`, { agent, method: 'POST', headers })
  const answer = once(asking, 'response')
  await new Promise((resolve) => asking.write('{"user":', resolve))
  return {
    async finish(): Promise<void> {
      asking.end('"grace"}')
      const [response] = await answer
      expect(await json(response)).toEqual({ user: 'grace' })
    },
    async useUntilClosed(): Promise<void> {
      try {
        for (;;) {
          const [response] = await once(get(`${server.origin}/me`, { agent }), 'response')
          await text(response)
          await pause(50)
        }
      } catch {
        agent.destroy()
      }
    },
  }
}

async function isRefused(server: ExampleServer): Promise<boolean> {
  const probe = connect({ host: '127.0.0.1', port: Number(new URL(server.origin).port) })
  try {
    await once(probe, 'connect')
    return false
  } catch {
    return true
  } finally {
    probe.destroy()
  }
}

/** All joined and listening. */
async function threeServers(): Promise<[ExampleServer, ExampleServer, ExampleServer]> {
  const meshPorts = await freePorts(3)
  const [a, b, c] = (await freePorts(3)).map((port, index) => {
    return new ExampleServer(`server ${index + 1}`, port, meshPorts[index] ?? 0, meshPorts)
  })
  if (!a || !b || !c) throw new Error('three ports, three servers')
  await Promise.all([a.start(), b.start(), c.start()])
  return [a, b, c]
}

class ExampleServer {
  readonly name: string
  readonly origin: string
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  constructor(name: string, port: number, meshPort: number, meshPorts: readonly number[]) {
    this.name = name
    this.origin = `http://127.0.0.1:${port}`
    this.#env = {
      ...process.env,
      PORT: String(port),
      SESSIONMESH_LISTEN: `127.0.0.1:${meshPort}`,
      SESSIONMESH_PEERS: meshPorts
        .filter((other) => other !== meshPort)
        .map((other) => `127.0.0.1:${other}`)
        .join(),
      SESSIONMESH_SECRET: 'the secret of the example test',
    }
    onCleanUp(() => this.kill('SIGKILL'))
  }

  /** Resolves when it says that it serves. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [SERVER], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.stderr.on('data', (text) => (output += text))
    await until(`${this.name} serves`, () => output.includes(`${this.origin} serves`), { dump: () => output })
  }

  /** Resolves with exit code and signal. */
  async kill(signal: NodeJS.Signals): Promise<[number | null, NodeJS.Signals | null]> {
    const child = this.#child
    if (child === undefined) return [null, null]
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal)
      await once(child, 'close')
    }
    return [child.exitCode, child.signalCode]
  }
}

/** Keeps every cookie, as browsers do. */
class Browser {
  readonly #cookies: Map<string, string>

  constructor(cookies: Iterable<[string, string]> = []) {
    this.#cookies = new Map(cookies)
  }

  copy(): Browser {
    return new Browser(this.#cookies)
  }

  async send(server: ExampleServer, method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(server.origin + path, {
      method,
      headers: {
        cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        connection: 'close',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (/;\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(cookie)) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    expect(response.status).toBe(200)
    return response.json()
  }
}
