/** One that logs in, uses the session, logs out, and logs in again, each time at any server; and checks each answer. */

import type { Acks } from 'sessionmesh'
import type { Random } from '../sim/random.js'
import { Browser, type Reply } from '../support/browser.js'
import type { Balancer } from '../support/faults/balancer.js'
import { answerOf, exceptionsOf, isExcuse } from '../support/faults/excuses.js'
import { Journal } from '../support/faults/journal.js'
import { unansweredBy } from '../support/faults/unanswered.js'
import { Violation } from '../support/faults/violation.js'
import { ACKS_HEADER } from '../support/member-app.js'
import type { MemberProcess } from '../support/member-process.js'
import { pause } from '../support/wait.js'
import { Ledger } from './ledger.js'
import type { Tally } from './tally.js'

/** Few enough for each to be written again soon, more than one for what is lost to be seen before. */
const ATTRIBUTES = ['a', 'b', 'c', 'd', 'e', 'f']
const HISTORY_KEPT = 60
/**
 * From login to logout, at the most, whatever the rate: of a member that is gone a digest keeps what any session still bears
 * a stamp of, so with sessions that live for long it would grow for as long with each restart.
 */
const STAY_MS = 45_000
const SESSION_COOKIE = 'connect.sid'
const TRIES = 1_000
const BETWEEN_TRIES_MS = 10

export interface World {
  balancer: Balancer
  random: Random
  tally: Tally
  /** Ended for good, and when that was confirmed. */
  ended: Map<string, { sinceMs: number; user: User }>
}

interface Asked {
  server: MemberProcess
  reply: Reply
  acks: Acks
}

export class User {
  readonly name: string
  readonly #world: World
  readonly #journal: Journal
  #browser = new Browser()
  #ledger: Ledger | undefined
  #logins = 0
  #untilMs = 0

  constructor(name: string, world: World) {
    this.name = name
    this.#world = world
    this.#journal = new Journal(name, HISTORY_KEPT)
  }

  /** One write. @throws Violation */
  async act(): Promise<void> {
    const ledger = this.#ledger
    if (ledger === undefined) await this.#enter()
    else if (performance.now() >= this.#untilMs) await this.#leave(ledger)
    else await this.#change(ledger)
  }

  /** Begins a session that nobody uses again. Gives its id if it was confirmed. */
  async visit(ttlMs: number): Promise<string | undefined> {
    this.#browser = new Browser()
    const asked = await this.#ask(`/enter/${this.#nextName()}?ttl=${ttlMs}`, this.#drawAcks())
    return asked?.reply.status === 200 ? answerOf(asked.reply).sid : undefined
  }

  /** All is well again, and `state` is what a member holds. @throws Violation */
  settle(server: string, state: Readonly<Record<string, Record<string, unknown>>>): void {
    const missing = this.#ledger?.missingIn(state[this.#ledger.sid])
    if (missing !== undefined) throw this.violation(`at ${server}, of ${this.#ledger?.sid}: ${missing}`)
  }

  violation(what: string): Violation {
    return this.#journal.violation(what)
  }

  async #enter(): Promise<void> {
    const user = this.#nextName()
    this.#browser = new Browser()
    this.#untilMs = performance.now() + this.#world.random.between(0, STAY_MS)
    const asked = await this.#ask(`/enter/${user}`, this.#drawAcks())
    if (asked === undefined) return
    if (asked.reply.status === 200) {
      const { sid, data } = answerOf(asked.reply)
      if (data.user !== user) throw this.violation(`logs in as ${user} and is ${data.user}`)
      this.#ledger = new Ledger(sid, user, true)
      this.#confirmed('created', asked.acks)
      return
    }
    // It may be there or not; it is used if it is.
    const sid = sidOf(this.#browser.cookies.get(SESSION_COOKIE))
    if (sid !== undefined) this.#ledger = new Ledger(sid, user, false)
  }

  async #change(ledger: Ledger): Promise<void> {
    const name = this.#world.random.pick(ATTRIBUTES)
    const value = ledger.issue(name)
    const asked = await this.#ask(`/turn/${name}/${value}`, this.#drawAcks())
    if (asked === undefined) return ledger.unanswered(name, value)
    if (asked.reply.status !== 200) {
      // (What it had loaded lacked something, and the token that came along starts from that.)
      if (exceptionsOf(asked.reply) !== undefined) ledger.forgetSeen()
      return
    }
    const { data } = answerOf(asked.reply)
    if (!this.#check(ledger, asked)) {
      if (!ledger.isCertain) this.#ledger = undefined
    } else if (data[name] === value) {
      ledger.confirm(name, { value, server: asked.server.name, acks: asked.acks })
      this.#confirmed('changed', asked.acks)
    }
  }

  async #leave(ledger: Ledger): Promise<void> {
    const asked = await this.#ask('/destroy', this.#drawAcks())
    // It is tried again, if there is anything left to end.
    if (asked === undefined) return ledger.doubt()
    if (asked.reply.status === 200 && answerOf(asked.reply).sid !== ledger.sid) {
      // Who does not know of it yet ends nothing.
      if (!this.#check(ledger, asked) && !ledger.isCertain) this.#ledger = undefined
      return
    }
    this.#ledger = undefined
    if (asked.reply.status !== 200) return
    this.#world.ended.set(ledger.sid, { sinceMs: performance.now(), user: this })
    this.#confirmed('destroyed', asked.acks)
  }

  /** Whether the answer shows the session. @throws Violation when it lacks something, and does not say so */
  #check(ledger: Ledger, { server, reply }: Asked): boolean {
    const { sid, data } = answerOf(reply)
    const isShown = sid === ledger.sid && data.user === ledger.user
    const lack = isShown ? ledger.lackOf(data) : ledger.mustShow ? 'does not show it' : undefined
    const exceptions = exceptionsOf(reply)
    if (lack !== undefined) {
      if (!isExcuse(exceptions)) throw this.violation(`${server.name} ${lack} (${ledger.sid})`)
      this.#world.tally.excused++
    }
    if (exceptions !== undefined) ledger.forgetSeen()
    if (!isShown) return false
    try {
      ledger.saw(data)
    } catch (error) {
      throw this.violation(String(error))
    }
    return true
  }

  /** To the first server that takes it; `undefined`: the connection broke, and nobody knows what became of it. */
  async #ask(path: string, acks: Acks): Promise<Asked | undefined> {
    const { balancer, random, tally } = this.#world
    const headers: Record<string, string> = acks === 'none' ? {} : { [ACKS_HEADER]: acks }
    const what = `${path} acks ${acks}`
    for (let tries = 0; tries < TRIES; tries++) {
      const server = balancer.pick(random)
      try {
        const send = () => this.#browser.send('POST', server.url + path, headers)
        const asked: Asked = { server, acks, reply: await balancer.send(server, send) }
        this.#answered(asked, what)
        return asked
      } catch (error) {
        if (error instanceof Violation) throw error
        const { code, kind } = unansweredBy(error)
        if (kind === 'refused') {
          tally.refused++
          await pause(BETWEEN_TRIES_MS)
          continue
        }
        this.#journal.note(`${what} at ${server.name}: ${code}`)
        if (kind === undefined) throw this.violation(`${what} at ${server.name}: ${String(error)}`)
        if (kind === 'broken') tally.broken++
        else {
          // It may be carried out after whatever is sent next: what it does to this session nobody can tell.
          this.#ledger = undefined
          tally.givenUp++
        }
        return undefined
      }
    }
    throw this.violation(`${what}: nobody listens`)
  }

  #answered({ server, reply }: Asked, what: string): void {
    const { tally } = this.#world
    const exceptions = exceptionsOf(reply)
    const told = exceptions === undefined ? '' : ` ${JSON.stringify(exceptions)}`
    this.#journal.note(`${what} at ${server.name}: ${reply.status} ${reply.text}${told}`)
    tally.answered++
    if ((exceptions?.staleReads ?? 0) > 0) tally.stale++
    if ((exceptions?.lostWrites ?? 0) > 0) tally.lost++
    if (reply.status === 503) tally.missedAcks++
    else if (reply.status !== 200) throw this.violation(`${server.name} answers ${what} with ${reply.status}`)
  }

  #confirmed(what: 'created' | 'changed' | 'destroyed', acks: Acks): void {
    this.#world.tally[what]++
    this.#world.tally[acks]++
  }

  #nextName(): string {
    return `${this.name}.${++this.#logins}`
  }

  #drawAcks(): Acks {
    return this.#world.random.pick(['none', 'none', 'none', 'none', 'one', 'one', 'one', 'all'] as const)
  }
}

/** As express-session signs it: `s:ID.SIGNATURE`. */
function sidOf(cookie: string | undefined): string | undefined {
  return /^s:(.*)\./.exec(decodeURIComponent(cookie ?? ''))?.[1]
}
