/** The handle of a hostile host. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { onCleanUp } from '../support/cleanup.js'
import type { Host } from '../support/lan.js'
import { compiled, inNamespace } from '../support/program.js'

export interface HostileSettings {
  /** Its own. */
  readonly addresses: readonly string[]
  /** Addresses of members, whose port it floods. */
  readonly victims: readonly string[]
  /** The name of the cluster that it claims to be of. */
  readonly cluster: string
  /** What nobody must send to it. */
  readonly marks: readonly string[]
}

export interface HostileReport {
  /** Forged answers sent. */
  packets: number
  /** Connections to where members were said to be. */
  dialled: number
  /** Of these, told to have no key. */
  alerts: number
  /** Connections to the members' port. */
  floods: number
  /** Of one connection to it. */
  mostBytes: number
  /** Connections that began with anything but a handshake of TLS. */
  strange: number
  /** Connections on which a mark was seen. */
  marked: number
}

/** The environment variable that carries the settings. */
export const HOSTILE_VARIABLE = 'SESSIONMESH_TEST_HOSTILE'

export class HostileHost {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Resolves when it has begun. */
  static async start(host: Host, settings: HostileSettings): Promise<HostileHost> {
    const child = fork(compiled(import.meta.url, './hostile.js'), [], {
      env: { ...process.env, [HOSTILE_VARIABLE]: JSON.stringify(settings) },
      ...inNamespace(host.namespace),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    onCleanUp(async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
    await once(child, 'message')
    return new HostileHost(child)
  }

  async report(): Promise<HostileReport> {
    this.#child.send('report')
    const [report] = await once(this.#child, 'message')
    return report as HostileReport
  }
}
