/** The handle of one member process: start it, ask it, hurt it, wait for what it reports. */

import { type ChildProcess, fork } from 'node:child_process'
import {
  type CommandName,
  type EventDetails,
  type FromMember,
  type MemberCommands,
  type MemberEvent,
  type MemberSettings,
  SETTINGS_VARIABLE,
} from './member-protocol.js'
import { compiled, inNamespace } from './program.js'
import { until, within } from './wait.js'

/** Generous: benches fill members with all that a busy machine can take. */
const COMMAND_DEADLINE_MS = 120_000
const START_DEADLINE_MS = 30_000
const OUTPUT_KEPT = 4_000

const running = new Map<number, ChildProcess>()

/** Member processes of this test process that have not ended. */
export function runningPids(): number[] {
  return [...running.keys()]
}

// A frozen member would outlive the test's process: it cannot see that its channel is gone.
process.on('exit', () => {
  for (const child of running.values()) child.kill('SIGKILL')
})

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

type Ready = Extract<FromMember, { kind: 'ready' }>

export class MemberProcess {
  readonly settings: MemberSettings
  /** What this run and the runs before it reported, oldest first. */
  readonly events: MemberEvent[] = []
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #ready: Promise<Ready> | undefined
  #nextId = 1
  #waiting = new Map<number, Waiting>()
  #output = ''

  constructor(settings: MemberSettings) {
    this.settings = settings
  }

  get name(): string {
    return this.settings.name
  }

  /** `http://host:port` of its Express app. */
  get url(): string {
    return `http://${this.settings.httpHost ?? '127.0.0.1'}:${this.settings.httpPort}`
  }

  /** Where it listens for members. */
  get meshPort(): number {
    const port = this.settings.cluster?.listen?.port
    if (port === undefined) throw new Error(`${this.name} was given no port for members`)
    return port
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  /** The end of what it printed, for failures. */
  get output(): string {
    return this.#output
  }

  /** Starts the process; resolves when it has joined and serves. */
  start({ deadlineMs = START_DEADLINE_MS } = {}): Promise<Ready> {
    if (this.#child !== undefined) throw new Error(`${this.name} runs already`)
    const child = fork(compiled(import.meta.url, './member.js'), [], {
      env: { ...process.env, [SETTINGS_VARIABLE]: JSON.stringify(this.settings) },
      ...inNamespace(this.settings.namespace, this.settings.nodeOptions),
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#child = child
    if (child.pid !== undefined) running.set(child.pid, child)
    child.stdout?.on('data', (chunk) => this.#keep(chunk))
    child.stderr?.on('data', (chunk) => this.#keep(chunk))
    const ready = new Promise<Ready>((resolve, reject) => {
      child.on('message', (message: FromMember) => {
        if (message.kind === 'ready') resolve(message)
        else if (message.kind === 'failed') reject(startFailure(this.name, message))
        else this.#onMessage(message)
      })
      this.#ended = new Promise((ended) => {
        child.once('exit', (code, signal) => {
          this.#onExit(child)
          reject(new Error(`${this.name} ended (${signal ?? code}) before it was ready\n${this.#output}`))
          ended()
        })
      })
    })
    // Who kills a member that is still joining does not wait for it.
    ready.catch(() => {})
    this.#ready = ready
    return within(`the start of ${this.name}`, deadlineMs, ready)
  }

  /** Resolves when the present run has joined and serves. */
  ready(): Promise<Ready> {
    if (this.#ready === undefined) throw new Error(`${this.name} was never started`)
    return within(`the start of ${this.name}`, START_DEADLINE_MS, this.#ready)
  }

  /** Runs a command in the member, and gives its answer. */
  async ask<C extends CommandName>(
    command: C,
    ...args: Parameters<MemberCommands[C]>
  ): Promise<Awaited<ReturnType<MemberCommands[C]>>> {
    const child = this.#child
    if (child === undefined) throw new Error(`${this.name} does not run`)
    const id = this.#nextId++
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      child.send({ id, command, args }, (error) => {
        if (error !== null) reject(error)
      })
    })
    const value = await within(`${command} of ${this.name}`, COMMAND_DEADLINE_MS, answer)
    // The reply of a command is what that command returns: member-commands.ts is checked against the same type.
    return value as Awaited<ReturnType<MemberCommands[C]>>
  }

  /** SIGKILL: nothing is said to anybody. Gives the wall-clock time just before; resolves when it is gone. */
  async kill(): Promise<number> {
    const at = Date.now()
    this.#signal('SIGKILL')
    await this.#ended
    return at
  }

  /** SIGTERM: leaves the cluster, then ends. */
  async terminate(): Promise<void> {
    this.#signal('SIGTERM')
    await within(`the end of ${this.name}`, START_DEADLINE_MS, this.#ended)
  }

  /** SIGSTOP: alive for the kernel, silent for everybody. Gives the wall-clock time just before. */
  freeze(): number {
    const at = Date.now()
    this.#signal('SIGSTOP')
    return at
  }

  thaw(): void {
    this.#signal('SIGCONT')
  }

  /** Ends the process if it runs, whatever its state. */
  async end(): Promise<void> {
    if (this.#child !== undefined) await this.kill()
  }

  /** The first event of that name reported from `since` (an index into `events`) on that matches. */
  event<N extends keyof EventDetails>(
    name: N,
    matches: (detail: EventDetails[N]) => boolean = () => true,
    options: { since?: number; deadlineMs?: number } = {},
  ): Promise<MemberEvent<N>> {
    const isNamed = (event: MemberEvent): event is MemberEvent<N> => event.name === name
    return until(
      `${this.name} reports ${name}`,
      () =>
        this.events
          .slice(options.since ?? 0)
          .filter(isNamed)
          .find(({ detail }) => matches(detail)),
      { deadlineMs: options.deadlineMs ?? 15_000, dump: () => this.events.slice(-20) },
    )
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child?.kill(signal) !== true) throw new Error(`${this.name} does not run: no ${signal} sent`)
  }

  #onMessage(message: FromMember): void {
    if (message.kind === 'event') {
      this.events.push(message.event)
    } else if (message.kind === 'reply') {
      this.#take(message.id)?.resolve(message.value)
    } else if (message.kind === 'error') {
      this.#take(message.id)?.reject(Object.assign(new Error(message.message), { code: message.code }))
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #onExit(child: ChildProcess): void {
    if (child.pid !== undefined) running.delete(child.pid)
    this.#child = undefined
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(`${this.name} ended meanwhile`))
    this.#waiting.clear()
  }

  #keep(chunk: Buffer): void {
    this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT)
  }
}

function startFailure(name: string, failed: Extract<FromMember, { kind: 'failed' }>): Error {
  return Object.assign(new Error(`${name} could not start: ${failed.message}`), { code: failed.code })
}
