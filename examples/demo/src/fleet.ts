/**
 * The three servers as child processes: started, killed, frozen, thawed and asked to leave by number.
 * No child outlives this process: each ends when its IPC channel closes, and a frozen one is guarded (guard.ts).
 */

import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { guard, unguard } from './guard.js'
import type { Report, Status, SwitchReport, Takeover } from './reports.js'
import type { ServerOptions } from './server.js'
import type { ServerSettings } from './settings.js'

export type ProcessState =
  | 'stopped'
  | 'starting'
  | 'running'
  | 'frozen'
  | 'leaving'
  | 'left'
  | 'killed'
  | 'crashed'

/** One of the servers, whether a process runs for it or not. */
export interface Server extends ServerSettings {
  state: ProcessState
  pid: number | undefined
  /** The last one of the present process. */
  status: Status | undefined
  requestsPerSecond: number
}

export interface FleetEvents {
  /** A line for people. */
  news: [string]
  /** Anything changed; conditions are worth a new look. */
  change: []
  /** A button of a dashboard was clicked. What `answer` is given is shown beside it. */
  switch: [action: SwitchReport['action'], server: number, answer: (error?: string) => void]
}

export class ActionError extends Error {
  override readonly name = 'ActionError'
}

const START_MS = 20_000
const LEAVE_MS = 5_000
/** What a warning means here. */
const NOTES: Record<string, string> = {
  SESSIONMESH_STALE_READ: '; the proxy has asked another server by then',
}
const SERVER_FILE = new URL('./server.js', import.meta.url)

export class Fleet extends EventEmitter<FleetEvents> {
  readonly servers: readonly Server[]
  readonly takeovers: (Takeover & { by: string })[] = []
  readonly #secrets: { secret: string; cookieSecret: string }
  readonly #children = new Map<Server, ChildProcess>()
  readonly #rates = new Map<Server, { at: number; requests: number }[]>()
  readonly #lostAt = new Map<Server, number>()
  /** The last verdict that made it into the news. */
  readonly #told = new Map<Server, string>()
  #isOver = false

  constructor(settings: readonly ServerSettings[], secrets: { secret: string; cookieSecret: string }) {
    super()
    this.#secrets = secrets
    this.servers = settings.map((one) => {
      return { ...one, state: 'stopped', pid: undefined, status: undefined, requestsPerSecond: 0 }
    })
  }

  server(number: number): Server {
    const server = this.servers[number - 1]
    if (server === undefined) throw new ActionError(`there is no server ${number}`)
    return server
  }

  /** What the others that run say of a server, e.g. `alive` or, while they disagree, `suspect/dead`. */
  verdict(server: Server): string {
    const others = this.servers.filter((other) => other !== server && other.state === 'running')
    const states = others.flatMap((other) => other.status?.members[server.name] ?? [])
    return [...new Set(states)].join('/') || '-'
  }

  /** Resolves when the server has joined and accepts requests. */
  async start(number: number): Promise<void> {
    const server = this.server(number)
    if (this.#isOver) throw new ActionError('the demo is ending')
    if (this.#children.has(server)) throw new ActionError(`${server.name} is ${server.state} already`)
    const child = fork(SERVER_FILE, {
      env: { ...process.env, DEMO_SERVER: JSON.stringify(this.#optionsOf(server)) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#children.set(server, child)
    this.#enter(server, 'starting', { pid: child.pid })
    child.on('message', (report: Report) => this.#onReport(server, report))
    child.on('exit', (code, signal) => this.#onExit(server, code, signal))
    child.on('error', (error) => this.emit('news', `${server.name}: ${error.message}`))
    if (child.stderr)
      createInterface(child.stderr).on('line', (line) => this.emit('news', `${server.name}: ${line}`))
    try {
      await this.until(`${server.name} runs`, () => server.state !== 'starting', START_MS)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
    if (server.state !== 'running')
      throw new ActionError(`${server.name} did not start; it is ${server.state}`)
  }

  /** SIGKILL: no last word, no time to hand anything over. */
  async kill(number: number): Promise<void> {
    const [server, child] = this.#running(number)
    this.#lose(server, `kill -9 ${child.pid}`)
    this.#enter(server, 'killed')
    child.kill('SIGKILL')
    await exited(child)
  }

  /** SIGSTOP: its sockets stay open and the kernel still accepts connections, but nothing answers. */
  freeze(number: number): void {
    const [server, child] = this.#running(number)
    if (process.platform === 'win32') throw new ActionError('Windows cannot freeze a process')
    if (server.state === 'frozen') throw new ActionError(`${server.name} is frozen already`)
    this.#lose(server, `kill -STOP ${child.pid}`)
    child.kill('SIGSTOP')
    guard(child)
    this.#enter(server, 'frozen', { requestsPerSecond: 0 })
  }

  thaw(number: number): void {
    const [server, child] = this.#running(number)
    if (server.state !== 'frozen') throw new ActionError(`${server.name} is not frozen`)
    this.emit('news', `${server.name}: kill -CONT ${child.pid}`)
    unguard(child)
    child.kill('SIGCONT')
    this.#enter(server, 'running')
  }

  /** SIGTERM: it answers what is under way, leaves the cluster and exits. */
  async leave(number: number): Promise<void> {
    const [server, child] = this.#running(number)
    if (server.state !== 'running')
      throw new ActionError(`${server.name} is ${server.state}; it cannot leave`)
    this.#lose(server, `kill -TERM ${child.pid}`)
    this.#enter(server, 'leaving')
    child.kill('SIGTERM')
    try {
      await this.until(`${server.name} has left`, () => !this.#children.has(server), LEAVE_MS)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  /** Asks every server to leave, and ends those that do not or cannot. */
  async stop(): Promise<void> {
    this.#isOver = true
    const children = [...this.#children.values()]
    for (const [server, child] of this.#children) {
      const isFrozen = server.state === 'frozen'
      this.#enter(server, 'leaving')
      child.kill(isFrozen ? 'SIGKILL' : 'SIGTERM')
    }
    await Promise.race([Promise.all(children.map(exited)), pause(2_000, undefined, { ref: false })])
    this.killAll()
    await Promise.all(children.map(exited))
  }

  /** Synchronous, for the last moment of this process. */
  killAll(): void {
    for (const child of this.#children.values()) child.kill('SIGKILL')
  }

  /** @throws ActionError when `condition` has not come true in time. */
  async until(what: string, condition: () => boolean, timeoutMs: number): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs)
    while (!condition()) {
      try {
        await once(this, 'change', { signal })
      } catch {
        throw new ActionError(`waited ${timeoutMs / 1000} s in vain until ${what}`)
      }
    }
  }

  #optionsOf(server: Server): ServerOptions {
    const { name, port, meshPort } = server
    const peers = this.servers
      .filter((other) => other !== server)
      .map((other) => `127.0.0.1:${other.meshPort}`)
    return { name, port, meshPort, peers, ...this.#secrets }
  }

  #running(number: number): [Server, ChildProcess] {
    const server = this.server(number)
    const child = this.#children.get(server)
    if (child === undefined || (server.state !== 'running' && server.state !== 'frozen')) {
      throw new ActionError(`${server.name} does not run; it is ${server.state}`)
    }
    return [server, child]
  }

  #onReport(server: Server, report: Report): void {
    switch (report.kind) {
      case 'ready':
        this.emit(
          'news',
          `${server.name} serves, with ${report.sessions} sessions after ${Math.round(report.joinMs)} ms`,
        )
        this.#enter(server, 'running')
        return
      case 'status':
        this.#onStatus(server, report)
        break
      case 'takeover':
        this.takeovers.push({ ...report, by: server.name })
        if (report.sessions > 0) {
          this.emit('news', `${server.name} takes over ${report.sessions} sessions of ${report.member}`)
        }
        break
      case 'warning':
        this.emit(
          'news',
          `${server.name} warns: ${report.message} (${report.code}${NOTES[report.code] ?? ''})`,
        )
        return
      case 'switch':
        return this.#onSwitch(server, report)
      case 'failed':
        this.emit('news', `${server.name} cannot start: ${report.message}`)
        return
    }
    this.emit('change')
  }

  #onSwitch(asked: Server, { number, action, member }: SwitchReport): void {
    const answer = (error?: string) => void this.#children.get(asked)?.send({ number, error }, () => {})
    const server = this.servers.find(({ name }) => name === member)
    if (server === undefined) answer(`there is no ${member}`)
    else this.emit('switch', action, server.number, answer)
  }

  #lose(server: Server, how: string): void {
    this.#lostAt.set(server, Date.now())
    this.emit('news', `${server.name}: ${how}`)
  }

  #onStatus(server: Server, status: Status): void {
    server.requestsPerSecond = this.#rate(server, status)
    server.status = status
    for (const one of this.servers) {
      const verdict = this.verdict(one)
      const isFinal = verdict === 'alive' || verdict === 'dead' || verdict === 'left'
      if (!isFinal || verdict === (this.#told.get(one) ?? 'alive')) continue
      this.#told.set(one, verdict)
      const lostAt = this.#lostAt.get(one)
      const after = lostAt === undefined || verdict === 'alive' ? '' : `, ${status.at - lostAt} ms after`
      const said = verdict === 'left' ? 'has left' : `is ${verdict}`
      this.emit('news', `the others say that ${one.name} ${said}${after}`)
    }
  }

  /** Over the last second or so: a single status interval jumps too much to read. */
  #rate(server: Server, { requests }: Status): number {
    const samples = this.#rates.get(server) ?? []
    const at = performance.now()
    const isNewProcess = (samples.at(-1)?.requests ?? 0) > requests
    const window = isNewProcess ? [] : samples.filter((sample) => sample.at > at - 1_100)
    const first = window[0]
    const perSecond = first ? ((requests - first.requests) * 1000) / (at - first.at) : 0
    this.#rates.set(server, [...window, { at, requests }])
    return Math.round(perSecond)
  }

  #onExit(server: Server, code: number | null, signal: NodeJS.Signals | null): void {
    this.#children.delete(server)
    const end: ProcessState =
      server.state === 'killed' ? 'killed' : server.state === 'leaving' ? 'left' : 'crashed'
    if (end === 'crashed') this.#lose(server, `ended by itself (${signal ?? `code ${code}`})`)
    this.#enter(server, end, { pid: undefined, status: undefined, requestsPerSecond: 0 })
  }

  #enter(server: Server, state: ProcessState, fields: Partial<Server> = {}): void {
    Object.assign(server, fields, { state })
    this.emit('change')
  }
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
