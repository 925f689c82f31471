/** The server of an example, several times, as it stands: what a user copies has to work. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onCleanUp } from './cleanup.js'
import { freePorts } from './ports.js'
import { until } from './wait.js'

/** How long one waits for a process: many start here one after the other. */
const DEADLINE_MS = 60_000

/** Three servers of `examples/EXAMPLE`, all joined and listening. */
export async function threeServers(example: string): Promise<[ExampleServer, ExampleServer, ExampleServer]> {
  const [a, b, c] = await startServers(example, 3)
  return [a!, b!, c!]
}

/** `count` servers of `examples/EXAMPLE`, all joined and listening. */
export async function startServers(
  example: string,
  count: number,
  env: NodeJS.ProcessEnv = {},
): Promise<ExampleServer[]> {
  const program = fileURLToPath(new URL(`../../examples/${example}/dist/server.js`, import.meta.url))
  const ports = await freePorts(2 * count)
  const addresses = ports.splice(count).map((port) => `127.0.0.1:${port}`)
  const servers = ports.map((port, i) => {
    const peers = addresses.filter((_, other) => other !== i)
    return new ExampleServer(program, port, {
      SESSIONMESH_LISTEN: addresses[i],
      SESSIONMESH_PEERS: peers.join(),
      SESSIONMESH_SECRET: 'of the example: 5VxN2qRk8DmZ7bPu',
      ...env,
    })
  })
  await Promise.all(servers.map((server) => server.start()))
  return servers
}

export class ExampleServer {
  readonly port: number
  readonly origin: string
  readonly #program: string
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  constructor(program: string, port: number, env: NodeJS.ProcessEnv) {
    this.port = port
    this.origin = `http://127.0.0.1:${port}`
    this.#program = program
    this.#env = { ...process.env, PORT: String(port), ...env }
    onCleanUp(() => this.kill('SIGKILL'))
  }

  /** A new process at the same addresses; resolves when it says that it serves. */
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
    await until(`${this.origin} serves`, isServing, {
      deadlineMs: DEADLINE_MS,
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
