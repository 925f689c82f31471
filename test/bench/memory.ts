/**
 * What a session costs in memory beyond its payload: a hundred thousand of 1 KB in three attributes. And what a
 * destroyed one costs until all members know of it.
 *
 * Measured is V8's heap and what its objects hold outside (`heapUsed + external`) after full collections; what the
 * operating system sees stands in the figures. Redis tells of itself: `used_memory`.
 */

import { RedisStore } from 'connect-redis'
import type { SessionData } from 'express-session'
import { createClient } from 'redis'
import { onCleanUp } from '../support/cleanup.js'
import { SECRET } from '../support/local-cluster.js'
import { COOKIE, KILOBYTE, kilobyte, sidOf } from '../support/measuring/kilobyte.js'
import type { MemoryUse, StoreKind } from '../support/measuring/protocol.js'
import { byTurns } from '../support/measuring/turns.js'
import { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { startRedis, whyNoRedis } from './http/redis.js'
import type { BenchOptions, PartResult } from './part.js'

const SESSION_GOAL_BYTES = 500
const TOMBSTONE_GOAL_BYTES = 150
/** Compiled code and tables that are there once are no session's. */
const WARM_UP = 2_000

export async function memory({ quick }: BenchOptions): Promise<PartResult> {
  const sessions = quick ? 2_000 : 100_000
  const plain = await beyondPayload(sessions, { withCookie: false })
  const stored = await beyondPayload(sessions, { withCookie: true })
  const tombstone = await ofTombstones(sessions)
  return {
    figures: { sessions, payloadBytes: KILOBYTE, plain, stored, tombstone },
    rows: [
      {
        what: `memory beyond payload, ${sessions} sessions of 1 KB in three attributes`,
        measured: bytes(plain.sessionmesh.usedBytes),
        beside: others(plain),
        goal: {
          says: `at most ${SESSION_GOAL_BYTES} bytes`,
          isMet: plain.sessionmesh.usedBytes <= SESSION_GOAL_BYTES,
        },
      },
      {
        what: 'the same with the cookie that express-session puts into each',
        measured: bytes(stored.sessionmesh.usedBytes),
        beside: others(stored),
      },
      {
        what: 'memory of a destroyed session that a dead member has not heard of, with its id',
        measured: bytes(tombstone.usedBytes),
        goal: {
          says: `at most ${TOMBSTONE_GOAL_BYTES} bytes`,
          isMet: tombstone.usedBytes <= TOMBSTONE_GOAL_BYTES,
        },
      },
    ],
  }
}

interface Overheads {
  sessionmesh: MemoryUse
  memoryStore: MemoryUse
  redisBytes: number | undefined
}

async function beyondPayload(sessions: number, options: { withCookie: boolean }): Promise<Overheads> {
  return {
    sessionmesh: await inOneProcess(options.withCookie ? 'sessionmesh' : 'cluster', sessions, options),
    memoryStore: await inOneProcess('MemoryStore', sessions, options),
    redisBytes: await inRedis(sessions, options),
  }
}

/** A process for each: what one contender leaves behind is not another one's. */
async function inOneProcess(
  into: StoreKind | 'cluster',
  sessions: number,
  options: { withCookie: boolean },
): Promise<MemoryUse> {
  const member = new MemberProcess({
    name: into,
    ...(into !== 'MemoryStore' && {
      cluster: { name: 'alone', secret: SECRET, listen: { host: '127.0.0.1', port: 0 }, peers: [] },
    }),
  })
  onCleanUp(() => member.end())
  await member.start()
  await member.ask('fillKilobytes', into, WARM_UP, { ...options, first: sessions })
  const before = await member.ask('memoryUse')
  await member.ask('fillKilobytes', into, sessions, options)
  const each = perSession(before, await member.ask('memoryUse'), sessions)
  await member.end()
  return { usedBytes: each.usedBytes - KILOBYTE, residentBytes: each.residentBytes - KILOBYTE }
}

/** As connect-redis stores them. */
async function inRedis(
  sessions: number,
  { withCookie }: { withCookie: boolean },
): Promise<number | undefined> {
  if (whyNoRedis !== undefined) return undefined
  const redis = await startRedis()
  const client = createClient({ url: `redis://127.0.0.1:${redis.port}` })
  // It is killed when the part ends, and a client without a listener would throw then.
  client.on('error', () => {})
  onCleanUp(() => client.destroy())
  await client.connect()
  const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
  const store = new RedisStore({ client })
  const before = await usedBytes()
  await byTurns(sessions, (i) => {
    const data = withCookie ? { ...kilobyte(i), cookie: COOKIE } : kilobyte(i)
    return store.set(sidOf(i), data as unknown as SessionData)
  })
  return Math.round(((await usedBytes()) - before) / sessions - KILOBYTE)
}

/** Three members, one of which is dead: what it has not merged nobody may forget. */
async function ofTombstones(sessions: number): Promise<MemoryUse> {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'] })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => cluster.member(name)) as [
    MemberProcess,
    MemberProcess,
    MemberProcess,
  ]
  await c.kill()
  await a.event('member:dead')
  await a.ask('fillKilobytes', 'cluster', WARM_UP, { first: sessions })
  await a.ask('destroyAll')
  const before = await a.ask('memoryUse')
  await a.ask('fillKilobytes', 'cluster', sessions)
  await a.ask('destroyAll')
  await cluster.fence([a, b])
  const { tombstones } = await a.ask('status')
  if (tombstones < sessions + WARM_UP)
    throw new Error(`only ${tombstones} of ${sessions} tombstones are kept`)
  const each = perSession(before, await a.ask('memoryUse'), sessions)
  await Promise.all([a, b].map((member) => member.end()))
  return each
}

function perSession(before: MemoryUse, after: MemoryUse, sessions: number): MemoryUse {
  return {
    usedBytes: Math.round((after.usedBytes - before.usedBytes) / sessions),
    residentBytes: Math.round((after.residentBytes - before.residentBytes) / sessions),
  }
}

function others({ memoryStore, redisBytes }: Overheads): string {
  const redis = redisBytes === undefined ? `Redis skipped: ${whyNoRedis}` : `Redis ${redisBytes}`
  return `MemoryStore ${memoryStore.usedBytes}, ${redis}`
}

function bytes(value: number): string {
  return `${value} bytes a session`
}
