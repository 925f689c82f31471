/** A server that is asked to end while clients go on asking on connections that they keep: as behind a proxy. */

import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Cluster } from 'sessionmesh'
import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { startServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { joinAll } from '../support/local-cluster.js'
import { until, within } from '../support/wait.js'

const CLIENTS = 8

leaveNothingBehind()

test('SIGTERM under requests without a pause: it ends, and every request is answered or was never let in', async () => {
  // (Others that look for peers on this machine are not its own.)
  const [server] = await startServers('express', 1, { SESSIONMESH_CLUSTER: `test ${process.pid}` })
  const clients = Array.from({ length: CLIENTS }, () => new KeepAliveClient(server!.origin))
  const gone = clients.map((client) => client.askUntilItFails())
  await until('all are at it', () => clients.every(({ answers }) => answers >= 20))

  expect(await within('the exit', 10_000, server!.kill('SIGTERM'))).toEqual([0, null])
  // Never let in: nobody has seen that request, and a proxy may send it to the next server, whatever it is.
  expect(await Promise.all(gone)).toEqual(clients.map(() => 'never let in'))
})

test('a member that drains is not ready, and does all else', async () => {
  const [a, b] = (await joinAll(2)) as [Cluster, Cluster]
  expect([a.ready, a.status().ready]).toEqual([true, true])
  a.drain()
  a.drain()
  expect([a.ready, a.status().ready, b.ready]).toEqual([false, false, true])
  a.sessions.write('s', { x: 1 })
  await until('b has it', () => b.sessions.has('s'))
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

  /** Resolves with what became of the last request. */
  async askUntilItFails(): Promise<unknown> {
    for (;;) {
      const request = get(this.#origin, { agent: this.#agent })
      try {
        const [response] = await once(request, 'response')
        await text(response)
        this.answers++
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : error
        // (Who is still waiting to be let in when the listener closes is reset, in place of being refused.)
        const isNew = !request.reusedSocket
        return code === 'ECONNREFUSED' || (code === 'ECONNRESET' && isNew) ? 'never let in' : code
      }
    }
  }
}
