/**
 * What can be set, and the check that nobody else holds the ports.
 *
 * The defaults lie below the range from which the kernel takes ports for outgoing connections (32768 and up
 * on Linux): a port of ours must still be free when its server was killed and comes back.
 */

import { once } from 'node:events'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { json } from 'node:stream/consumers'

export interface Settings {
  /** Run the scenario and exit, with plain lines instead of the live table. */
  once: boolean
  /** Where the proxy listens; `DEMO_HOST=0.0.0.0` lets a phone in. The servers stay on the loopback address. */
  host: string
  port: number
  users: number
  servers: ServerSettings[]
}

export interface ServerSettings {
  /** From 1, for people. */
  number: number
  name: string
  port: number
  meshPort: number
}

/** A setting or a port that the user has to mend. The message says how. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

type Environment = Record<string, string | undefined>

export function readSettings(args: readonly string[], env: Environment, isTerminal: boolean): Settings {
  for (const arg of args) {
    if (arg !== '--once') throw new SettingsError(`Unknown argument ${arg}; the only one is --once.`)
  }
  const [port] = numbers(env, 'DEMO_PORT', [8080], 65_535) as [number]
  const [users] = numbers(env, 'DEMO_USERS', [50], 1_000) as [number]
  const ports = numbers(env, 'DEMO_SERVER_PORTS', [8081, 8082, 8083], 65_535)
  const meshPorts = numbers(env, 'DEMO_MESH_PORTS', [7381, 7382, 7383], 65_535)
  const all = [port, ...ports, ...meshPorts]
  const twice = all.find((value, index) => all.indexOf(value) !== index)
  if (twice !== undefined)
    throw new SettingsError(`Port ${twice} is given twice; every port must be another one.`)
  return {
    once: args.includes('--once') || !isTerminal,
    host: env.DEMO_HOST ?? '127.0.0.1',
    port,
    users,
    servers: ports.map((serverPort, index) => ({
      number: index + 1,
      name: `server-${index + 1}`,
      port: serverPort,
      meshPort: meshPorts[index] ?? 0,
    })),
  }
}

/** As many comma-separated numbers as the default has. */
function numbers(env: Environment, name: string, fallback: readonly number[], most: number): number[] {
  const text = env[name]
  if (text === undefined || text === '') return [...fallback]
  const values = text.split(',').map(Number)
  const valid = values.every((value) => Number.isInteger(value) && value > 0 && value <= most)
  if (valid && values.length === fallback.length) return values
  const wanted = fallback.length === 1 ? 'one number' : `${fallback.length} numbers with commas between`
  throw new SettingsError(
    `${name}=${text} is not ${wanted} from 1 to ${most}; the default is ${fallback.join(',')}.`,
  )
}

/** @throws SettingsError that names every port that is taken, by whom if it can be told, and what to do. */
export async function checkPorts(settings: Settings): Promise<void> {
  const wanted = [
    { port: settings.port, host: settings.host, use: 'the proxy', variable: 'DEMO_PORT' },
    ...settings.servers.flatMap(({ name, port, meshPort }) => [
      { port, host: '127.0.0.1', use: name, variable: 'DEMO_SERVER_PORTS' },
      { port: meshPort, host: '127.0.0.1', use: `the links of ${name}`, variable: 'DEMO_MESH_PORTS' },
    ]),
  ]
  const faults: string[] = []
  const variables = new Set<string>()
  for (const { port, host, use, variable } of wanted) {
    const code = await listenError(port, host)
    if (code === undefined) continue
    if (code === 'EADDRINUSE') faults.push(`Port ${port} (${use}) is in use${await holder(port)}.`)
    else faults.push(`Port ${port} (${use}) cannot be opened on ${host}: ${code}.`)
    variables.add(variable)
  }
  if (faults.length === 0) return
  throw new SettingsError(
    [
      ...faults,
      `Stop what holds ${faults.length === 1 ? 'it' : 'them'} (find it with: lsof -i :PORT; a server of an earlier demo`,
      'that is frozen ends by kill -9 PID), or choose other ports below 32768 with',
      `${[...variables].join(' and ')}. Nothing was stopped on your behalf.`,
    ].join('\n'),
  )
}

async function listenError(port: number, host: string): Promise<string | undefined> {
  const probe = createServer()
  try {
    probe.listen({ port, host, exclusive: true })
    await once(probe, 'listening')
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
  probe.close()
  await once(probe, 'close')
  return undefined
}

/** Proxy and servers of this demo tell their process id; anyone else stays unnamed. */
async function holder(port: number): Promise<string> {
  const question = get({ host: '127.0.0.1', port, path: '/demo/whoami', timeout: 500 })
  question.on('timeout', () => question.destroy(new Error('no answer')))
  question.on('error', () => {})
  try {
    const [response] = await once(question, 'response')
    const answer: unknown = await json(response)
    if (typeof answer !== 'object' || answer === null || !('demo' in answer) || !('pid' in answer)) return ''
    return ` by ${answer.demo} of a sessionmesh demo, process ${answer.pid}`
  } catch {
    return ''
  }
}
