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

/** The lowest priority. */
export const INTRUDER_NICE = 19

export type Attack = (typeof ATTACKS)[number]

export type ToIntruder =
  | ({ kind: 'begin' } & Flood)
  | { kind: 'end' }
  /** So many sockets, and no more. */
  | ({ kind: 'spend'; sockets: number } & Flood)

export interface Flood {
  attack: Attack
  port: number
  /** Of loopback, from which it comes. */
  addresses: readonly string[]
}

export interface IntruderReport {
  /** Sockets, one after the other. */
  opened: number
  /** At once, as far as the intruder knew. */
  mostOpen: number
  /** The beginnings of what it was sent that is no alert of TLS. */
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

  async begin(attack: Attack, port: number, addresses: readonly string[]): Promise<void> {
    await this.#tell({ kind: 'begin', attack, port, addresses })
  }

  async end(): Promise<IntruderReport> {
    return (await this.#tell({ kind: 'end' })) as IntruderReport
  }

  /** Resolves when all of these sockets have come to their end. */
  async spend(
    attack: Attack,
    port: number,
    addresses: readonly string[],
    sockets: number,
  ): Promise<IntruderReport> {
    return (await this.#tell({ kind: 'spend', attack, port, addresses, sockets })) as IntruderReport
  }

  async #tell(message: ToIntruder): Promise<unknown> {
    const answered = once(this.#child, 'message')
    this.#child.send(message)
    const [answer] = await answered
    return answer
  }
}
