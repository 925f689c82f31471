/** `sessionmesh status` and `top`, run as an operator runs them, against pictures of real clusters. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createServer, type RequestListener } from 'node:http'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { dashboard } from '@sessionmesh/dashboard'
import type { Cluster } from 'sessionmesh'
import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { listening } from '../support/listening.js'
import { aliveIds, freeAddresses, join, joinAll } from '../support/local-cluster.js'
import { freePorts } from '../support/ports.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until, within } from '../support/wait.js'

const MAIN = fileURLToPath(new URL('../../packages/agent/dist/cli/main.js', import.meta.url))
const ENTER = '\x1b[?1049h'
const LEAVE = '\x1b[?1049l'

leaveNothingBehind()

// ---- status ----

test('status: all is well', async () => {
  const clusters = await joinAll(3)
  for (const [i, cluster] of clusters.entries()) cluster.sessions.write(`session-${i}`, { user: i })
  await until('all hold all', () => clusters.every(({ sessions }) => sessions.size === 3))
  const url = await serve(dashboardOf(clusters[0]!))

  const { code, stdout, stderr } = await run(['status', url])
  expect(code, stdout + stderr).toBe(0)
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^test: 3 members, as a tells at \d\d:\d\d:\d\d\n/)
  for (const { self } of clusters) {
    const [row = ''] = stdout.split('\n').filter((line) => line.includes(self.address))
    expect(row).toMatch(new RegExp(`^${self.name} +${self.address} +alive +yes +3 +33% `))
    expect(row).toMatch(/ identical \d+ s$/)
  }
  expect(stdout).toMatch(/Latest events\n[\s\S]*session [\w-]{8} created: user/)
  expect(stdout).toMatch(/\n\nAll is well: 3 members, all identical\.\n$/)
  expect(stdout, 'plain text, since it is piped').not.toMatch(/[^\P{C}\n]|[\u2500-\u259f]/u)
})

test('status: who has left is shown, and all is well; who is dead needs a person', async () => {
  const others = await ProcessCluster.start({ members: ['b', 'c'] })
  const teller = await joinTo(others)
  const dashboard = await serve(dashboardOf(teller))
  const stateOf = (name: string) => teller.members().find((member) => member.name === name)?.state
  expect((await run(['status', dashboard])).code).toBe(0)

  await others.member('c').terminate()
  await until('c has left', () => stateOf('c') === 'left')
  const afterLeave = await run(['status', dashboard])
  expect(afterLeave.stdout).toMatch(/\nc +\S+ +left /)
  expect(afterLeave.stdout).toContain('All is well: 2 members')
  expect(afterLeave.code, afterLeave.stdout).toBe(0)

  await others.member('b').kill()
  await until('b is dead', () => stateOf('b') === 'dead')
  const afterDeath = await run(['status', dashboard])
  expect(afterDeath.stdout).toMatch(/\nb +\S+ +dead +- +- /)
  expect(afterDeath.stdout).toMatch(/a +takes b for dead\n/)
  expect(afterDeath.stdout).toMatch(/\nNot well: b has been dead for \d+ s\.\n$/)
  expect(afterDeath.code).toBe(1)
})

test('status: who stands still is suspect, and who drains is not ready', async () => {
  const others = await ProcessCluster.start({ members: ['b'], cluster: { config: { deadAfterMs: 60_000 } } })
  const teller = await joinTo(others, { deadAfterMs: 60_000 })
  const dashboard = await serve(dashboardOf(teller))
  others.member('b').freeze()
  await until('b is suspect', () => teller.members().some(({ state }) => state === 'suspect'))
  const { code, stdout } = await run(['status', dashboard])
  expect(stdout).toMatch(/Not well: b has been suspect for \d+ s\.\n$/)
  expect(code).toBe(1)

  others.member('b').thaw()
  await until('b is back', () => aliveIds(teller).length === 2)
  teller.drain()
  const draining = await run(['status', dashboard])
  expect(draining.stdout).toMatch(/Not well: a is not ready: it drains, or joins anew\.\n$/)
  expect(draining.code).toBe(1)
})

test('status: two members that have no link to each other, though the one that tells has one to both', async () => {
  const others = await ProcessCluster.start({ members: ['b', 'c'], wired: true })
  const teller = await joinTo(others)
  const dashboard = await serve(dashboardOf(teller))
  await others.wire.cut('b', 'c')

  let last = ''
  const { code, stdout } = await until(
    'it is told',
    async () => {
      const ended = await run(['status', dashboard])
      // (Who has just joined is given a moment.)
      last = ended.stdout
      return ended.stdout.includes('Not well: b has no working link to c.') ? ended : undefined
    },
    { dump: () => last },
  )
  expect(stdout).toContain('\nLinks\nb to c: no link\nc to b: no link\n')
  expect(stdout).toMatch(/\nNot well: b has no working link to c\.\n$/)
  expect(code).toBe(1)
  await others.wire.healEverything()
  await until('it is well again', async () => (await run(['status', dashboard])).code === 0)
})

test('status --json: as the dashboard says it, with the exit code', async () => {
  const [cluster] = await joinAll(1, { memberName: 'a\u009b2J' })
  const said: string[] = []
  const url = await serve(dashboardOf(cluster!, said))

  const { code, stdout } = await run(['status', '--json', url])
  expect(JSON.parse(stdout)).toEqual(JSON.parse(said.at(-1)!))
  expect(stdout, 'nothing that a terminal obeys').not.toMatch(/[\x7f-\x9f]/)
  expect(code).toBe(0)
})

test.each([80, 120, 160])('status: nothing is wider than %i columns, names are cut', async (columns) => {
  const [cluster] = await joinAll(2, { memberName: `member-${'x'.repeat(100)}` })
  const url = await serve(dashboardOf(cluster!))

  const { stdout } = await run(['status', url], { COLUMNS: String(columns) })
  const lines = stdout.split('\n')
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns)
  expect(stdout).toMatch(/\nmember-x+… /)
  expect(Math.max(...lines.map(({ length }) => length))).toBeGreaterThan(columns - 20)
})

test('names and messages of others do nothing to the terminal', async () => {
  const [cluster] = await joinAll(1, { memberName: 'evil\x1b]0;title\x07\x1b[2J\x9b\u202e' })
  const url = await serve(dashboardOf(cluster!))

  const { stdout } = await run(['status', url])
  expect(stdout).toMatch(/\nevil +127/)
  expect(stdout).not.toMatch(/[^\P{C}\n]/u)
})

test('colours only where they are wanted', async () => {
  const [cluster] = await joinAll(1)
  const url = await serve(dashboardOf(cluster!))

  const forced = await run(['status', url], { FORCE_COLOR: '1' })
  expect(forced.stdout).toContain('\x1b[32malive')
  expect((await run(['status', url], { NO_COLOR: '1' })).stdout).not.toContain('\x1b')
})

test('who stops reading is no error', async () => {
  const [cluster] = await joinAll(1)
  const url = await serve(dashboardOf(cluster!))

  const child = start(['top', url, '--interval', '0.2'])
  await until('a block has come', () => child.stdout().includes('All is well'))
  child.process.stdout?.destroy()
  expect((await child.ended()).stderr).toBe('')
})

// ---- who asks, and how ----

test('headers are sent; without them the refusal is shown, and how to authorise', async () => {
  const [cluster] = await joinAll(1)
  const dashboard = dashboardOf(cluster!)
  const url = await serve((req, res) => {
    if (req.headers.authorization === 'Bearer s3same' && req.headers['x-team'] === 'shop') dashboard(req, res)
    else
      res.writeHead(401).end(JSON.stringify({ code: 'forbidden', message: `${req.headers.authorization}?` }))
  })

  const headers = ['--header', 'authorization: Bearer s3same', '--header', 'X-Team:shop']
  expect((await run(['status', url, ...headers])).code).toBe(0)
  const refused = await run(['status', url, ...headers.slice(0, 2)])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('/mesh refuses (401)')
  expect(refused.stderr).toContain('--header')
  expect(refused.stderr).not.toContain('s3same')
  expect((await run(['top', url])).code, 'a refusal stays one').toBe(2)
})

test('nobody listens', async () => {
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}/mesh`

  const { code, stdout, stderr } = await run(['status', url])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toBe(`${url} cannot be reached: nobody listens there (ECONNREFUSED)\n`)
  expect((await run(['top', '--once', url])).code).toBe(2)
})

test.each([
  [[], 'A command is missing. There are: status, top, secret. See: sessionmesh help'],
  [['stats'], 'There is no command stats. There are: status, top, secret. See: sessionmesh help'],
  [['help', 'stats'], 'There is no command stats.'],
  [['status'], 'The address of a dashboard is missing. See: sessionmesh help status'],
  [['status', 'web-1:3000/mesh'], 'That is no address of a dashboard: write http://host:port/mesh'],
  [['status', 'http://a/', 'http://b/'], 'One address is enough'],
  [['status', '--jsn', 'http://a/'], "Unknown option '--jsn'"],
  [['status', 'http://a/', '--header'], "'--header <value>' argument missing"],
  [['status', 'http://a/', '--header', 's3same'], 'A --header is not understood'],
  [['status', 'http://a/', '--header', 'x: s3same\r\ny: z'], 'A --header is not understood'],
  [['secret', '--bits', '64'], "Unknown option '--bits'"],
  [['top', 'http://a/', '--interval', 'fast'], '--interval takes seconds, from 0.2 to 3600'],
  [['top', 'http://a/', '--once', '--for', '3'], 'Give --once or --for, and not both'],
])('%j is not understood', async (args, words) => {
  const { code, stdout, stderr } = await run(args)
  expect(stderr).toContain(words)
  expect(stderr, 'one line').toMatch(/^[^\n]+See: sessionmesh help[^\n]*\n$/)
  expect(stderr).not.toContain('s3same')
  expect([code, stdout]).toEqual([2, ''])
})

test('secret prints a new one, that joinCluster takes', async () => {
  const [{ code, stdout }, other] = [await run(['secret']), await run(['secret'])]
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^[\w-]{43}\n$/)])
  expect(other.stdout).not.toBe(stdout)
  const cluster = await join({ secret: stdout.trim(), listen: { host: '127.0.0.1', port: 0 } })
  expect(cluster.ready).toBe(true)
})

test('help and version', async () => {
  for (const args of [['help'], ['--help'], ['-h']]) {
    const { code, stdout } = await run(args)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ {2}status URL[\s\S]*^ {2}top URL/m)
  }
  const help = await run(['help', 'status'])
  expect(help.stdout).toMatch(/Exit code:\n {2}0 [\s\S]*\n {2}1 [\s\S]*\n {2}2 /)
  expect((await run(['status', '--help'])).stdout).toBe(help.stdout)
  expect((await run(['top', '-h'])).stdout).toContain('--interval')
  expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

// ---- top, where its output is no terminal ----

test('top --once and --for: blocks of plain lines', async () => {
  const [cluster] = await joinAll(2)
  const url = await serve(dashboardOf(cluster!))

  const once = await run(['top', '--once', url])
  expect(once.code).toBe(0)
  expect(once.stdout.match(/^test: 2 members/gm)).toHaveLength(1)
  const bounded = await run(['top', '--for', '1', '--interval', '0.3', url])
  expect(bounded.code).toBe(0)
  expect(bounded.stdout.match(/^test: 2 members/gm)?.length).toBeGreaterThan(1)
  expect(bounded.stdout.match(/ joined, and holds /g), 'each event once').toHaveLength(2)
  expect(bounded.stdout).not.toContain('\x1b')
})

test('top says that nobody answers, and goes on when another member does', async () => {
  const [a, b] = await joinAll(2)
  const first = await listening(createServer(dashboardOf(a!)))
  const top = start(['top', `${first.origin}/mesh`, '--interval', '0.2'])
  await until('a tells', () => top.stdout().includes('as a tells'))

  await first.close()
  await until('it says so', () => top.stdout().includes(`${first.origin}/mesh cannot be reached`))
  const second = createServer(dashboardOf(b!))
  second.listen(Number(new URL(first.origin).port), '127.0.0.1')
  onCleanUp(() => {
    second.closeAllConnections()
    second.close()
  })
  await until('b tells', () => top.stdout().includes('as b tells'))

  top.process.kill('SIGINT')
  expect((await top.ended()).code).toBe(0)
})

// ---- top, in a terminal ----

/** util-linux: it runs a command in a pseudo terminal, and passes on what comes and goes. */
const hasTerminal = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true

test.skipIf(!hasTerminal).each([
  ['q', 'q'],
  ['Ctrl-C', '\x03'],
])('top in a terminal is drawn in place until %s, and leaves it as it was', async (_, key) => {
  const [cluster] = await joinAll(2)
  const url = await serve(dashboardOf(cluster!))
  const terminal = await inTerminal(['top', url, '--interval', '0.2'], { columns: 100, rows: 20 })
  await until('some pictures', () => terminal.frames().length > 3, { dump: terminal.stdout })

  terminal.type('x')
  terminal.type(key)
  const { code, stdout } = await terminal.ended()
  expect(code).toBe(0)
  const frames = terminal.frames()
  const lines = frames.at(-1) ?? []
  expect(lines[0]).toMatch(/^test: 2 members, as a tells at .* {2}q quits$/)
  expect(lines[0]).toHaveLength(100)
  expect(lines[1]).toBe('All is well: 2 members, all identical.')
  expect(lines.join('\n')).toMatch(
    /\nsessions .*\nwrites\/s .*\nlag p99 [\s\S]*\nMEMBER [\s\S]*\na [\s\S]*\nb /,
  )
  expect(Math.max(...frames.map(({ length }) => length))).toBeLessThanOrEqual(20)
  expect(stdout).toContain('\x1b[32malive')
  const [before, during = '', ...more] = stdout.split(ENTER)
  expect([before?.includes('\x1b'), more]).toEqual([false, []])
  expect(during.endsWith(`\x1b[?7h\x1b[?25h${LEAVE}`), JSON.stringify(during.slice(-80))).toBe(true)
})

test.skipIf(!hasTerminal)('top in a terminal fits it when it gets another size', async () => {
  const [cluster] = await joinAll(2)
  const url = await serve(dashboardOf(cluster!))
  const terminal = await inTerminal(['top', url, '--interval', '600'], { columns: 100, rows: 30 })
  const last = () => terminal.frames().at(-1) ?? []
  await until('a picture', () => last()[0]?.length === 100)

  spawnSync('stty', ['-F', terminal.path, 'columns', '60', 'rows', '12'])
  await until('a narrower one, long before the next is due', () => last()[0]?.length === 60)
  expect(last().length).toBeLessThanOrEqual(12)
  for (const line of last()) expect(line.length, line).toBeLessThanOrEqual(60)
  terminal.type('q')
  await terminal.ended()
})

test.skipIf(!hasTerminal)('top in a terminal says in place that nobody answers, and goes on', async () => {
  const [a, b] = await joinAll(2)
  const first = await listening(createServer(dashboardOf(a!)))
  const terminal = await inTerminal(['top', `${first.origin}/mesh`, '--interval', '0.2'], {
    columns: 100,
    rows: 20,
  })
  const last = () => terminal.frames().at(-1) ?? []
  await until('a tells', () => last()[0]?.includes('as a tells'))

  await first.close()
  await until(
    'it says so',
    () => last()[1] === `${first.origin}/mesh cannot be reached: nobody listens there (ECONNREFUSED)`,
  )
  expect(last()[2]).toMatch(/^Nothing is new for .* Asking again …$/)
  expect(last().join('\n'), 'what was told last is still there').toMatch(/\nb +alive/)
  const second = createServer(dashboardOf(b!))
  second.listen(Number(new URL(first.origin).port), '127.0.0.1')
  onCleanUp(() => {
    second.closeAllConnections()
    second.close()
  })
  await until('b tells', () => last()[0]?.includes('as b tells') && last()[1]?.startsWith('All is well'))
  terminal.type('q')
  await terminal.ended()
})

test.skipIf(!hasTerminal)(
  'top gives the terminal back before it says what went wrong, and when it is ended',
  async () => {
    const refusing = await serve((_, res) => {
      res.writeHead(403).end('not you')
    })
    const refused = await inTerminal(['top', refusing], { columns: 80, rows: 20 })
    const { code, stdout } = await refused.ended()
    expect(code).toBe(2)
    expect(stdout.slice(stdout.indexOf(LEAVE))).toContain('refuses (403): not you')

    const [cluster] = await joinAll(1)
    const url = await serve(dashboardOf(cluster!))
    const ended = await inTerminal(['top', url], { columns: 80, rows: 20 })
    await until('a picture', () => ended.frames().length > 1)
    process.kill(ended.pid, 'SIGTERM')
    expect((await ended.ended()).stdout.endsWith(LEAVE)).toBe(true)
  },
)

/** @param said each answer of it */
function dashboardOf(cluster: Cluster, said: string[] = []): RequestListener {
  const handler = dashboard(cluster, { path: '/mesh' })
  return (req, res) => {
    const end = res.end.bind(res)
    Object.assign(res, {
      end(body: unknown) {
        said.push(String(body))
        return end(body)
      },
    })
    handler(req, res)
  }
}

async function serve(listener: RequestListener): Promise<string> {
  const { origin, close } = await listening(createServer(listener))
  onCleanUp(close)
  return `${origin}/mesh`
}

/** A member of this process, `a`, that sees all of `others` alive. */
async function joinTo(others: ProcessCluster, config = {}): Promise<Cluster> {
  const [place] = await freeAddresses(1)
  const statuses = await Promise.all(others.running().map((member) => member.ask('status')))
  const cluster = await join({
    memberName: 'a',
    listen: { host: '127.0.0.1', port: place!.port },
    peers: statuses.map(({ self }) => self.address),
    config,
  })
  await until('it sees all alive', () => aliveIds(cluster).length === statuses.length + 1)
  return cluster
}

// ---- the command as a process ----

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

interface Started {
  process: ChildProcess
  stdout(): string
  ended(): Promise<Ended>
}

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return start(args, env).ended()
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  return started(process.execPath, [MAIN, ...args], env)
}

/** Whatever runs the tests, a person's terminal or a CI without one, the command sees the same environment. */
function started(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Started {
  const { NO_COLOR, NODE_DISABLE_COLORS, FORCE_COLOR, COLORTERM, CI, COLUMNS, ...rest } = process.env
  const others = { ...rest, TERM: 'xterm-256color' }
  const child = spawn(program, args, { env: { ...others, ...env }, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const closed = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  onCleanUp(() => {
    child.kill('SIGKILL')
    return closed
  })
  return {
    process: child,
    stdout: () => stdout,
    ended: () => within(`sessionmesh ${args.join(' ')}`, 20_000, closed),
  }
}

/** Runs it in a pseudo terminal of that size. `path` is its device, `pid` the process of the command. */
async function inTerminal(args: readonly string[], { columns, rows }: { columns: number; rows: number }) {
  const quoted = [process.execPath, MAIN, ...args].map((arg) => `'${arg}'`).join(' ')
  const command = `stty columns ${columns} rows ${rows}; echo "[$(tty) $$]"; exec ${quoted}`
  const {
    process: child,
    stdout,
    ended,
  } = started('script', ['-qec', command, '/dev/null'], {
    TERM: 'xterm-256color',
    SHELL: '/bin/sh',
  })
  const [, path, pid] = await until('the terminal', () => /\[(\S+) (\d+)\]/.exec(stdout()))
  return {
    path: path!,
    pid: Number(pid),
    stdout,
    ended,
    type: (keys: string) => child.stdin?.write(keys),
    /** What was drawn so far, one picture after the other, as lines without colours. */
    frames: () =>
      stdout()
        .split('\x1b[H')
        .slice(1)
        // Without what clears the rest of the screen, and what comes after the last one.
        .map((frame) => stripVTControlCharacters(frame.split('\x1b[?7h')[0]!.replace(/\r+\n.\[J$/s, '')))
        .map((frame) => frame.split(/\r+\n/)),
  }
}
