/**
 * A user with a browser: several requests at a time, each to any server, and every answer checked against what
 * the client's token stands for. What the servers did is known from the answers alone.
 */

import type { Acks } from 'sessionmesh'
import type { Random } from '../sim/random.js'
import { Browser, type Reply } from '../support/browser.js'
import type { Balancer } from '../support/faults/balancer.js'
import { answerOf, exceptionsOf, isExcuse } from '../support/faults/excuses.js'
import { Journal } from '../support/faults/journal.js'
import type { Death } from '../support/faults/nemesis.js'
import { unansweredBy } from '../support/faults/unanswered.js'
import { Violation } from '../support/faults/violation.js'
import { ACKS_HEADER } from '../support/member-app.js'
import type { MemberProcess } from '../support/member-process.js'
import type { Answer } from '../support/member-protocol.js'
import { pause } from '../support/wait.js'
import { Knowledge, type Known, NOTHING } from './knowledge.js'
import { emptyTally, type Tally } from './tally.js'
import { type Confirmation, Visit } from './visit.js'

/** Each writes attributes of its own, one request after the other. */
const LANES = ['a', 'b', 'c']
/** Of each lane, beside the one that it writes most: a write that is lost shows until it is written again. */
const SELDOM_WRITTEN = 20
const HISTORY_KEPT = 400
const TOKEN_COOKIE = 'sessionmesh'
const MIN_PAUSE_MS = 10
const MAX_PAUSE_MS = 120

/** What holds in this round. */
export interface Rules {
  tally: Tally
  /** A member may count a write as lost. */
  mayLose: boolean
  /** A member may count a read as stale. */
  mayBeStale: boolean
}

interface Asked {
  visit: Visit | undefined
  browser: Browser
  server: MemberProcess
  reply: Reply
  /** The token that the request brought. */
  brought: string
  /** What that stands for. */
  known: Known
  /** The end of the visit had been asked for when the request left, or before it was answered. */
  isEnding: boolean
  acks: Acks
  sentMs: number
}

export class Client {
  readonly name: string
  readonly #balancer: Balancer
  readonly #random: Random
  readonly #journal: Journal
  readonly #knowledge = new Knowledge()
  #browser = new Browser()
  #visit: Visit | undefined
  /** What ended since the last time that all was well, with the cookies that it had. */
  #ended: { visit: Visit; thief: Browser }[] = []
  #rules: Rules = { tally: emptyTally(), mayLose: true, mayBeStale: true }
  #isBusy = false

  constructor(name: string, balancer: Balancer, random: Random) {
    this.name = name
    this.#balancer = balancer
    this.#random = random
    this.#journal = new Journal(name, HISTORY_KEPT)
  }

  /** Uses its session until `isOver`. @throws Violation */
  async use(isOver: () => boolean, rules: Rules): Promise<void> {
    this.#rules = rules
    await Promise.all(LANES.map((lane) => this.#useLane(lane, isOver)))
  }

  /** All is well again: every server shows what is there, and nothing of what has ended. @throws Violation */
  async lookEverywhere(rules: Rules): Promise<void> {
    this.#rules = rules
    for (const server of this.#balancer.members) {
      if (this.#visit !== undefined) await this.#act('GET', '/session', { server })
      for (const { visit, thief } of this.#ended)
        await this.#act('GET', '/session', { server, visit, browser: thief })
    }
  }

  /**
   * What all members hold must be what was confirmed. Gives what was lost as it may be.
   * @throws Violation
   */
  settle(state: Readonly<Record<string, Record<string, unknown>>>, deaths: readonly Death[]): string[] {
    return this.#guarded(() => {
      const lost = [...this.#ended.map(({ visit }) => visit), this.#visit].flatMap((visit) => {
        return visit?.settle(state[visit.sid], deaths) ?? []
      })
      this.#ended = this.#ended.filter(({ visit }) => state[visit.sid] === undefined)
      if (this.#visit !== undefined && state[this.#visit.sid] === undefined) this.#visit = undefined
      if (lost.length > 0) this.#journal.note(`lost with its server: ${lost}`)
      return lost
    })
  }

  /** Ids of what has ended since the last call, for good. */
  takeEnded(): string[] {
    return this.#ended.splice(0).map(({ visit }) => visit.sid)
  }

  async #useLane(lane: string, isOver: () => boolean): Promise<void> {
    const isFirst = lane === LANES[0]
    while (!isOver()) {
      await pause(this.#random.between(MIN_PAUSE_MS, MAX_PAUSE_MS))
      if (isFirst && !this.#isBusy) await this.#beginOrEnd()
      if (this.#visit !== undefined) await this.#step(lane, this.#visit)
    }
  }

  async #beginOrEnd(): Promise<void> {
    this.#isBusy = true
    try {
      if (this.#visit === undefined || this.#random.chance(0.01)) await this.#enter()
      else if (this.#random.chance(0.02)) await this.#leave(this.#visit)
    } finally {
      this.#isBusy = false
    }
  }

  async #step(lane: string, visit: Visit): Promise<void> {
    if (this.#random.chance(0.4)) {
      await this.#act('GET', '/session')
      return
    }
    const name = this.#random.chance(0.5) ? lane : `${lane}${this.#random.integer(1, SELDOM_WRITTEN)}`
    const value = visit.issue(name)
    const asked = await this.#act('POST', `/turn/${name}/${value}`, { writes: { name, value } })
    if (asked?.reply.status === 200 && answerOf(asked.reply).data[name] === value)
      visit.confirm(name, value, confirmationOf(asked))
  }

  /** Logs in, anew if it was: that ends the former session. */
  async #enter(): Promise<void> {
    const former = this.#visit
    const thief = this.#browser.copy()
    if (former !== undefined) former.end = { by: undefined }
    const asked = await this.#ask('POST', `/enter/${this.name}`, { acks: this.#drawAcks() })
    this.#visit = undefined
    if (former !== undefined) this.#ended.push({ visit: former, thief })
    if (asked?.reply.status !== 200) {
      // Whether it is logged in now, nobody has told it.
      this.#browser.cookies.delete('connect.sid')
      return
    }
    const by = confirmationOf(asked)
    // One that did not find the former session has ended nothing.
    if (former !== undefined && !isExcuse(exceptionsOf(asked.reply))) this.#over(former, asked, thief, by)
    const { sid, data } = answerOf(asked.reply)
    if (data.user !== this.name) throw this.#journal.violation(`logs in at ${by.server} and is ${data.user}`)
    this.#visit = new Visit(sid, this.name, by)
    this.#learn(asked, sid, { ...NOTHING, isOpen: true })
  }

  async #leave(visit: Visit): Promise<void> {
    this.#rules.tally.logouts++
    visit.end = { by: undefined }
    const thief = this.#browser.copy()
    const asked = await this.#ask('POST', '/destroy', { acks: this.#drawAcks() })
    this.#visit = undefined
    this.#ended.push({ visit, thief })
    this.#browser.cookies.delete('connect.sid')
    if (asked?.reply.status !== 200) return
    if (answerOf(asked.reply).sid !== visit.sid) {
      const isWrong = asked.known.isOpen && !isExcuse(exceptionsOf(asked.reply))
      if (isWrong) throw this.#journal.violation(`${asked.server.name} does not find ${visit.sid} to end it`)
      return
    }
    this.#over(visit, asked, thief, confirmationOf(asked))
    for (let i = 0; i < 3; i++) await this.#act('GET', '/session', { visit, browser: thief })
  }

  /** Who kept the old cookies must see nothing from now on. */
  #over(visit: Visit, asked: Asked, thief: Browser, by: Confirmation): void {
    visit.end = { by }
    const token = tokenAfter(asked)
    if (token === '') thief.cookies.delete(TOKEN_COOKIE)
    else thief.cookies.set(TOKEN_COOKIE, token)
    this.#learn(asked, visit.sid, { ...NOTHING, isOver: true })
  }

  /** A request within a visit, and the check of its answer. */
  async #act(
    method: 'GET' | 'POST',
    path: string,
    options: {
      server?: MemberProcess
      visit?: Visit
      browser?: Browser
      writes?: { name: string; value: number }
    } = {},
  ): Promise<Asked | undefined> {
    const visit = options.visit ?? this.#visit
    const acks = options.writes === undefined ? 'none' : this.#drawAcks()
    const asked = await this.#ask(method, path, { ...options, visit, acks })
    if (asked === undefined || visit === undefined || asked.reply.status !== 200) return asked
    const seen = this.#check(asked, visit, options.writes)
    if (seen !== undefined) this.#learn(asked, visit.sid, seen)
    return asked
  }

  /** What the client has seen now. @throws Violation */
  #check(asked: Asked, visit: Visit, writes: { name: string; value: number } | undefined): Known | undefined {
    const wrong = this.#whatIsWrong(asked, visit, writes)
    if (wrong !== undefined) {
      if (!isExcuse(exceptionsOf(asked.reply))) throw this.#journal.violation(`${asked.server.name} ${wrong}`)
      this.#rules.tally.excused++
      this.#journal.note(`excused: ${asked.server.name} ${wrong}`)
    }
    const { sid, data } = answerOf(asked.reply)
    if (sid !== visit.sid || data.user !== visit.user) return undefined
    return { isOpen: true, isOver: false, values: new Map(numbersOf(data)) }
  }

  #whatIsWrong(
    { reply, known, isEnding, ...asked }: Asked,
    visit: Visit,
    writes: { name: string; value: number } | undefined,
  ): string | undefined {
    const { sid, data } = answerOf(reply)
    const isShown = sid === visit.sid && data.user === visit.user
    if (isShown && (known.isOver || visit.isGone)) return `shows ${sid} after its end`
    if (!isShown && known.isOpen && !known.isOver && !isEnding)
      return `does not show ${visit.sid} to its client with token ${asked.brought}`
    if (!isShown) return undefined
    const least = new Map(known.values)
    if (writes !== undefined) least.set(writes.name, writes.value)
    for (const [name, value] of least) {
      const shown = Number(data[name] ?? 0)
      if (shown < value) return `shows ${name} ${shown} of ${sid} to a client that has seen ${value}`
    }
    for (const [name, value] of numbersOf(data))
      if (value > visit.issued(name)) return `shows ${name} ${value} of ${sid}, which nobody wrote`
    return undefined
  }

  /**
   * The answer's token stands for what was seen, and for what the one before stood for. After an answer that is
   * counted as stale or lost it starts from there: by then its server may hold for lost what it lacks.
   */
  #learn(asked: Asked, sid: string, seen: Known): void {
    const before = exceptionsOf(asked.reply) === undefined ? asked.brought : undefined
    this.#knowledge.learn(tokenAfter(asked), before, sid, seen)
  }

  /** Sends one request to the first server that takes it; `undefined`: the connection broke. */
  async #ask(
    method: 'GET' | 'POST',
    path: string,
    options: { server?: MemberProcess; visit?: Visit | undefined; browser?: Browser; acks?: Acks },
  ): Promise<Asked | undefined> {
    const { browser = this.#browser, visit = this.#visit, acks = 'none' } = options
    for (;;) {
      const server = options.server ?? this.#balancer.pick(this.#random)
      const brought = browser.cookies.get(TOKEN_COOKIE) ?? ''
      const known = visit === undefined ? NOTHING : this.#knowledge.of(brought, visit.sid)
      const headers: Record<string, string> = acks === 'none' ? {} : { [ACKS_HEADER]: acks }
      try {
        const sentMs = performance.now()
        const reply = await this.#balancer.send(server, () =>
          browser.send(method, server.url + path, headers),
        )
        const isEnding = visit?.end !== undefined
        const asked: Asked = { visit, browser, server, reply, brought, known, isEnding, acks, sentMs }
        this.#answered(asked, `${method} ${path}`)
        return asked
      } catch (error) {
        if (!this.#isRefused(error, server, `${method} ${path}`)) return undefined
        await pause(MIN_PAUSE_MS)
        // Meanwhile the cookies may have become those of another session.
        if (browser === this.#browser && visit !== this.#visit) return undefined
      }
    }
  }

  #answered(asked: Asked, what: string): void {
    const { reply, server, brought, browser, acks } = asked
    this.#rules.tally.requests++
    const exceptions = exceptionsOf(reply)
    if (exceptions !== undefined) {
      if (exceptions.staleReads > 0) this.#rules.tally.stale++
      if (exceptions.lostWrites > 0) this.#rules.tally.lost++
    }
    const token = browser.cookies.get(TOKEN_COOKIE) ?? ''
    const told = [
      what,
      `at ${server.name}`,
      acks === 'none' ? '' : `acks ${acks}`,
      `${reply.status} ${reply.text}`,
      exceptions === undefined ? '' : JSON.stringify(exceptions),
      `token ${short(brought)} -> ${short(token)}`,
    ]
    this.#journal.note(told.filter((part) => part !== '').join(' '))
    if ((exceptions?.lostWrites ?? 0) > 0 && !this.#rules.mayLose)
      throw this.#journal.violation(
        `${server.name} counts a write as lost, and who went down had a sound peer`,
      )
    if ((exceptions?.staleReads ?? 0) > 0 && !this.#rules.mayBeStale)
      throw this.#journal.violation(
        `${server.name} counts a stale read, and all members are linked and hold the same`,
      )
    if (reply.status === 503) this.#rules.tally.missedAcks++
    else if (reply.status !== 200)
      throw this.#journal.violation(`${server.name} answers ${what} with ${reply.status}: ${reply.text}`)
  }

  /** True when another server is to be tried. @throws Violation when there was no answer in time. */
  #isRefused(error: unknown, server: MemberProcess, what: string): boolean {
    if (error instanceof Violation) throw error
    const { code, kind } = unansweredBy(error)
    this.#journal.note(`${what} at ${server.name}: ${code}`)
    if (kind !== 'refused' && kind !== 'broken')
      throw this.#journal.violation(`${what} at ${server.name}: ${String(error)}`)
    this.#rules.tally[kind]++
    return kind === 'refused'
  }

  #drawAcks(): Acks {
    return this.#random.pick(['none', 'none', 'none', 'none', 'one', 'all'] as const)
  }

  #guarded<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      if (error instanceof Violation) throw this.#journal.violation(error.message)
      throw error
    }
  }
}

function numbersOf(data: Answer['data']): [string, number][] {
  return Object.entries(data).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
}

function confirmationOf({ server, sentMs, acks }: Asked): Confirmation {
  return { server: server.name, sentMs, acks }
}

/** As the answer left it: renewed, dropped, or the one that was brought. */
function tokenAfter({ reply, brought }: Asked): string {
  const line = reply.set[TOKEN_COOKIE]
  return line === undefined ? brought : (line.slice(TOKEN_COOKIE.length + 1).split(';')[0] ?? '')
}

function short(token: string): string {
  return token === '' ? '-' : token.slice(0, 6) + token.slice(-6)
}
