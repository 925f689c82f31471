/**
 * One member as a real process: joins a cluster, serves the Express app, and obeys the test that started it
 * over IPC. It ends when that test's process ends.
 */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import expressSession from 'express-session'
import { type Cluster, joinCluster } from 'sessionmesh'
import { codeOf } from './error-code.js'
import { cpuMicros } from './measuring/cpu.js'
import { watchTimers } from './measuring/timers.js'
import { memberApp } from './member-app.js'
import { memberCommands } from './member-commands.js'
import {
  type EventName,
  type FromMember,
  type MemberSettings,
  SETTINGS_VARIABLE,
  type ToMember,
} from './member-protocol.js'
import { memberSession } from './member-session.js'
import { memberStore } from './member-store.js'
import { redirectDials } from './redirect.js'

const COOKIE = { secret: 'cookie secret of the tests', resave: false, saveUninitialized: false }

const REPORTED = [
  'member:alive',
  'member:suspect',
  'member:dead',
  'member:left',
  'takeover',
  'sync:start',
  'sync:end',
  'warning',
] as const satisfies EventName[]

const held = new Map<string, () => void>()

const gate = {
  wait: (key: string) =>
    new Promise<void>((resolve) => {
      held.set(key, resolve)
      send({ kind: 'event', event: { name: 'held', detail: { key }, at: Date.now() } })
    }),
}

function release(key: string): void {
  const resolve = held.get(key)
  if (resolve === undefined) throw new Error(`no request waits for "${key}"`)
  held.delete(key)
  resolve()
}

function send(message: FromMember): void {
  process.send?.(message)
}

async function main(): Promise<void> {
  const settings: MemberSettings = JSON.parse(process.env[SETTINGS_VARIABLE] ?? '{}')
  const { routes = {}, dialsFrom, countsTimers } = settings
  if (countsTimers) watchTimers()
  redirectDials(routes, dialsFrom)
  const start = performance.now()
  const startMicros = cpuMicros()
  const cluster = settings.cluster && (await joinCluster({ ...settings.cluster, memberName: settings.name }))
  const joinedMs = performance.now() - start
  const joinedCpuMs = (cpuMicros() - startMicros) / 1_000
  const sessionsAtJoin = cluster?.sessions.size ?? 0
  if (cluster !== undefined) report(cluster)
  obey(cluster)
  const server =
    settings.httpPort === undefined ? undefined : await serve(settings, settings.httpPort, cluster)
  process.once('SIGTERM', async () => {
    if (server !== undefined) await closeHttp(server)
    await cluster?.close()
    process.exit(0)
  })
  send({ kind: 'ready', joinedMs, joinedCpuMs, sessionsAtJoin })
}

async function serve(settings: MemberSettings, port: number, cluster: Cluster | undefined): Promise<Server> {
  const session =
    cluster === undefined
      ? expressSession({ ...COOKIE, store: await memberStore(settings.store) })
      : memberSession(cluster, COOKIE, settings)
  const server = createServer(memberApp(settings.name, session, gate, () => cluster?.ready ?? true))
  server.listen({ host: settings.httpHost ?? '127.0.0.1', port })
  await once(server, 'listening')
  return server
}

/** Answers what is being asked, then closes: first HTTP, then the cluster. */
function closeHttp(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.prependListener('request', (_, res) => res.setHeader('Connection', 'close'))
    const sweep = setInterval(() => server.closeIdleConnections(), 20)
    server.close(() => {
      clearInterval(sweep)
      resolve()
    })
  })
}

function report(cluster: Cluster): void {
  for (const name of REPORTED) {
    cluster.on(name, (detail) => {
      send({ kind: 'event', event: { name, detail, at: Date.now() } })
    })
  }
}

function obey(cluster: Cluster | undefined): void {
  const commands = memberCommands(cluster, release)
  process.on('message', async ({ id, command, args }: ToMember) => {
    try {
      const value: unknown = await Reflect.apply(commands[command], commands, args)
      send({ kind: 'reply', id, value })
    } catch (error) {
      send({ kind: 'error', id, code: codeOf(error), message: String(error) })
    }
  })
}

process.once('disconnect', () => process.exit(1))
main().catch((error: unknown) => {
  const failed: FromMember = { kind: 'failed', code: codeOf(error), message: String(error) }
  process.send?.(failed, () => process.exit(1))
})
