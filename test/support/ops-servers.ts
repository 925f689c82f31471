/** Servers of an example that has a second port, for those who run it. */

import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ExampleServer } from './example-servers.js'
import { freePorts } from './ports.js'

export interface OpsServer {
  readonly server: ExampleServer
  readonly opsPort: number
  /** Where that port is reached. */
  readonly ops: string
}

/** Three servers of `examples/EXAMPLE`, all joined and listening. */
export async function threeOpsServers(
  example: string,
  env: NodeJS.ProcessEnv = {},
): Promise<[OpsServer, OpsServer, OpsServer]> {
  const program = fileURLToPath(new URL(`../../examples/${example}/dist/server.js`, import.meta.url))
  const ports = await freePorts(9)
  const addresses = ports.slice(3, 6).map((port) => `127.0.0.1:${port}`)
  const start = async (i: number): Promise<OpsServer> => {
    const opsPort = ports[6 + i]!
    const server = new ExampleServer(program, ports[i]!, {
      SESSIONMESH_LISTEN: addresses[i],
      SESSIONMESH_PEERS: addresses.filter((_, other) => other !== i).join(),
      SESSIONMESH_SECRET: 'of the example: 5VxN2qRk8DmZ7bPu',
      OPS_PORT: String(opsPort),
      ...env,
    })
    await server.start()
    return { server, opsPort, ops: `http://127.0.0.1:${opsPort}` }
  }
  return Promise.all([start(0), start(1), start(2)])
}

/** The status of the answer, or the code of the error that came instead; `'silent'` after a second without either. */
export async function statusOf(url: string): Promise<number | string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) })
    await response.text()
    return response.status
  } catch (error) {
    if (error instanceof DOMException) return 'silent'
    const cause: unknown = error instanceof Error ? error.cause : undefined
    return cause instanceof Error && 'code' in cause ? String(cause.code) : String(error)
  }
}

/** Where others would reach this machine, if it has such an address. */
export function outward(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each = []) => each)
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address
}
