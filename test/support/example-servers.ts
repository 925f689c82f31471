/** An example server, three times, as it stands, each a process that can be killed; and a browser for them. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onCleanUp } from './cleanup.js'
import { freePorts } from './ports.js'
import { until } from './wait.js'

/** Three servers of `examples/NAME`, all joined and listening. */
export async function threeExampleServers(
  name: string,
): Promise<[ExampleServer, ExampleServer, ExampleServer]> {
  const meshPorts = await freePorts(3)
  const ports = await freePorts(3)
  const [a, b, c] = ports.map((port, i) => new ExampleServer(name, port, meshPorts[i]!, meshPorts))
  await Promise.all([a!.start(), b!.start(), c!.start()])
  return [a!, b!, c!]
}

export class ExampleServer {
  readonly origin: string
  readonly #file: string
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  constructor(name: string, port: number, meshPort: number, meshPorts: readonly number[]) {
    this.#file = fileURLToPath(new URL(`../../examples/${name}/dist/server.js`, import.meta.url))
    this.origin = `http://127.0.0.1:${port}`
    const others = meshPorts.filter((other) => other !== meshPort)
    this.#env = {
      ...process.env,
      PORT: String(port),
      SESSIONMESH_LISTEN: `127.0.0.1:${meshPort}`,
      SESSIONMESH_PEERS: others.map((other) => `127.0.0.1:${other}`).join(),
      SESSIONMESH_SECRET: 'the secret of the example test',
    }
    onCleanUp(() => this.kill('SIGKILL'))
  }

  /** Resolves when it says that it serves. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [this.#file], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.stderr.on('data', (text) => (output += text))
    await until(`${this.origin} serves`, () => output.includes(`${this.origin} serves`), {
      dump: () => output,
    })
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
export class ExampleBrowser {
  readonly #cookies: Map<string, string>

  constructor(cookies: Iterable<[string, string]> = []) {
    this.#cookies = new Map(cookies)
  }

  copy(): ExampleBrowser {
    return new ExampleBrowser(this.#cookies)
  }

  /** @throws Error unless the answer is 200. */
  async send({ origin }: ExampleServer, method: 'GET' | 'POST', path: string): Promise<unknown> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(origin + path, { method, headers: { cookie, connection: 'close' } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/;\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(line)) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status}`)
    return response.json()
  }
}
