/** What the load counts: which answers are wrong, of which requests, and the rate that was held. */

import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { onCleanUp } from '../../support/cleanup.js'
import { leaveNothingBehind } from '../../support/leaks.js'
import { listening } from '../../support/listening.js'
import { nestedSession } from '../../support/measuring/shop-session.js'
import { pause } from '../../support/wait.js'
import { Contender, USERS } from './contender.js'
import { closedLoop, openLoop } from './load.js'
import { type Kind, User } from './user.js'

leaveNothingBehind()

const PLAIN = { payload: 'x'.repeat(1_024) }
/** To begin a session is a request that fills it and one that looks. */
const BEGUN = 2

test('an answer is right when it is just what the user was told before, with his change', async () => {
  const asks: [Kind, count: number, isRight: boolean][] = [
    ['write', 1, true],
    ['read', 0, false],
    ['read', 1, true],
    ['read', 2, false],
    ['write', 2, true],
    // A change is lost: that counts once, and not with the next one.
    ['write', 2, false],
    ['write', 3, true],
  ]
  const url = await serverThat((_, i) => ({ ...PLAIN, count: i < BEGUN ? 0 : asks[i - BEGUN]![1] }))
  const user = new User()
  await user.begin([url], ['write', 'read'])
  for (const [i, [kind, , isRight]] of asks.entries())
    expect(await user.ask(url, kind), `answer ${i}`).toBe(isRight)
})

test('of a nested session what is nested has to be right as well', async () => {
  const session = nestedSession()
  const url = await serverThat((path) => {
    if (path === '/buy') session.count++
    return session
  })
  const user = new User()
  await user.begin([url], ['shopWrite'])
  expect(await user.ask(url, 'shopWrite')).toBe(false)
  session.cart[0]!.quantity += 2
  expect(await user.ask(url, 'shopWrite')).toBe(true)
})

test('of a lead-in nothing counts, and of all else everything', async () => {
  const leadIn = 50
  const first = USERS * BEGUN
  let asked = 0
  const url = await serverThat((_, i) => {
    asked = i + 1 - first
    return i >= first && asked <= leadIn + 3 ? {} : PLAIN
  })
  const contender = await contenderAt(url)
  const closed = await closedLoop(contender, 'read', { leadIn, requests: 100 })
  expect(closed).toMatchObject({ asked: 100, wrongAnswers: 3 })
  expect(asked).toBe(150)
})

test('the rate that was held is that of what was sent, not of what was due', async () => {
  const lateMs = 100
  const first = USERS * BEGUN
  const url = await serverThat(async (_, i) => {
    if (i === first) await pause(lateMs)
    return PLAIN
  })
  const contender = await contenderAt(url)
  // All at once, and the first user once more: he has to wait.
  const open = await openLoop(contender, 'read', new Array(USERS + 1).fill(0))
  expect(open).toMatchObject({ asked: USERS + 1, wrongAnswers: 0 })
  expect(open.answersMs).toHaveLength(USERS + 1)
  expect(open.sendingMs).toBeGreaterThan(lateMs - 5)
})

/** Answers with this as the session's attributes; `index` counts all requests. */
async function serverThat(data: (path: string, index: number) => unknown): Promise<string> {
  let requests = 0
  const server = createServer(async (req, res) => {
    res.end(JSON.stringify({ server: 's', sid: 'sid', data: await data(req.url ?? '', requests++) }))
  })
  const { origin, close } = await listening(server)
  onCleanUp(close)
  return origin
}

async function contenderAt(url: string): Promise<Contender> {
  const servers = { urls: [url], isSticky: true, cpuMicros: async () => 0 }
  const contender = new Contender('contender', servers, ['read'])
  await Promise.all(contender.users.map((user) => user.begin([url], contender.kinds)))
  return contender
}
