/** The handle of an intruder (intruder.ts). */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { onCleanUp } from './cleanup.js'
import { compiled } from './program.js'

export const ATTACKS = [
  'ten thousand sockets',
  'sockets that come and go',
  'handshakes with a wrong key',
  'handshakes byte by byte',
  'plain HTTP',
  'garbage',
  'half-closed sockets',
] as const

export type Attack = (typeof ATTACKS)[number]

export type ToIntruder =
  | { kind: 'begin'; attack: Attack; port: number; addresses: readonly string[] }
  | { kind: 'end' }

export interface IntruderReport {
  /** Sockets, one after the other. */
  opened: number
  /** At once, as far as the intruder knew. */
  mostOpen: number
  /** The beginnings of what it was sent that is not TLS. */
  answers: string[]
}

export class Intruder {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Resolves when it may be told what to do. */
  static async start(): Promise<Intruder> {
    const child = fork(compiled(import.meta.url, './intruder.js'), [], {
      // A session of its own, see there.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    onCleanUp(async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
    await once(child, 'message')
    return new Intruder(child)
  }

  /** @param addresses of loopback, from which it comes */
  async begin(attack: Attack, port: number, addresses: readonly string[]): Promise<void> {
    await this.#tell({ kind: 'begin', attack, port, addresses })
  }

  async end(): Promise<IntruderReport> {
    return (await this.#tell({ kind: 'end' })) as IntruderReport
  }

  async #tell(message: ToIntruder): Promise<unknown> {
    const answered = once(this.#child, 'message')
    this.#child.send(message)
    const [answer] = await answered
    return answer
  }
}
