/** What a stranger to the application, as a tracer, hears of its clusters. */

import { type ChannelListener, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { joinCluster } from '../cluster.js'
import type { Cluster, ClusterEvents } from '../types.js'
import { type ChannelMessage, publish } from './channels.js'

const undo: (() => unknown)[] = []

afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each()
})

async function join(memberName: string, peers: readonly Cluster[] = []): Promise<Cluster> {
  const listen = { host: '127.0.0.1', port: 0 }
  const addresses = peers.map(({ self }) => self.address)
  const cluster = await joinCluster({ name: 'shop', memberName, listen, peers: addresses })
  undo.push(() => cluster.close())
  // Events are told from then on.
  await turn()
  return cluster
}

function hear<E extends keyof ClusterEvents>(event: E): ChannelMessage<E>[] {
  const messages: ChannelMessage<E>[] = []
  listen(event, (message) => messages.push(message as ChannelMessage<E>))
  return messages
}

function listen(event: keyof ClusterEvents, listener: ChannelListener): void {
  subscribe(`sessionmesh:${event}`, listener)
  undo.push(() => unsubscribe(`sessionmesh:${event}`, listener))
}

function until(what: string, condition: () => boolean): Promise<void> {
  return vi.waitFor(() => expect(condition(), what).toBe(true), { timeout: 10_000, interval: 5 })
}

test('a subscriber that sees no cluster hears of all: which one, which member of it, and what', async () => {
  const alive = hear('member:alive')
  const created = hear('session:created')
  const left = hear('member:left')
  const a = await join('a')
  const b = await join('b', [a])
  await until('they see each other', () => alive.length === 2)
  const seen = Object.fromEntries(alive.map(({ cluster, self, event }) => [self.name, [cluster, event.id]]))
  expect(seen).toEqual({ a: ['shop', b.self.id], b: ['shop', a.self.id] })

  a.sessions.write('ada', { user: 'ada' })
  await until('both tell', () => created.length === 2)
  expect(created).toEqual([
    { cluster: 'shop', self: a.self, event: { sid: 'ada', changed: ['user'], owned: true, local: true } },
    { cluster: 'shop', self: b.self, event: { sid: 'ada', changed: ['user'], owned: false, local: false } },
  ])

  const bWas = b.self
  await b.close()
  await until('a tells', () => left.length > 0)
  expect(left).toEqual([{ cluster: 'shop', self: a.self, event: { ...bWas, state: 'left', self: false } }])
})

test('it is the same as what listeners get, in the same order', async () => {
  const order: unknown[] = []
  const a = await join('a')
  listen('session:changed', (message) => order.push((message as ChannelMessage<'session:changed'>).event))
  a.on('session:changed', (event) => order.push(event))
  a.sessions.write('ada', { cart: 1 })
  a.sessions.write('ada', { cart: 2 })
  const event = { sid: 'ada', changed: ['cart'], owned: true, local: true }
  expect(order).toEqual([event, event])
  expect(order[0]).toBe(order[1])
})

test('no message is made for a channel to which nobody listens, nor after the last one has gone', () => {
  const make = vi.fn<() => ChannelMessage>()
  hear('takeover')
  publish('session:created', make)
  expect(make).not.toHaveBeenCalled()
  publish('takeover', make)
  expect(make).toHaveBeenCalledTimes(1)
  undo.pop()!()
  publish('takeover', make)
  expect(make).toHaveBeenCalledTimes(1)
})

test('of a subscriber that throws Node tells the process; the cluster, and who else listens, go on', async () => {
  const fatal = catchFatal()
  const mistake = new Error('the fault of a subscriber')
  const a = await join('a')
  listen('session:created', () => {
    throw mistake
  })
  const heard = hear('session:created')
  const told: string[] = []
  a.on('session:created', ({ sid }) => told.push(sid))
  expect(a.sessions.write('ada', { user: 'ada' }).outcome).toBe('created')
  await until('Node has told', () => fatal.length > 0)
  expect(fatal).toEqual([mistake])
  expect([heard.length, told]).toEqual([1, ['ada']])
  const b = await join('b', [a])
  expect(b.sessions.load('ada')?.data).toEqual({ user: 'ada' })
})

test('who subscribes to warnings keeps none of them from the console', async () => {
  const heard = hear('warning')
  const consoleWarn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  undo.push(() => consoleWarn.mockRestore())
  const a = await join('a')
  const loaded = a.sessions.write('ada', { user: 'ada' })
  a.sessions.destroy('ada')
  expect(a.sessions.write('ada', { user: 'eve' }, { base: loaded.base }).outcome).toBe('dropped')
  await until('it is warned', () => heard.length > 0)
  expect(heard[0]?.event.code).toBe('SESSIONMESH_WRITE_DROPPED')
  expect(consoleWarn).toHaveBeenCalledTimes(1)
})

test('the README lists every channel', async () => {
  // (A record, so that an event that is missing here does not compile.)
  const events: Record<keyof ClusterEvents, true> = {
    'member:alive': true,
    'member:suspect': true,
    'member:dead': true,
    'member:left': true,
    draining: true,
    takeover: true,
    'sync:start': true,
    'sync:end': true,
    'session:created': true,
    'session:changed': true,
    'session:destroyed': true,
    'session:expired': true,
    warning: true,
  }
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const listed = [...readme.matchAll(/^\| `sessionmesh:([\w:]+)` \|/gm)].map(([, event]) => event)
  expect(listed).toEqual(Object.keys(events))
})

/** What would end this process. (The test's runner would count it as a failure.) */
function catchFatal(): unknown[] {
  const errors: unknown[] = []
  const others = process.listeners('uncaughtException')
  const keep = (error: unknown) => errors.push(error)
  process.removeAllListeners('uncaughtException').on('uncaughtException', keep)
  undo.push(() => {
    process.off('uncaughtException', keep)
    for (const other of others) process.on('uncaughtException', other)
  })
  return errors
}
