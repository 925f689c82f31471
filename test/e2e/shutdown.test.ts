/** A server that is asked to end while clients go on asking on connections that they keep: as behind a proxy. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { freePorts } from '../support/ports.js'
import { until, within } from '../support/wait.js'

const SERVER = fileURLToPath(new URL('../../examples/express/dist/server.js', import.meta.url))
const CLIENTS = 8

leaveNothingBehind()

test('SIGTERM under requests without a pause: it ends, and every request is answered or was never let in', async () => {
  const { origin, child } = await exampleServer()
  const clients = Array.from({ length: CLIENTS }, () => new KeepAliveClient(origin))
  const gone = clients.map((client) => client.askUntilItFails())
  await until('all are at it', () => clients.every(({ answers }) => answers >= 20))

  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await within('the exit', 10_000, ended)).toEqual([0, null])
  // Refused: nobody has seen that request, and a proxy may send it to the next server, whatever it is.
  expect(await Promise.all(gone)).toEqual(clients.map(() => 'ECONNREFUSED'))
})

/** Asks again on the same connection as soon as it has its answer. */
class KeepAliveClient {
  answers = 0
  readonly #origin: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(origin: string) {
    this.#origin = origin
    onCleanUp(() => this.#agent.destroy())
  }

  /** Resolves with the code of the error. */
  async askUntilItFails(): Promise<unknown> {
    try {
      for (;;) {
        const [response] = await once(get(this.#origin, { agent: this.#agent }), 'response')
        await text(response)
        this.answers++
      }
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : error
    }
  }
}

async function exampleServer() {
  const [port, meshPort] = await freePorts(2)
  const origin = `http://127.0.0.1:${port}`
  const env = {
    ...process.env,
    PORT: String(port),
    SESSIONMESH_LISTEN: `127.0.0.1:${meshPort}`,
    SESSIONMESH_CLUSTER: `test ${meshPort}`,
  }
  const child = spawn(process.execPath, [SERVER], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  onCleanUp(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (said) => (output += said))
  child.stderr.on('data', (said) => (output += said))
  await until('it serves', () => output.includes(`${origin} serves`), { dump: () => output })
  return { origin, child }
}
