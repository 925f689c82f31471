/** The server of an example, three times, as it stands: what a user copies has to work. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onCleanUp } from './cleanup.js'
import { freePorts } from './ports.js'
import { until } from './wait.js'

/** Three servers of `examples/EXAMPLE`, all joined and listening. */
export async function threeServers(example: string): Promise<[ExampleServer, ExampleServer, ExampleServer]> {
  const program = fileURLToPath(new URL(`../../examples/${example}/dist/server.js`, import.meta.url))
  const meshPorts = await freePorts(3)
  const [a, b, c] = (await freePorts(3)).map((port, i) => {
    return new ExampleServer(program, port, meshPorts[i] ?? 0, meshPorts)
  })
  if (!a || !b || !c) throw new Error('three ports, three servers')
  await Promise.all([a.start(), b.start(), c.start()])
  return [a, b, c]
}

export class ExampleServer {
  readonly origin: string
  readonly #program: string
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  constructor(program: string, port: number, meshPort: number, meshPorts: readonly number[]) {
    this.#program = program
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
    const child = spawn(process.execPath, [this.#program], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.stderr.on('data', (text) => (output += text))
    const isServing = () => output.includes(`${this.origin} serves`)
    await until(`${this.origin} serves`, isServing, { dump: () => output })
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

/** A browser that sends and gets JSON. */
export class JsonBrowser {
  readonly cookies: Map<string, string>

  constructor(cookies: Iterable<[string, string]> = []) {
    this.cookies = new Map(cookies)
  }

  copy(): JsonBrowser {
    return new JsonBrowser(this.cookies)
  }

  /** @throws Error unless the answer is 200. */
  async send(
    server: { origin: string },
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<unknown> {
    const response = await fetch(server.origin + path, {
      method,
      headers: {
        cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        connection: 'close',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/;\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }
}
