/** Asks every member of the mesh, each second, as long as somebody looks, and makes one picture of what they say. */

import type { Cluster, Member } from '../types.js'
import { Convergences } from './convergence.js'
import { isLiving, latestEvents, type MeshEvent, type MeshMember, type MeshPicture } from './mesh.js'
import { summaryOf, troublesOf } from './troubles.js'
import type { Cursor, MemberReport, Sample } from './types.js'

const EVERY_MS = 1_000
const SAMPLES_KEPT = 300
/** Of sessions, and of all else. */
const EVENTS_KEPT = 1_500
/** Who has not answered for so long is not heard. */
const UNHEARD_MS = 3_000
/** Those that have left are shown for as long as the charts reach back; those that died, until they are forgotten. */
const LEFT_SHOWN_MS = 300_000
/** Clocks that differ by less are one: an answer takes a moment. */
const SAME_CLOCK_MS = 300
/** Many may die at once, and each tells of itself. */
const SETTLE_MS = 20
/** How long one that does not answer holds up the others: the first time, and each time. */
const WAIT_MS = 500
const ANSWER_MS = 200

interface Watched {
  id: string
  report: MemberReport | undefined
  cursor: Cursor | undefined
  isAsked: boolean
  heardMs: number
  samples: Sample[]
  /** Of those, what no update has told. */
  fresh: Sample[]
  /** To be added to a time on its clock for one on ours. */
  shiftMs: number
}

/** One member's picture of all. */
export class MeshWatch {
  readonly #cluster: Cluster
  readonly #watched = new Map<string, Watched>()
  readonly #convergences = new Convergences()
  readonly #listeners = new Set<(update: MeshPicture) => void>()
  readonly #onMember = () => this.#soon()
  #events: MeshEvent[] = []
  #freshEvents: MeshEvent[] = []
  #omitted = 0
  #timer: NodeJS.Timeout | undefined
  #soonTimer: NodeJS.Timeout | undefined
  #first: Promise<void> | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * All that is known, with samples and events. Asks all members first when nobody is looking; one that does not answer holds
   * that up for half a second at most.
   */
  async picture(): Promise<MeshPicture> {
    if (this.#listeners.size === 0) await within(WAIT_MS, this.#ask())
    else await this.#first
    return this.#picture(({ samples }) => samples, this.#events)
  }

  /** Each second, and at once when a member comes or goes: what is new. Call what it returns to stop. */
  onUpdate(listener: (update: MeshPicture) => void): () => void {
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#start()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#stop()
    }
  }

  /** What happened around a session, as far as it is kept: by its id. */
  async eventsOf(sid: string): Promise<MeshEvent[]> {
    await within(WAIT_MS, this.#ask())
    return this.#events.filter((event) => event.sid === sid)
  }

  #start(): void {
    for (const state of STATES) this.#cluster.on(`member:${state}`, this.#onMember)
    // (All that is known by then is in the whole that whoever comes is given.)
    this.#first = within(WAIT_MS, this.#ask()).then(() => this.#allTold())
    this.#timer = setInterval(() => {
      void within(ANSWER_MS, this.#ask()).then(() => this.#tell())
    }, EVERY_MS).unref()
  }

  #stop(): void {
    for (const state of STATES) this.#cluster.off(`member:${state}`, this.#onMember)
    clearInterval(this.#timer)
    clearTimeout(this.#soonTimer)
    this.#soonTimer = undefined
    this.#allTold()
  }

  #soon(): void {
    this.#soonTimer ??= setTimeout(() => {
      this.#soonTimer = undefined
      void this.#ask([this.#cluster.self]).then(() => this.#tell())
    }, SETTLE_MS).unref()
  }

  async #ask(members: readonly Member[] = this.#cluster.members()): Promise<void> {
    await Promise.all(members.map(({ id }) => this.#askOne(id)))
  }

  async #askOne(id: string): Promise<void> {
    const watched = this.#watchedOf(id)
    if (watched.isAsked) return
    watched.isAsked = true
    try {
      const report = await this.#cluster.diagnostics.report({ of: id, after: watched.cursor })
      this.#told(watched, report)
    } catch {
      // It is not linked, or silent: its state says so, and the picture shows what it told last.
    } finally {
      watched.isAsked = false
    }
  }

  #told(watched: Watched, told: MemberReport): void {
    const { id, name } = told.member
    const apartMs = Date.now() - told.atMs
    if (Math.abs(apartMs - watched.shiftMs) > SAME_CLOCK_MS) watched.shiftMs = apartMs
    const report = onOurClock(told, watched.shiftMs)
    // (Nothing happens in time to come, whatever a peer says: it would stand above all else.)
    const isPast = ({ atMs }: { atMs: number }) => atMs <= Date.now() + SAME_CLOCK_MS
    const isFirst = watched.report === undefined
    watched.report = report
    watched.cursor = report.cursor
    watched.heardMs = performance.now()
    watched.samples = [...watched.samples, ...report.samples].slice(-SAMPLES_KEPT)
    const events = report.events.filter(isPast).map((event) => ({ ...event, by: { id, name } }))
    const all = [...this.#events, ...events].sort((a, b) => a.atMs - b.atMs)
    this.#events = latestEvents(all, EVENTS_KEPT)
    if (this.#listeners.size > 0) {
      watched.fresh.push(...report.samples)
      this.#freshEvents.push(...events)
    }
    // (Of what was before anybody looked there is always more.)
    if (!isFirst) this.#omitted += report.omitted
  }

  #watchedOf(id: string): Watched {
    let watched = this.#watched.get(id)
    if (watched === undefined) {
      const heardMs = Number.NEGATIVE_INFINITY
      watched = {
        id,
        report: undefined,
        cursor: undefined,
        isAsked: false,
        heardMs,
        samples: [],
        fresh: [],
        shiftMs: 0,
      }
      this.#watched.set(id, watched)
    }
    return watched
  }

  #tell(): void {
    const update = this.#picture(({ fresh }) => fresh, this.#freshEvents)
    this.#allTold()
    for (const listener of this.#listeners) {
      try {
        listener(update)
      } catch (error) {
        // Not ours to mend, and no reason to stop asking.
        process.emitWarning(error instanceof Error ? error : String(error))
      }
    }
  }

  #allTold(): void {
    for (const watched of this.#watched.values()) watched.fresh = []
    this.#freshEvents = []
  }

  #picture(samplesOf: (watched: Watched) => readonly Sample[], events: readonly MeshEvent[]): MeshPicture {
    const nowMs = performance.now()
    const known = this.#cluster.members()
    const living = new Set(known.filter(isLiving).map(idOf))
    const since = this.#since()
    const shown = known.filter(({ id, state }) => state !== 'left' || Date.now() - since(id) < LEFT_SHOWN_MS)
    const ids = new Set(shown.map(idOf))
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id)
    const judged = this.#convergences.judge(
      shown.map(({ id }) => this.#standing(id, living.has(id), nowMs)),
      living,
      Date.now(),
    )
    const [self, ...others] = shown
    // (In one order, whoever was met first: what is said of two begins with the same one.)
    others.sort((a, b) => (a.name < b.name ? -1 : 1))
    const all = [...(self ? [self] : []), ...others].map((member): MeshMember => {
      const { id, name, address, state } = member
      const watched = this.#watchedOf(id)
      const told = watched.report && toldBy(watched.report)
      const convergence = judged.get(id)!
      const base = { id, name, address, state, sinceMs: since(id) }
      return { ...base, ...(told && { told }), samples: watched.samples, convergence }
    })
    const atMs = Date.now()
    // (Of all that is known, also where what is new is told alone.)
    const troubles = troublesOf({ members: all, events: this.#events, atMs })
    const members = all.map((member) => ({ ...member, samples: samplesOf(this.#watchedOf(member.id)) }))
    return {
      cluster: this.#cluster.name,
      by: this.#cluster.self.id,
      atMs,
      members,
      troubles,
      summary: summaryOf(members, troubles),
      events,
      omitted: this.#omitted,
    }
  }

  /** Of the states of all, as this member has them. */
  #since(): (id: string) => number {
    const mine = this.#watchedOf(this.#cluster.self.id).report
    return (id) => {
      if (id === mine?.member.id) return mine.atMs - mine.upMs
      return mine?.members.find((member) => member.id === id)?.sinceMs ?? Date.now()
    }
  }

  #standing(id: string, isThere: boolean, nowMs: number) {
    const { report, heardMs } = this.#watchedOf(id)
    const isHeard = isThere && nowMs - heardMs < UNHEARD_MS
    const fingerprint = report?.census?.fingerprint
    return { id, isHeard, digest: report?.digest ?? [], ...(fingerprint && { fingerprint }) }
  }
}

const STATES = ['alive', 'suspect', 'dead', 'left'] as const

function idOf({ id }: { id: string }): string {
  return id
}

/** What a member told, with its times as ours: no two clocks agree. (Stamps are of the clock that all share.) */
function onOurClock(report: MemberReport, shiftMs: number): MemberReport {
  if (shiftMs === 0) return report
  const shifted = <T extends { readonly atMs: number }>(each: T): T => ({
    ...each,
    atMs: each.atMs + shiftMs,
  })
  const { census } = report
  return {
    ...shifted(report),
    samples: report.samples.map(shifted),
    events: report.events.map(shifted),
    members: report.members.map((member) => ({ ...member, sinceMs: member.sinceMs + shiftMs })),
    ...(census && { census: shifted(census) }),
  }
}

function toldBy({ atMs, upMs, node, pid, ready, limits, members, digest, census }: MemberReport) {
  const counted = census && { atMs: census.atMs, owners: census.owners, bytes: census.bytes }
  return { atMs, upMs, node, pid, ready, limits, members, digest, ...(counted && { census: counted }) }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
