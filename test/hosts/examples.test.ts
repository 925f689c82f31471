/** The examples for several hosts, on several hosts. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { type Host, Lan } from '../support/lan.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { compiled, IP } from '../support/program.js'
import { until } from '../support/wait.js'
import { areNoHosts } from './members.js'

interface Answer {
  readonly views: number
  readonly servers: readonly string[]
}

describe.skipIf(areNoHosts)('the example', () => {
  leaveNothingBehind()

  test('lan: three servers that nobody told of each other', async () => {
    const lan = new Lan()
    const hosts = lan.hosts(3)
    await Promise.all(hosts.map((host) => start(host, 'lan')))
    const urls = hosts.map(({ address }) => `http://${address}:3000/`)
    await expectOneCluster(lan.host(), urls)
  })

  test('static-peers: one list for all, with several processes on one host', async () => {
    const lan = new Lan()
    const [one, two] = lan.hosts(2)
    const list = [`${one!.address}:7373`, `${two!.address}:7373-7376`]
    await Promise.all([
      start(one!, 'static-peers', list),
      start(two!, 'static-peers', list),
      start(two!, 'static-peers', list, 3001),
    ])
    const urls = [
      `http://${one!.address}:3000/`,
      `http://${two!.address}:3000/`,
      `http://${two!.address}:3001/`,
    ]
    await expectOneCluster(lan.host(), urls)
  })

  async function expectOneCluster(visitor: Host, urls: readonly string[]): Promise<void> {
    await until('they are one cluster', async () => {
      const answers = await visit(visitor, urls)
      return answers.every(({ servers }) => servers.length === urls.length)
    })
    const answers = await visit(visitor, [...urls, ...urls])
    expect(answers.map(({ views }) => views)).toEqual([1, 2, 3, 4, 5, 6])
  }

  async function visit(host: Host, urls: readonly string[]): Promise<Answer[]> {
    const program = compiled(import.meta.url, './visitor.js')
    const args = ['netns', 'exec', host.namespace, process.execPath, program, ...urls]
    const { stdout } = await promisify(execFile)(IP, args, { timeout: 20_000 })
    return JSON.parse(stdout)
  }

  /** Resolves when it serves. */
  async function start(host: Host, name: string, args: readonly string[] = [], port = 3000): Promise<void> {
    const program = fileURLToPath(new URL(`../../examples/${name}/dist/server.js`, import.meta.url))
    const env = { ...process.env, PORT: `${port}`, SESSIONMESH_SECRET: 'of the example: 5VxN2qRk8DmZ7bPu' }
    const child = spawn(IP, ['netns', 'exec', host.namespace, process.execPath, program, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onCleanUp(async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (said) => (output += said))
    await until(`${name} serves on ${host.address}`, () => output.includes(' serves '), {
      dump: () => output,
    })
  }
})
