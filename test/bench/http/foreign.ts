/** A server that is not ours: started, watched, and ended by its id, also when the bench is. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { onCleanUp } from '../../support/cleanup.js'

/** What Linux counts in: USER_HZ. It is 100 a second wherever Node runs. */
const MICROS_PER_TICK = 10_000
const OUTPUT_KEPT = 20_000

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class ForeignProcess {
  readonly #child: ChildProcess
  #output = ''

  /** It has to be the server itself, or become it, for its id to be the server's. */
  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    running.add(child)
    const keep = (said: string) => {
      this.#output = (this.#output + said).slice(-OUTPUT_KEPT)
    }
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    child.on('error', (error) => keep(String(error)))
    const closed = once(child, 'close').finally(() => running.delete(child))
    // (None of them has anything to save.)
    onCleanUp(() => {
      child.kill('SIGKILL')
      return closed
    })
  }

  /** The end of what it printed. */
  get output(): string {
    return this.#output
  }

  /** Throws what it said when it has ended by itself. */
  mustRun(): void {
    const { exitCode, signalCode, spawnfile } = this.#child
    if (exitCode !== null || signalCode !== null)
      throw new Error(`${spawnfile} ended (${signalCode ?? exitCode})\n${this.#output}`)
  }

  /** User and system time of all its threads. */
  async cpuMicros(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8')
    // Behind the name, which may have spaces and parentheses of its own; fields 14 and 15 of proc_pid_stat(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
  }
}

export const whyNoForeign =
  process.platform === 'linux'
    ? undefined
    : `its CPU time is read from /proc, and this is ${process.platform}`
