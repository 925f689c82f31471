/** Two ways to ask servers: as fast as they answer, which tells what a request costs, and at a rate, which tells how long it takes. */

import type { Random } from '../../sim/random.js'
import { pause } from '../../support/wait.js'
import { percentile } from '../statistics.js'
import type { Contender } from './contender.js'
import type { Kind } from './user.js'

/** What a server still does with its last requests (messages to others, say) is part of what they cost. */
const AFTERMATH_MS = 100

export interface ClosedLoop {
  cpuMicrosPerRequest: number
  requestsPerSecond: number
  wrongAnswers: number
}

export interface OpenLoop {
  cpuMicrosPerRequest: number
  p50Ms: number
  p99Ms: number
  /** That of the plan, unless this machine was too busy to keep to it. */
  requestsPerSecond: number
}

/** All users, each with one request at a time, until `requests` are answered. */
export async function closedLoop(contender: Contender, kind: Kind, requests: number): Promise<ClosedLoop> {
  let [turn, wrongAnswers, tookMs] = [0, 0, 0]
  const cpuMicros = await spent(contender, async () => {
    const startMs = performance.now()
    const live = async (_: unknown, index: number) => {
      while (turn < requests) {
        const isRight = await contender.users[index]!.ask(contender.url(index, turn++), kind)
        if (!isRight) wrongAnswers++
      }
    }
    await Promise.all(contender.users.map(live))
    tookMs = performance.now() - startMs
  })
  return {
    cpuMicrosPerRequest: cpuMicros / requests,
    requestsPerSecond: (requests / tookMs) * 1_000,
    wrongAnswers,
  }
}

/** The users by turns, at these times, whether or not the answers before have come. */
export async function openLoop(contender: Contender, kind: Kind, atMs: readonly number[]): Promise<OpenLoop> {
  const tookMs: number[] = []
  let sendingMs = 0
  const cpuMicros = await spent(contender, async () => {
    const startMs = performance.now()
    const ask = async (turn: number) => {
      const index = turn % contender.users.length
      const askedMs = performance.now()
      await contender.users[index]!.ask(contender.url(index, turn), kind)
      tookMs.push(performance.now() - askedMs)
    }
    const asked: Promise<void>[] = []
    for (const [turn, dueMs] of atMs.entries()) {
      const earlyMs = startMs + dueMs - performance.now()
      if (earlyMs > 0) await pause(earlyMs)
      asked.push(ask(turn))
    }
    sendingMs = performance.now() - startMs
    await Promise.all(asked)
  })
  return {
    cpuMicrosPerRequest: cpuMicros / atMs.length,
    p50Ms: percentile(tookMs, 50),
    p99Ms: percentile(tookMs, 99),
    requestsPerSecond: (atMs.length / sendingMs) * 1_000,
  }
}

/** When requests come that do not know of each other. */
export function arrivals(requests: number, perSecond: number, random: Random): number[] {
  let atMs = 0
  return Array.from({ length: requests }, () => {
    atMs += (-Math.log(1 - random.next()) / perSecond) * 1_000
    return atMs
  })
}

async function spent(contender: Contender, act: () => Promise<void>): Promise<number> {
  const before = await contender.servers.cpuMicros()
  await act()
  await pause(AFTERMATH_MS)
  return (await contender.servers.cpuMicros()) - before
}
