/** What is known of the mesh: pictures merged into members at their places, with samples, and the events. */

import type { Sample } from 'sessionmesh'
import type { ShownEvent, ShownPicture } from '../src/api.js'

export type Told = ShownPicture['members'][number]

/** One run of a member's process. */
export interface Run extends Omit<Told, 'samples'> {
  /** By time, each second once. */
  samples: readonly Sample[]
  /** Which picture was the latest in which it was. */
  seen: number
}

/** Where a member stands on the page; who comes back by the same name takes it again. */
export interface Place {
  readonly key: string
  readonly name: string
  /** The one that lives, or lived last. */
  readonly run: Run
  /** All of that name, for charts; the latest last. */
  readonly runs: readonly Run[]
  /** From 0; the same as long as it is shown. */
  readonly colour: number
  readonly isTeller: boolean
  /** Since when it is dead or has left. */
  readonly goneMs?: number | undefined
}

/** As far as the charts reach. */
export const KEPT_MS = 300_000
/** Events of sessions are many, and must not push out what happened to the cluster. */
export const MAX_SESSION_EVENTS = 1_500
export const MAX_OTHER_EVENTS = 500
/** For so long it can be seen that somebody left. */
const LEFT_DRAWN_MS = 60_000

export class Model {
  cluster = ''
  by = ''
  omitted = 0
  troubles: ShownPicture['troubles'] = []
  summary = ''
  places: readonly Place[] = []
  /** By their time. */
  events: readonly ShownEvent[] = []
  readonly #runs = new Map<string, Run>()
  readonly #names = new Map<string, string>()
  readonly #colours = new Map<string, number>()
  #known = new Set<string>()
  #pictures = 0
  #atMs = 0
  #receivedMs = 0

  /** On the clock of the member that tells. */
  nowMs(atMs = performance.now()): number {
    return this.#atMs + (atMs - this.#receivedMs)
  }

  /** Of a member's run, as far as anybody said. */
  nameOf(id: string): string | undefined {
    return this.#names.get(id)
  }

  placeOf(id: string): Place | undefined {
    return this.places.find(({ runs }) => runs.some((run) => run.id === id))
  }

  /** Returns what happened that was not known. */
  merge(picture: ShownPicture, receivedMs = performance.now()): ShownEvent[] {
    this.cluster = picture.cluster
    this.by = picture.by
    this.omitted = picture.omitted
    this.troubles = picture.troubles
    this.summary = picture.summary
    this.#pictures++
    this.#atMs = picture.atMs
    this.#receivedMs = receivedMs
    for (const told of picture.members) this.#mergeMember(told)
    const fresh = this.#mergeEvents(picture.events)
    this.#forget()
    this.places = this.#placed()
    return fresh
  }

  #mergeMember(told: Told): void {
    const before = this.#runs.get(told.id)
    this.#names.set(told.id, told.name)
    for (const { id, name } of told.told?.members ?? []) this.#names.set(id, name)
    this.#runs.set(told.id, {
      ...told,
      samples: mergedSamples(before?.samples ?? [], told.samples),
      seen: this.#pictures,
    })
  }

  #mergeEvents(told: readonly ShownEvent[]): ShownEvent[] {
    const fresh = told.filter((event) => !this.#known.has(identityOf(event)))
    if (fresh.length === 0) return []
    for (const { by, peer } of fresh) {
      this.#names.set(by.id, by.name)
      if (peer !== undefined) this.#names.set(peer.id, peer.name)
    }
    const all = [...this.events, ...fresh].sort((a, b) => a.atMs - b.atMs)
    const sessions = all.filter(isOfSession).slice(-MAX_SESSION_EVENTS)
    const others = all.filter((event) => !isOfSession(event)).slice(-MAX_OTHER_EVENTS)
    this.events = [...sessions, ...others].sort((a, b) => a.atMs - b.atMs)
    this.#known = new Set(this.events.map(identityOf))
    return fresh
  }

  /** Who is in no picture any more, and what the charts have left behind. */
  #forget(): void {
    for (const [id, run] of this.#runs) {
      // Another process may tell now, which does not know it.
      if (run.seen !== this.#pictures && isLiving(run)) this.#runs.set(id, { ...run, state: 'left' })
      const sinceMs = this.#atMs - KEPT_MS
      if (run.samples.length > 0 && run.samples[0]!.atMs < sinceMs)
        run.samples = run.samples.filter(({ atMs }) => atMs >= sinceMs)
      if (run.seen !== this.#pictures && run.samples.length === 0) this.#runs.delete(id)
    }
  }

  #placed(): Place[] {
    const places = [...groupsOf([...this.#runs.values()])]
      // Of those that no picture has any more only the charts' past is left.
      .filter(([, runs]) => runs.some((run) => run.seen === this.#pictures))
      .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
      .map(([key, runs]): Place => {
        const run = runs.at(-1)!
        const isOnly = runs.every(({ name }) => name === key)
        return {
          key,
          name: isOnly ? run.name : `${run.name} (${run.address})`,
          run,
          runs,
          colour: this.#colourOf(key),
          isTeller: run.id === this.by,
          goneMs: isLiving(run) ? undefined : run.sinceMs,
        }
      })
    const shown = new Set(places.map(({ key }) => key))
    for (const key of this.#colours.keys()) if (!shown.has(key)) this.#colours.delete(key)
    return places
  }

  #colourOf(key: string): number {
    const known = this.#colours.get(key)
    if (known !== undefined) return known
    const taken = new Set(this.#colours.values())
    let free = 0
    while (taken.has(free)) free++
    this.#colours.set(key, free)
    return free
  }
}

export function identityOf({ by, number }: ShownEvent): string {
  return `${number} ${by.id}`
}

export function isOfSession({ event }: ShownEvent): boolean {
  return event.startsWith('session:')
}

/** In the picture those that left in order fade away before the charts forget them. */
export function isDrawn({ run, goneMs }: Pick<Place, 'run' | 'goneMs'>, nowMs: number): boolean {
  return run.state !== 'left' || goneMs === undefined || nowMs - goneMs < LEFT_DRAWN_MS
}

export function isLiving({ state }: Pick<Run, 'state'>): boolean {
  return state === 'alive' || state === 'suspect'
}

/** Runs of one name are one member, unless two of them live: names are given by people. The latest of each is its last. */
export function groupsOf(runs: readonly Run[]): Map<string, Run[]> {
  const groups = new Map<string, Run[]>()
  const living = new Map<string, number>()
  for (const run of runs) if (isLiving(run)) living.set(run.name, (living.get(run.name) ?? 0) + 1)
  for (const run of runs) {
    const key = (living.get(run.name) ?? 0) > 1 ? `${run.name} ${run.address}` : run.name
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  for (const group of groups.values())
    group.sort(
      (a, b) =>
        Number(isLiving(a)) - Number(isLiving(b)) ||
        a.seen - b.seen ||
        (a.told?.atMs ?? 0) - (b.told?.atMs ?? 0),
    )
  return groups
}

/** The same may come twice, after a reconnect. */
export function mergedSamples(known: readonly Sample[], told: readonly Sample[]): readonly Sample[] {
  if (told.length === 0) return known
  if (known.length === 0 || known.at(-1)!.atMs < told[0]!.atMs) return [...known, ...told]
  const byTime = new Map([...known, ...told].map((sample) => [sample.atMs, sample]))
  return [...byTime.values()].sort((a, b) => a.atMs - b.atMs)
}
