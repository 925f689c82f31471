/** The real load balancers, with the configurations of examples/load-balancers, on loopback and on ports of their own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { onCleanUp } from './cleanup.js'
import { freePorts } from './ports.js'
import { FOLDERS, installed } from './program.js'
import { until, within } from './wait.js'

export const PRODUCTS = ['nginx', 'haproxy', 'httpd'] as const
export type Product = (typeof PRODUCTS)[number]
export type Way = 'round-robin' | 'sticky' | 'ip-hash'

const EXAMPLES = new URL('../../examples/load-balancers/', import.meta.url)
/** The ports that stand in the examples: that of the balancer, and those of the servers. */
const [FRONT, ...SERVERS] = ['8080', '3001', '3002', '3003']
const MODULES = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules', '/usr/lib/httpd/modules'].find(
  existsSync,
)

const programs: Record<Product, string | undefined> = {
  nginx: installed('nginx'),
  haproxy: installed('haproxy'),
  httpd: installed('apache2') ?? installed('httpd'),
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})

/** What is missing here; `undefined` when nothing is. */
export function whyNo(product: Product): string | undefined {
  // (Elsewhere loopback has one address, and clients all have that.)
  if (process.platform !== 'linux') return `it is tested on Linux, and this is ${process.platform}`
  if (programs[product] === undefined) return `${product} is not in ${FOLDERS.join(', ')}`
  if (product === 'httpd' && MODULES === undefined)
    return 'the modules of httpd are not where they usually are'
  return undefined
}

export interface Balancer {
  readonly url: string
  /** Resolves when its checks have found these, and no others, to be up. (Of HAProxy alone: the others tell nobody.) */
  sees(names: readonly string[]): Promise<void>
}

/** Resolves when it serves, and sees all servers: `web-1` and so on. It ends with the test. */
export async function startBalancer(product: Product, way: Way, ports: readonly number[]): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), `sessionmesh-${product}-`))
  onCleanUp(() => rm(folder, { recursive: true }))
  // (As root, its workers are somebody else.)
  await chmod(folder, 0o755)
  const [port] = await freePorts(1)
  const file = `${product}/${way}.${product === 'haproxy' ? 'cfg' : 'conf'}`
  const example = await readFile(fileURLToPath(new URL(file, EXAMPLES)), 'utf8')
  const config = join(folder, 'shop.conf')
  await writeFile(config, withPorts(example, port!, ports))
  const main = join(folder, 'main.conf')
  await writeFile(main, frames[product](folder, config))
  await run(programs[product]!, commandLines[product](main, config))
  await sees(ports.map((_, i) => `web-${i + 1}`))
  return { url: `http://127.0.0.1:${port}`, sees }

  async function sees(names: readonly string[]): Promise<void> {
    if (product !== 'haproxy') return
    await until(`it sees ${names}`, async () => String(await seenByHaproxy(folder)) === String(names))
  }

  async function run(command: string, args: string[]): Promise<void> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    // Its workers have these pipes too: they are closed when the last process is gone.
    const closed = once(child, 'close').finally(() => running.delete(child))
    let output = ''
    child.stdout.on('data', (said) => (output += said))
    child.stderr.on('data', (said) => (output += said))
    onCleanUp(async () => {
      child.kill('SIGTERM')
      await within(`the end of ${product}`, 15_000, closed)
    })
    const isUp = async () => {
      const { statusCode, body } = await request(`http://127.0.0.1:${port}/ready`, { reset: true })
      await body.dump()
      return statusCode === 200
    }
    const dump = async () => [output, await readFile(join(folder, 'error.log'), 'utf8').catch(() => '')]
    await until(`${product} serves`, isUp, { dump })
  }
}

/** The servers that are sent requests; one whose last check was not fine (`UP 1/2` until the second) has a question mark. */
async function seenByHaproxy(folder: string): Promise<string[]> {
  const socket = connect(join(folder, 'admin.sock')).end('show stat\n')
  const [head = '', ...rows] = (await text(socket)).split('\n').map((line) => line.replace(/^# /, ''))
  const names = head.split(',')
  const servers = rows.map((row) => {
    const values = row.split(',')
    return Object.fromEntries(names.map((name, i) => [name, values[i]]))
  })
  return servers
    .filter(({ svname, status }) => svname?.startsWith('web-') && status?.startsWith('UP'))
    .map(({ svname, status, check_status }) =>
      status === 'UP' && check_status === 'L7OK' ? `${svname}` : `${svname}?`,
    )
}

/** (Addresses alone are replaced: the rest is what a user copies.) */
function withPorts(example: string, front: number, servers: readonly number[]): string {
  const here = SERVERS.reduce(
    (text, port, i) => text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${servers[i]}`),
    example,
  )
  return here.replaceAll(new RegExp(`(\\*?:)?\\b${FRONT}\\b`, 'g'), `127.0.0.1:${front}`)
}

const commandLines: Record<Product, (main: string, config: string) => string[]> = {
  nginx: (main) => ['-e', 'stderr', '-c', main],
  haproxy: (main, config) => ['-db', '-f', main, '-f', config],
  httpd: (main) => ['-D', 'FOREGROUND', '-f', main],
}

/** What a distribution's own configuration says around the example. */
const frames: Record<Product, (folder: string, config: string) => string> = {
  nginx: (folder, config) => `
    daemon off;
    pid ${folder}/pid;
    error_log stderr;
    worker_processes 2;
    events {}
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${folder}/${each};`).join('\n')}
      include ${config};
    }`,
  haproxy: (folder) => `
    global
      stats socket ${folder}/admin.sock
`,
  httpd: (folder, config) => `
    ServerRoot ${folder}
    DefaultRuntimeDir ${folder}
    PidFile ${folder}/pid
    ErrorLog ${folder}/error.log
    ServerName localhost
    ${['mpm_event', 'authz_core', 'watchdog', 'unixd', 'headers', 'setenvif', 'proxy', 'proxy_http', 'slotmem_shm', 'lbmethod_byrequests', 'proxy_balancer', 'proxy_hcheck'].map(loaded).join('\n')}
    ${process.getuid?.() === 0 ? 'User #65534\nGroup #65534' : ''}
    Include ${config}`,
}

/** (Some are built in, at Debian's.) */
function loaded(module: string): string {
  const file = join(MODULES ?? '', `mod_${module}.so`)
  return existsSync(file) ? `LoadModule ${module}_module ${file}` : ''
}
