/** A Redis server on loopback that keeps nothing on disk: nothing slows it down but its work. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onCleanUp } from '../../support/cleanup.js'
import { freePorts } from '../../support/ports.js'
import { installed } from '../../support/program.js'
import { until } from '../../support/wait.js'
import { ForeignProcess, whyNoForeign } from './foreign.js'

const program = installed('redis-server')

export const whyNoRedis = whyNoForeign ?? (program ? undefined : 'redis-server is not installed')

export async function startRedis(): Promise<{ port: number; server: ForeignProcess; version: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sessionmesh-redis-'))
  onCleanUp(() => rm(folder, { recursive: true }))
  const [port] = await freePorts(1)
  const where = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', folder]
  const server = new ForeignProcess(program!, [...where, '--save', '', '--appendonly', 'no'])
  await until('redis-server serves', () => {
    server.mustRun()
    return server.output.includes('Ready to accept connections')
  })
  const [, version = ''] = /Redis version=([\d.]+)/.exec(server.output) ?? []
  return { port: port!, server, version: `redis-server ${version}` }
}
