/** The handle of a client on a host: users behind no balancer at all, each request to the next server. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { onCleanUp } from '../support/cleanup.js'
import type { Host } from '../support/lan.js'
import type { MemberProcess } from '../support/member-process.js'
import { compiled, inNamespace } from '../support/program.js'
import type { Tally } from '../support/users.js'
import { within } from '../support/wait.js'

export interface LoadSettings {
  readonly urls: readonly string[]
  readonly users: number
}

/** The environment variable that carries them. */
export const LOAD_VARIABLE = 'SESSIONMESH_TEST_LOAD'

export class Client {
  readonly #child: ChildProcess
  readonly #tally: Promise<Tally>

  constructor(host: Host, servers: readonly MemberProcess[], users: number) {
    const settings: LoadSettings = { urls: servers.map(({ url }) => url), users }
    this.#child = fork(compiled(import.meta.url, './load.js'), [], {
      env: { ...process.env, [LOAD_VARIABLE]: JSON.stringify(settings) },
      ...inNamespace(host.namespace),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    onCleanUp(() => this.#child.kill('SIGKILL'))
    const ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the client ended (${code})`)
    })
    this.#tally = Promise.race([once(this.#child, 'message').then(([tally]) => tally as Tally), ended])
    this.#tally.catch(() => {})
  }

  /** Ends the load, and tells what its users met. */
  async stop(): Promise<Tally> {
    this.#child.send('stop')
    return within('the end of the load', 30_000, this.#tally)
  }
}
