/**
 * Each case in which Tomcat's DeltaManager, measured on three instances, lost or split sessions. Three member
 * processes, HTTP, the default mode: here none of it may happen.
 */

import { beforeAll, expect, test } from 'vitest'
import { Browser } from '../support/browser.js'
import { leaveNothingBehind } from '../support/leaks.js'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { spread } from '../support/workers.js'

leaveNothingBehind({ per: 'file' })

const CLIENTS = 16

let cluster: ProcessCluster
let servers: MemberProcess[]

beforeAll(async () => {
  cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true })
  servers = cluster.all()
})

test('3,000 new sessions with one write each, 16 clients: no replica lacks a write', async () => {
  const sids = new Map<string, string>()
  await spread(3_000, CLIENTS, async (i) => {
    const { sid } = await new Browser().post(url(i), `/login/user${i}`)
    sids.set(sid, `user${i}`)
  })
  expect(sids.size).toBe(3_000)
  for (const replica of await replicas()) {
    const lacking = [...sids].filter(([sid, user]) => replica[sid]?.user !== user)
    expect(lacking).toEqual([])
  }
})

test('300 sequential writes to each of 20 sessions on one server: no replica ends stale', async () => {
  const sids: string[] = []
  await spread(20, 20, async () => {
    const browser = new Browser()
    for (let i = 1; i <= 300; i++) {
      const { sid, data } = await browser.post(url(0), '/increment')
      expect(data.count).toBe(i)
      if (i === 1) sids.push(sid)
    }
  })
  for (const replica of await replicas()) {
    expect(sids.map((sid) => replica[sid]?.count)).toEqual(sids.map(() => 300))
  }
})

test('8 concurrent clients of one session on one server, 20 times: replicas do not diverge', async () => {
  const sids: string[] = []
  for (let round = 0; round < 20; round++) {
    const browser = new Browser()
    const { sid } = await browser.post(url(0), '/login/ann')
    sids.push(sid)
    await spread(40, 8, async (i, client) => {
      await browser.post(url(0), i % 2 === 0 ? `/set/item/${round}-${i}` : `/set/client${client}/${i}`)
    })
  }
  await expectAgreement(sids)
})

test('601 increments by round robin: 601 counted', async () => {
  const browser = new Browser()
  for (let i = 1; i <= 601; i++) {
    const { data } = await browser.post(url(i), '/increment')
    expect(data.count).toBe(i)
  }
  for (const server of servers)
    expect((await browser.get(server.url, '/session')).data).toEqual({ count: 601 })
})

test('two overlapping requests on two servers set different attributes, 60 times: none is lost anywhere', async () => {
  const sids: string[] = []
  for (let i = 0; i < 60; i++) {
    const browser = new Browser()
    const [first, second, third] = [servers[i % 3]!, servers[(i + 1) % 3]!, servers[(i + 2) % 3]!]
    sids.push((await browser.post(third.url, '/login/ann')).sid)
    const left = browser.post(first.url, `/set/left/${i}?hold=left${i}`)
    const right = browser.post(second.url, `/set/right/${i}?hold=right${i}`)
    await first.event('held', ({ key }) => key === `left${i}`)
    await second.event('held', ({ key }) => key === `right${i}`)
    await Promise.all([first.ask('release', `left${i}`), second.ask('release', `right${i}`)])
    await Promise.all([left, right])
  }
  for (const replica of await replicas()) {
    sids.forEach((sid, i) => {
      expect(replica[sid]).toMatchObject({ user: 'ann', left: String(i), right: String(i) })
    })
  }
})

test('create then destroy, 3,000 times: none lives on', async () => {
  const sids: string[] = []
  await spread(3_000, CLIENTS, async (i) => {
    const browser = new Browser()
    const { sid } = await browser.post(url(i), '/login/ann')
    const end = await browser.post(url(i + 1), '/destroy')
    expect(end.sid).toBe(sid)
    sids.push(sid)
  })
  for (const replica of await replicas()) {
    expect(sids.filter((sid) => sid in replica)).toEqual([])
  }
})

test('create, change id, write, 300 times: the servers agree', async () => {
  const before: string[] = []
  const after: string[] = []
  await spread(300, CLIENTS, async (i) => {
    const browser = new Browser()
    const created = await browser.post(url(i), '/login/ann')
    const changed = await browser.post(url(i + 1), '/regenerate')
    const written = await browser.post(url(i + 2), `/set/item/${i}`)
    expect(changed.sid).not.toBe(created.sid)
    expect(written.sid).toBe(changed.sid)
    before.push(created.sid)
    after.push(written.sid)
  })
  await expectAgreement(after)
  for (const replica of await replicas()) expect(before.filter((sid) => sid in replica)).toEqual([])
})

test('100 requests that only read send no delta', async () => {
  const browser = new Browser()
  await browser.post(url(0), '/login/ann')
  await cluster.fence()
  const before = await sent()
  for (let i = 0; i < 100; i++) await browser.get(url(i), '/session')
  const after = await sent()
  expect(after.deltas - before.deltas).toBe(0)
  expect(after.touches - before.touches).toBeLessThanOrEqual(servers.length)
})

test('a write that is answered is on every replica as soon as another server is asked, whatever the order', async () => {
  await spread(60, 6, async (i) => {
    const browser = new Browser()
    await browser.post(url(i), `/set/item/${i}`)
    const answers = await Promise.all(servers.map((server) => browser.get(server.url, '/session')))
    for (const { data } of answers) expect(data).toEqual({ item: String(i) })
  })
})

/** The address of the server whose turn it is. */
function url(turn: number): string {
  return servers[turn % servers.length]!.url
}

/** What each server holds, once everything sent so far is merged everywhere. */
async function replicas(): Promise<Record<string, Record<string, unknown>>[]> {
  await cluster.fence()
  return Promise.all(servers.map((server) => server.ask('snapshot')))
}

async function expectAgreement(sids: string[]): Promise<void> {
  const [first, ...others] = await replicas()
  for (const sid of sids) {
    expect(first![sid]).toBeDefined()
    for (const other of others) expect(other[sid]).toEqual(first![sid])
  }
}

async function sent(): Promise<{ deltas: number; touches: number }> {
  const counters = await Promise.all(servers.map(async (server) => (await server.ask('status')).counters))
  const sum = (name: 'deltasSent' | 'touchesSent') =>
    counters.reduce((total, counter) => total + (counter[name] ?? Number.NaN), 0)
  return { deltas: sum('deltasSent'), touches: sum('touchesSent') }
}
