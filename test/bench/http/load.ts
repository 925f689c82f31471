/** Two ways to ask servers: as fast as they answer, which tells what a request costs, and at a rate, which tells how long it takes. */

import type { Random } from '../../sim/random.js'
import { pause } from '../../support/wait.js'
import type { Contender } from './contender.js'
import type { Kind, User } from './user.js'

/** What servers still do when the last answer is out (messages to others, say) is part of what their requests cost. */
const AFTERMATH_MS = 50

/** As fast as they are answered. */
export interface Requests {
  /** So many that do not count… */
  leadIn: number
  /** … then so many that do. */
  requests: number
}

export interface ClosedLoop {
  asked: number
  cpuMicros: number
  tookMs: number
  wrongAnswers: number
}

export interface OpenLoop {
  asked: number
  cpuMicros: number
  /** Until the last one was sent: longer than planned where this machine, or an answer, was too late to keep to the rate. */
  sendingMs: number
  /** Of each answer. */
  answersMs: number[]
  wrongAnswers: number
}

/** All users, each with one request at a time, until `leadIn` and then `requests` are answered; the latter count. */
export async function closedLoop(
  contender: Contender,
  kind: Kind,
  { leadIn, requests }: Requests,
): Promise<ClosedLoop> {
  const { users } = contender
  const askAll = async (count: number) => {
    let [turn, wrong] = [0, 0]
    const live = async (user: User, index: number) => {
      while (turn < count) if (!(await user.ask(contender.url(index, turn++), kind))) wrong++
    }
    await Promise.all(users.map(live))
    return wrong
  }
  // Connections that were closed when idle are open again, and the processor's caches no longer others'.
  await askAll(leadIn)
  let [wrongAnswers, tookMs] = [0, 0]
  const cpuMicros = await spent(contender, async () => {
    const startMs = performance.now()
    wrongAnswers = await askAll(requests)
    tookMs = performance.now() - startMs
  })
  return { asked: requests, cpuMicros, tookMs, wrongAnswers }
}

/** The users by turns, at these times, whether or not the answers to others have come. */
export async function openLoop(contender: Contender, kind: Kind, atMs: readonly number[]): Promise<OpenLoop> {
  const { users } = contender
  const answersMs: number[] = []
  let [sendingMs, wrongAnswers] = [0, 0]
  const cpuMicros = await spent(contender, async () => {
    const startMs = performance.now()
    const asked: Promise<void>[] = []
    const ask = async (turn: number) => {
      const askedMs = performance.now()
      // Who has no answer yet waits for it before he asks again; that he waits counts.
      await asked[turn - users.length]
      sendingMs = Math.max(sendingMs, performance.now() - startMs)
      const index = turn % users.length
      if (!(await users[index]!.ask(contender.url(index, turn), kind))) wrongAnswers++
      answersMs.push(performance.now() - askedMs)
    }
    for (const [turn, dueMs] of atMs.entries()) {
      const earlyMs = startMs + dueMs - performance.now()
      if (earlyMs > 0) await pause(earlyMs)
      asked.push(ask(turn))
    }
    await Promise.all(asked)
  })
  return { asked: atMs.length, cpuMicros, sendingMs, answersMs, wrongAnswers }
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
