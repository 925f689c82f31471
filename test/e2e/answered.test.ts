/** What a client has been answered for survives: the death of the server that answered, and its freeze. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { Browser } from '../support/browser.js'
import { leaveNothingBehind } from '../support/leaks.js'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause, until } from '../support/wait.js'

leaveNothingBehind()

const ROUNDS = 8

test(`SIGKILL at the first byte of the answer, ${ROUNDS} times under load: the login is on the survivors`, async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true })
  const all = cluster.all()
  for (let round = 0; round < ROUNDS; round++) {
    const victim = all[round % all.length]!
    const survivors = all.filter((member) => member !== victim)
    const load = new Load(survivors)
    const sid = await loginAndKill(victim, `user${round}`)
    await load.stop()
    for (const survivor of survivors) {
      await until(`${survivor.name} has the login`, () => survivor.ask('has', sid), {
        dump: () => cluster.dump(),
      })
    }
    await victim.start()
    await cluster.linked()
  }
})

test('a login that waited in a frozen server is known to the next server, whoever is asked', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true })
  const [a, b, c] = cluster.all() as [MemberProcess, MemberProcess, MemberProcess]
  c.freeze()
  const since = a.events.length
  const waiting = ['first', 'second', 'third'].map(async (user, i) => {
    const browser = new Browser()
    await browser.post(c.url, `/login/${user}`)
    return [user, (await browser.get((i % 2 === 0 ? a : b).url, '/session')).data.user]
  })
  await a.event('takeover', ({ member }) => member.name === c.name, { since })
  // The freeze outlasts the verdict, as it usually does: by then the others have told each other what they hold.
  await pause(600)
  c.thaw()
  for (const [user, seen] of await Promise.all(waiting)) expect(seen).toBe(user)
})

/** Big sessions written all the time: the members are busy, and their links carry data both ways. */
class Load {
  #goesOn = true
  readonly #loops: Promise<void>[]

  constructor(members: readonly MemberProcess[]) {
    this.#loops = members.flatMap((member) => [this.#run(member), this.#run(member), this.#stall(member)])
  }

  /** Long turns: what comes in one is read only after what is written in it. */
  async #stall(member: MemberProcess): Promise<void> {
    while (this.#goesOn) await member.ask('stall', 30)
  }

  async #run(member: MemberProcess): Promise<void> {
    const browser = new Browser()
    for (let i = 0; this.#goesOn; i++) await browser.post(member.url, `/fill/${100_000 + i}`)
  }

  async stop(): Promise<void> {
    this.#goesOn = false
    await Promise.all(this.#loops)
  }
}

/** By hand, on a socket: an HTTP client would tell of the answer when it is whole. */
async function loginAndKill(victim: MemberProcess, user: string): Promise<string> {
  const socket = connect(Number(new URL(victim.url).port), '127.0.0.1')
  try {
    socket.on('error', () => {})
    socket.write(`POST /login/${user} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    await victim.kill()
    const sid = /"sid":"([^"]+)"/.exec(String(answer))?.[1]
    if (sid === undefined) throw new Error(`no session id in ${String(answer)}`)
    return sid
  } finally {
    socket.destroy()
  }
}
