/** The driver as any driver is used, with the real unstorage before it. */

import type { Cluster } from 'sessionmesh'
import { createStorage, type Storage } from 'unstorage'
import { expect, test } from 'vitest'
import { meshDriver } from './driver.js'
import type { MeshDriverOptions } from './options.js'
import { coded, join, until, withSessions } from './testing/harness.js'

function storageOn(cluster: Cluster | undefined, options: Partial<MeshDriverOptions> = {}): Storage {
  return createStorage({ driver: meshDriver({ cluster: cluster!, ...options }) })
}

test('an item is a session of the cluster, and the fields of an object are its attributes', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  await storage.setItem('some/key', { user: 'ada', cart: ['book'] })
  expect(cluster!.sessions.load('some:key')?.data).toEqual({ user: 'ada', cart: ['book'] })
  cluster!.sessions.write('other', { user: 'grace' })
  expect(await storage.getItem('other')).toEqual({ user: 'grace' })
})

test('local attributes may be anything: raw they come and go, and what goes through JSON leaves them as they are', async () => {
  const [cluster] = await join(1, { sessions: { localAttributes: ['socket'] } })
  const driver = meshDriver({ cluster: cluster! })
  const storage = createStorage({ driver })
  const forbid = () => {
    throw new Error('looked into')
  }
  const socket = new Proxy(() => {}, { get: forbid, has: forbid, ownKeys: forbid, getPrototypeOf: forbid })
  await storage.setItemRaw('key', { user: 'ada', socket })
  for (const visit of [undefined, driver.visit(undefined)]) {
    const item = (await storage.getItem<Record<string, unknown>>('key', { visit })) ?? {}
    expect(item).toEqual({ user: expect.any(String) })
    await storage.setItem('key', { ...item, user: 'grace' }, { visit })
    const raw = await storage.getItemRaw('key', { visit })
    expect(raw.user).toBe('grace')
    expect(raw.socket === socket).toBe(true)
  }
  await storage.setItemRaw('key', { user: 'ada' })
  expect(Object.keys((await storage.getItemRaw('key')) ?? {})).toEqual(['user'])
})

test('what does not differ is not written, and lives on', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  await storage.setItem('key', { user: 'ada' })
  await until('time has passed', () => cluster!.sessions.load('key')!.remainingMs < 24 * 3_600_000 - 20)
  const { writes } = cluster!.status().counters
  const before = cluster!.sessions.load('key')!.remainingMs
  await storage.getItem('key')
  expect(cluster!.sessions.load('key')!.remainingMs).toBeLessThanOrEqual(before)
  await storage.setItem('key', { user: 'ada' })
  expect(cluster!.sessions.load('key')!.remainingMs).toBeGreaterThan(before)
  expect(cluster!.status().counters.writes).toBe(writes)
})

test('ttl is in seconds, for this time; getMeta has what is left', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster, { ttlMs: 50_000 })
  await storage.setItem('key', 1)
  expect(await storage.getMeta('key')).toEqual({ ttl: 50 })
  await storage.setItemRaw('key', 1, { ttl: 7 })
  expect(await storage.getMeta('key')).toEqual({ ttl: 7 })
  await storage.setItem('key', 2)
  expect(await storage.getMeta('key')).toEqual({ ttl: 50 })
  expect(await storage.getMeta('nobody')).toEqual({})
  await storage.setMeta('key', { note: 'mine' })
  expect(await storage.getMeta('key')).toEqual({ ttl: 50, note: 'mine' })
  expect(await storage.getKeys()).toEqual(['key'])
  const other = storageOn(cluster)
  await other.setItem('key', 3)
  expect(await other.getMeta('key', { nativeOnly: true })).toEqual({ ttl: 24 * 3600 })
})

test('an item that has expired is gone, and its key may be used again', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  await storage.setItem('key', { user: 'ada', old: true }, { ttl: 0.05 })
  await until('it is gone', async () => !(await storage.hasItem('key')))
  expect(await storage.getItem('key')).toBe(null)
  expect(await storage.getKeys()).toEqual([])
  await storage.setItem('key', { user: 'grace' })
  expect(await storage.getItem('key')).toEqual({ user: 'grace' })
})

test('a key that was removed is never used again, and who tries is told', async () => {
  const [a, b] = await join(2)
  const [here, there] = [storageOn(a), storageOn(b)]
  await here.setItem('key', { user: 'ada' })
  await here.removeItem('key')
  expect(await here.getItem('key')).toBe(null)
  await until('the other one knows', () => b!.status().tombstones === 1)
  for (const storage of [here, there]) {
    const storing = storage.setItem('key', { user: 'mallory' })
    await expect(storing).rejects.toMatchObject(coded('SESSIONMESH_WRITE_DROPPED'))
    await expect(storing).rejects.toThrow(/store it under a new, random key/)
    expect(await storage.hasItem('key')).toBe(false)
  }
  // (An error goes to logs, and a key is as good as a password.)
  await expect(here.setItem('key', 1)).rejects.not.toThrow(/"key"/)
})

test('getKeys and clear keep to their base', async () => {
  const [cluster] = await join(1)
  const driver = meshDriver({ cluster: cluster! })
  const storage = createStorage({ driver })
  for (const key of ['a:1', 'a:2', 'ab:1', 'b:1']) await storage.setItem(key, key)
  expect((await storage.getKeys()).sort()).toEqual(['a:1', 'a:2', 'ab:1', 'b:1'])
  expect((await storage.getKeys('a')).sort()).toEqual(['a:1', 'a:2'])
  // (unstorage itself gives a base within a mount to no driver.)
  await driver.clear?.('a:', {})
  expect((await storage.getKeys()).sort()).toEqual(['ab:1', 'b:1'])
  await storage.clear()
  expect(await storage.getKeys()).toEqual([])
  expect([...cluster!.sessions.keys()]).toEqual([])
})

test('drivers with a base share a cluster, and mounts and prefixes hold', async () => {
  const [cluster] = await join(1)
  cluster!.sessions.write('sid', { of: 'a framework' })
  const storage = createStorage()
  storage.mount('sessions', meshDriver({ cluster: cluster!, base: 'app:sessions' }))
  storage.mount('carts', meshDriver({ cluster: cluster!, base: 'carts:' }))
  await storage.setItem('sessions:one', 1)
  await storage.setItem('carts:one', 2)
  await storage.setItem('carts:sub:two', 3)
  await storage.setItem('elsewhere', 4)
  expect([...cluster!.sessions.keys()].sort()).toEqual([
    'app:sessions:one',
    'carts:one',
    'carts:sub:two',
    'sid',
  ])
  expect((await storage.getKeys('carts')).sort()).toEqual(['carts:one', 'carts:sub:two'])
  expect(await storage.getKeys('carts:sub')).toEqual(['carts:sub:two'])
  expect(await storage.getItem('sessions:one')).toBe(1)
  expect(await storage.getItem('sessions:sid')).toBe(null)
  expect(await storage.getMeta('carts:one')).toEqual({ ttl: 24 * 3600 })
  await storage.clear('carts')
  expect([...cluster!.sessions.keys()].sort()).toEqual(['app:sessions:one', 'sid'])
  await storage.removeItem('sessions:one')
  expect([...cluster!.sessions.keys()]).toEqual(['sid'])
})

test('watch tells what happens on every member, until nobody wants to know', async () => {
  const [a, b] = await join(2)
  const here = storageOn(a, { base: 'mine' })
  const driver = meshDriver({ cluster: b!, base: 'mine' })
  const there = createStorage()
  there.mount('mount', driver)
  const told: string[] = []
  const unwatch = await there.watch((event, key) => told.push(`${event} ${key}`))
  a!.sessions.write('not mine', {})
  await here.setItem('key', 1)
  await until('of the creation', () => told.length === 1)
  await here.setItem('key', 2)
  await until('of the change', () => told.length === 2)
  await here.removeItem('key')
  await until('of the end', () => told.length === 3)
  // What expires is told by one member, so by its own.
  await there.setItem('mount:short', 1, { ttl: 0.05 })
  await until('of the expiry', () => told.length === 5)
  expect(told).toEqual([
    'update mount:key',
    'update mount:key',
    'remove mount:key',
    'update mount:short',
    'remove mount:short',
  ])
  await unwatch()
  await there.setItem('mount:again', 1)
  expect(told.length).toBe(5)
})

test('who watches no more is told of nothing', async () => {
  const [cluster] = await join(1)
  const driver = meshDriver({ cluster: cluster! })
  const told: string[] = []
  const kept: string[] = []
  // (A storage is silent by itself then.)
  const unwatch = await driver.watch!((event, key) => told.push(`${event} ${key}`))
  await driver.watch!((event, key) => kept.push(`${event} ${key}`))
  cluster!.sessions.write('seen', {})
  await until('of its life', () => told.length === 1)
  await unwatch()
  cluster!.sessions.write('key', { step: 1 })
  cluster!.sessions.write('key', { step: 2 })
  cluster!.sessions.destroy('key')
  cluster!.sessions.write('brief', {}, { ttlMs: 50 })
  await until('the other one of all', () => kept.length === 6)
  expect(told).toEqual(['update seen'])
})

test('dispose ends the watching, and leaves the cluster to the app', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const told: string[] = []
  await storage.watch((event, key) => told.push(`${event} ${key}`))
  await storage.setItem('key', 1)
  expect(told).toEqual(['update key'])
  await storage.dispose()
  expect(cluster!.ready).toBe(true)
  await storage.setItem('other', 1)
  expect(await storage.getItem('key')).toBe(1)
  expect(told).toEqual(['update key'])
})

test('with acks, a call resolves when peers hold it, and rejects when none does', async () => {
  const [a, b] = await join(2)
  const storage = storageOn(a, { acks: 'all' })
  await storage.setItem('key', 1)
  expect(b!.sessions.has('key')).toBe(true)
  await storage.removeItem('key')
  expect(b!.sessions.has('key')).toBe(false)
  await storage.setItem('left', 1)
  await storage.clear()
  expect(b!.sessions.has('left')).toBe(false)

  const [alone] = await join(1)
  const lonely = storageOn(alone, { acks: 'one' })
  await expect(lonely.setItem('key', 1)).rejects.toMatchObject(coded('SESSIONMESH_NO_PEER'))
  // Made, all the same.
  expect(await lonely.getItem('key')).toBe(1)
  await expect(lonely.removeItem('key')).rejects.toMatchObject(coded('SESSIONMESH_NO_PEER'))
  await expect(lonely.clear()).resolves.toBe(undefined)
})

test.each<[string, (storage: Storage) => Promise<unknown>]>([
  ['setItem', (storage) => storage.setItem('key', 2)],
  ['setItemRaw', (storage) => storage.setItemRaw('key', 2)],
  ['removeItem', (storage) => storage.removeItem('key')],
  ['clear', (storage) => storage.clear()],
  ['getItem', (storage) => storage.getItem('key')],
  ['getItemRaw', (storage) => storage.getItemRaw('key')],
  ['hasItem', (storage) => storage.hasItem('key')],
])('%s waits until what it tells of is with the operating system', async (_, call) => {
  const [cluster] = await join(1)
  await storageOn(cluster).setItem('key', 1)
  let flush = () => {}
  const flushed = new Promise<void>((resolve) => (flush = resolve))
  const storage = storageOn(withSessions(cluster!, { flushed: () => flushed }))
  let isDone = false
  const calling = call(storage).then(() => (isDone = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(isDone).toBe(false)
  flush()
  await calling
})

test('reads wait while this member catches up', async () => {
  const [cluster] = await join(1)
  const asked: unknown[] = []
  let caughtUp = () => {}
  const catchUp = (...asks: unknown[]) => {
    asked.push(asks)
    return new Promise<void>((resolve) => (caughtUp = resolve))
  }
  const storage = storageOn(withSessions(cluster!, { catchUp }))
  const getting = storage.getItem('key')
  await until('it is asked', () => asked.length === 1)
  cluster!.sessions.write('key', { user: 'ada' })
  caughtUp()
  expect(await getting).toEqual({ user: 'ada' })
})

test('after the cluster is closed a write rejects', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  await storage.setItem('key', 1)
  await cluster!.close()
  await expect(storage.setItem('key', 2)).rejects.toMatchObject(coded('SESSIONMESH_CLOSED'))
  await expect(storage.removeItem('key')).rejects.toMatchObject(coded('SESSIONMESH_CLOSED'))
  expect(await storage.getItem('key')).toBe(1)
})
