/**
 * What npm would publish, installed as a stranger would: outside the workspace, from the tarballs, used with
 * `import`, with `require()`, and from TypeScript.
 */

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const INSTALL_MS = 180_000

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sessionmesh-pack-'))
  for (const name of await publicPackages()) {
    await pnpm(join(root, 'packages', name), 'pack', '--pack-destination', folder)
  }
  const tarballs = (await readdir(folder)).filter((file) => file.endsWith('.tgz')).map((file) => `./${file}`)
  await writeFile(join(folder, 'package.json'), '{ "name": "stranger", "private": true }\n')
  const others = [
    'express@5',
    'express-session@1',
    'prom-client@15',
    '@types/express@5',
    '@types/express-session@1',
    '@types/koa@3',
    '@types/node@20',
  ]
  await install(folder, [...tarballs, ...others])
}, INSTALL_MS)

afterAll(() => rm(folder, { recursive: true, force: true }))

const BODY = `
async function main() {
  const cluster = await joinCluster({ name: 'shop', secret: 'for tests only: 8KpX2vQz7RmW4tLd', listen: { host: '127.0.0.1', port: 0 } })
  const app = express()
  app.use(session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false }))
  app.get('/', (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1
    res.json({ visits: req.session.visits })
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = 'http://127.0.0.1:' + server.address().port
  const first = await fetch(url)
  const cookie = first.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
  const second = await fetch(url, { headers: { cookie } })
  console.log(JSON.stringify(await second.json()), cluster.sessions.size)
  server.closeAllConnections()
  server.close()
  await cluster.close()
}
main()
`

const SECRET = 'a cookie secret of at least 32 characters'

/** Each sets something in a session, and prints it. */
const ADAPTERS: Record<string, { exports: string; program: string }> = {
  '@sessionmesh/fastify': {
    exports: 'session',
    program: `
  const { fastify } = require('fastify')
  const app = fastify()
  await app.register(session, { cluster, secret: '${SECRET}', cookie: { secure: false } })
  app.get('/', async (request) => {
    request.session.user = 'ada'
    return cluster.sessions.size + request.session.user
  })
  await app.inject('/')
  console.log([...cluster.sessions.keys()].map((sid) => cluster.sessions.load(sid).data.user).join())
  await app.close()`,
  },
  '@sessionmesh/koa': {
    exports: 'session',
    program: `
  const { default: Koa } = require('koa')
  const app = new Koa()
  app.keys = ['${SECRET}']
  app.use(session({ cluster }, app))
  app.use((ctx) => {
    ctx.session.user = 'ada'
    ctx.body = {}
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  await fetch('http://127.0.0.1:' + server.address().port)
  console.log([...cluster.sessions.keys()].map((sid) => cluster.sessions.load(sid).data.user).join())
  server.closeAllConnections()
  server.close()`,
  },
  '@sessionmesh/hono': {
    exports: 'session',
    program: `
  const { Hono } = require('hono')
  const app = new Hono()
  app.use(session({ cluster, secret: '${SECRET}' }))
  app.get('/', (c) => {
    c.get('session').set('user', 'ada')
    return c.text('')
  })
  await app.request('/')
  console.log([...cluster.sessions.keys()].map((sid) => cluster.sessions.load(sid).data.user).join())`,
  },
  '@sessionmesh/react-router': {
    exports: 'createMeshSessionStorage',
    program: `
  const { getSession, commitSession } = createMeshSessionStorage({ cluster, cookie: { secrets: ['${SECRET}'] } })
  const session = await getSession()
  session.set('user', 'ada')
  const [cookie] = (await commitSession(session)).split(';')
  console.log((await getSession(cookie)).get('user'))`,
  },
  '@sessionmesh/unstorage': {
    exports: 'meshDriver',
    program: `
  const { createStorage } = require('unstorage')
  const storage = createStorage({ driver: meshDriver({ cluster }) })
  await storage.setItem('sid', { user: 'ada' })
  console.log((await storage.getItem('sid')).user)`,
  },
}

test('import', async () => {
  const imports = `
import { once } from 'node:events'
import express from 'express'
import { joinCluster } from 'sessionmesh'
import { session } from '@sessionmesh/express'
`
  expect(await output('app.mjs', imports + BODY)).toBe('{"visits":2} 1')
})

test('require()', async () => {
  const requires = `
const { once } = require('node:events')
const express = require('express')
const { joinCluster } = require('sessionmesh')
const { session } = require('@sessionmesh/express')
`
  expect(await output('app.cjs', requires + BODY)).toBe('{"visits":2} 1')
})

test('npx sessionmesh', async () => {
  const npx = (...args: string[]) => run('npx', ['--no-install', 'sessionmesh', ...args], { cwd: folder })
  const manifest = await readFile(join(folder, 'node_modules/sessionmesh/package.json'), 'utf8')
  const { version }: { version: string } = JSON.parse(manifest)

  expect((await npx('--version')).stdout).toBe(`${version}\n`)
  expect((await npx('--help')).stdout).toMatch(/status URL[\s\S]*top URL/)
  await expect(npx('status', 'http://127.0.0.1:1/mesh')).rejects.toMatchObject({ code: 2 })
})

test.each(Object.entries(ADAPTERS))('%s, imported and required', async (name, { exports, program }) => {
  const imports = `
import { joinCluster } from 'sessionmesh'
import { ${exports} } from '${name}'
`
  const requires = `
const { joinCluster } = require('sessionmesh')
const { ${exports} } = require('${name}')
`
  const body = `
async function main() {
  const cluster = await joinCluster({ name: 'shop', secret: 'for tests only: 8KpX2vQz7RmW4tLd', listen: { host: '127.0.0.1', port: 0 }, peers: [] })
  ${program}
  await cluster.close()
}
main()
`
  const file = name.slice('@sessionmesh/'.length)
  expect(await output(`${file}.mjs`, imports + body.replace(/require\(/g, 'await import('))).toBe('ada')
  expect(await output(`${file}.cjs`, requires + body)).toBe('ada')
})

test('the dashboard brings its page, imported and required', async () => {
  const imports = `
import { once } from 'node:events'
import { createServer } from 'node:http'
import { dashboard } from '@sessionmesh/dashboard'
import { joinCluster } from 'sessionmesh'
`
  const body = `
async function main() {
  const cluster = await joinCluster({ name: 'shop', listen: { host: '127.0.0.1', port: 0 }, peers: [] })
  const server = createServer(dashboard(cluster))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = 'http://127.0.0.1:' + server.address().port + '/'
  const html = await (await fetch(origin)).text()
  const needed = [...html.matchAll(/(?:src|href)="(page[^"]+)"/g)].map(([, path]) => path)
  const seen = new Set(needed)
  for (const path of seen) {
    const file = await fetch(origin + path)
    if (file.status !== 200) console.log(path, file.status)
    for (const [, other] of (await file.text()).matchAll(/ from ["']\\.\\/([\\w-]+\\.js)["']/g)) seen.add('page/' + other)
  }
  console.log(seen.has('page/uPlot.js'), seen.size > 20)
  server.closeAllConnections()
  server.close()
  await cluster.close()
}
main()
`
  const requires = imports.replace(/import (.*) from (.*)/g, 'const $1 = require($2)')
  expect(await output('dashboard.mjs', imports + body)).toBe('true true')
  expect(await output('dashboard.cjs', requires + body)).toBe('true true')
})

test.each([
  'agent',
  'core',
  'dashboard',
  'express',
  'fastify',
  'hono',
  'koa',
  'metrics',
  'react-router',
  'unstorage',
])('of packages/%s nothing is published that is for its makers alone', async (name) => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: join(root, 'packages', name),
  })
  const files: string[] = JSON.parse(stdout)[0].files.map(({ path }: { path: string }) => path)
  expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE']))
  expect(files.some((file) => file.startsWith('dist/') && file.endsWith('.js'))).toBe(true)
  expect(
    files.filter(
      (file) => /test|tsconfig|tsbuildinfo|picture\.png/.test(file) && !/^(dist|src)\/testing/.test(file),
    ),
  ).toEqual([])
})

describe('@sessionmesh/metrics, with the one client that is installed', () => {
  const joined = `await joinCluster({ name: 'shop', listen: { host: '127.0.0.1', port: 0 }, peers: [] })`
  const prometheus = {
    imports: `
import { register } from 'prom-client'
import { joinCluster } from 'sessionmesh'
import { metrics } from '@sessionmesh/metrics/prometheus'
`,
    body: `
async function main() {
  const cluster = ${joined}
  metrics(cluster)
  console.log(/^sessionmesh_sessions\\{.*\\} 0$/m.test(await register.metrics()))
  await cluster.close()
}
main()
`,
  }
  const opentelemetry = {
    imports: `
import { joinCluster } from 'sessionmesh'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { metrics } from '@sessionmesh/metrics/opentelemetry'
`,
    body: `
class Reader extends MetricReader {
  async onShutdown() {}
  async onForceFlush() {}
}
async function main() {
  const cluster = ${joined}
  const reader = new Reader()
  metrics(cluster, { meter: new MeterProvider({ readers: [reader] }).getMeter('shop') })
  const { resourceMetrics } = await reader.collect()
  console.log(resourceMetrics.scopeMetrics[0].metrics.some(({ descriptor }) => descriptor.name === 'sessionmesh.sessions'))
  await cluster.close()
}
main()
`,
  }

  let other: string

  beforeAll(async () => {
    other = await mkdtemp(join(tmpdir(), 'sessionmesh-pack-'))
    const needed = (await readdir(folder)).filter((file) =>
      /^sessionmesh-(core|metrics|\d).*\.tgz$/.test(file),
    )
    await writeFile(join(other, 'package.json'), '{ "name": "stranger", "private": true }\n')
    const packages = [
      ...needed.map((file) => join(folder, file)),
      '@opentelemetry/sdk-metrics@2',
      '@opentelemetry/api@1.9',
    ]
    await install(other, packages)
  }, INSTALL_MS)

  afterAll(() => rm(other, { recursive: true, force: true }))

  test.each([
    ['prom-client', () => folder, prometheus],
    ['OpenTelemetry', () => other, opentelemetry],
  ])('%s, imported and required', async (_client, where, { imports, body }) => {
    const requires = imports.replace(/import (.*) from (.*)/g, 'const $1 = require($2)')
    expect(await output('metrics.mjs', imports + body, where())).toBe('true')
    expect(await output('metrics.cjs', requires + body, where())).toBe('true')
  })

  test('the entry point of the other says which package it lacks', async () => {
    const missing = `import('@sessionmesh/metrics/prometheus').catch(({ code, message }) => console.log(code, message))`
    expect(await output('missing.mjs', missing, other)).toMatch(/ERR_MODULE_NOT_FOUND .*'prom-client'/)
  })
})

test('TypeScript', async () => {
  await writeFile(
    join(folder, 'app.mts'),
    `
import express from 'express'
import { joinCluster, type Cluster, type SessionMeshError } from 'sessionmesh'
import { session, SessionStore } from '@sessionmesh/express'

const cluster: Cluster = await joinCluster({
  name: 'shop',
  secret: process.env.SESSIONMESH_SECRET,
  listen: { host: '127.0.0.1', port: 7373 },
  peers: ['127.0.0.1:7374', '127.0.0.1:7375'],
})
const app = express()
app.use(session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false }))
cluster.on('takeover', ({ member, sessions }) => console.log(member.name, sessions.length))
export const code: SessionMeshError['code'] = 'SESSIONMESH_CLOSED'
export const store = SessionStore
// @ts-expect-error: there is no such event
cluster.on('nonsense', () => {})
`,
  )
  await check('app.mts')
})

test('TypeScript knows what an application keeps in its sessions, in every framework', async () => {
  await writeFile(
    join(folder, 'types.mts'),
    `
import type { Cluster } from 'sessionmesh'
import express from 'express'
import { session as ofExpress } from '@sessionmesh/express'
import { fastify } from 'fastify'
import { session as ofFastify } from '@sessionmesh/fastify'
import Koa from 'koa'
import { session as ofKoa } from '@sessionmesh/koa'
import { Hono } from 'hono'
import { session as ofHono } from '@sessionmesh/hono'
import { createMeshSessionStorage } from '@sessionmesh/react-router'
import { createStorage } from 'unstorage'
import { meshDriver } from '@sessionmesh/unstorage'

declare module 'express-session' {
  interface SessionData { user: string }
}
declare module 'fastify' {
  interface Session { user?: string }
}
declare module '@sessionmesh/koa' {
  interface SessionData { user: string }
}
declare module '@sessionmesh/hono' {
  interface SessionData { user: string }
}
declare const cluster: Cluster
const secret = 'a cookie secret of at least 32 characters'

express().use(ofExpress({ cluster, secret, resave: false, saveUninitialized: false })).get('/', (req) => {
  req.session.user = 'ada'
  // @ts-expect-error: a text
  req.session.user = 7
})

const app = fastify()
await app.register(ofFastify, { cluster, secret })
app.get('/', async (request) => {
  request.session.user = 'ada'
  // @ts-expect-error: a text
  request.session.user = 7
})

const koa = new Koa()
koa.use(ofKoa({ cluster }, koa)).use((ctx) => {
  ctx.session!.user = 'ada'
  // @ts-expect-error: a text
  ctx.session!.user = 7
})

new Hono().use(ofHono({ cluster, secret })).get('/', (c) => {
  c.get('session').set('user', 'ada')
  // @ts-expect-error: a text
  c.get('session').set('user', 7)
  return c.text('')
})

const storage = createMeshSessionStorage<{ user: string }>({ cluster })
const session = await storage.getSession()
session.set('user', 'ada')
// @ts-expect-error: a text
session.set('user', 7)

const items = createStorage<{ user: string }>({ driver: meshDriver({ cluster }) })
await items.setItem('sid', { user: 'ada' })
// @ts-expect-error: a text
await items.setItem('sid', { user: 7 })
`,
  )
  // (The types of some of these frameworks do not pass by themselves.)
  await check('types.mts', '--skipLibCheck')
})

async function publicPackages(): Promise<string[]> {
  const names: string[] = []
  for (const name of await readdir(join(root, 'packages'))) {
    const manifest: unknown = JSON.parse(await readFile(join(root, 'packages', name, 'package.json'), 'utf8'))
    const isPrivate = typeof manifest === 'object' && manifest !== null && 'private' in manifest
    if (!isPrivate) names.push(name)
  }
  return names
}

function install(cwd: string, packages: string[]): Promise<unknown> {
  return run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], { cwd })
}

/** Runs a program in the stranger's folder, and gives what it printed. */
async function output(file: string, source: string, cwd = folder): Promise<string> {
  await writeFile(join(cwd, file), source)
  const { stdout } = await run(process.execPath, [file], { cwd, timeout: 30_000 })
  return stdout.trim()
}

async function check(file: string, ...more: string[]): Promise<void> {
  const options = ['--noEmit', '--strict', '--target', 'es2023', '--module', 'nodenext', '--types', 'node']
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json')
  const compiler = join(dirname(manifest), 'bin', 'tsc')
  await run(process.execPath, [compiler, ...options, ...more, file], { cwd: folder }).catch(
    (error: { stdout?: string }) => {
      throw new Error(error.stdout)
    },
  )
}

/** The pnpm that runs these tests, else the one that npx finds: npm cannot pack a workspace's own ranges. */
async function pnpm(cwd: string, ...args: string[]): Promise<void> {
  const own = process.env.npm_execpath
  if (own === undefined || !/pnpm[^/\\]*$/.test(own)) await run('npx', ['-y', 'pnpm@10', ...args], { cwd })
  else if (/\.[cm]?js$/.test(own)) await run(process.execPath, [own, ...args], { cwd })
  else await run(own, args, { cwd })
}
