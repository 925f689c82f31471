/** Whether members hold the same, by what they told: their digests, and where these are equal their fingerprints. */

import type { Convergence } from './mesh.js'
import type { Fingerprint, StampReport } from './types.js'

/** What is on its way is there by then; what is not is pulled. */
const IN_FLIGHT_MS = 1_500
/** Origins that are gone leave the digests of members one after the other. */
const LEAVING_MS = 10_000
/** Members of equal digest are walked over at different moments. */
const DIFFERS_MS = 3_000

export interface Standing {
  readonly id: string
  /** It answers. */
  readonly isHeard: boolean
  readonly digest: readonly StampReport[]
  readonly fingerprint?: Fingerprint | undefined
}

/** Those whose fingerprints are of one digest, by that. */
type Groups = ReadonlyMap<string, readonly Standing[]>

interface Lack {
  readonly wanted: StampReport
  readonly sinceMs: number
}

interface Before {
  verdict: Convergence['verdict']
  sinceMs: number
  lacks: Map<string, Lack>
  differsSinceMs: number | undefined
}

export class Convergences {
  readonly #before = new Map<string, Before>()

  /** @param living ids of those whose writes are still told of by all */
  judge(
    standings: readonly Standing[],
    living: ReadonlySet<string>,
    nowMs: number,
  ): Map<string, Convergence> {
    const heard = standings.filter(({ isHeard }) => isHeard)
    const latest = latestOf(heard)
    const groups = byDigest(heard)
    const odd = oddOnes(groups)
    const judged = new Map<string, Convergence>()
    for (const standing of standings) {
      const before = this.#before.get(standing.id) ?? {
        verdict: 'unknown',
        sinceMs: nowMs,
        lacks: new Map(),
        differsSinceMs: undefined,
      }
      this.#before.set(standing.id, before)
      const lacking = standing.isHeard ? lackingOf(standing, latest) : []
      before.lacks = new Map(
        lacking.map(({ wanted }) => [wanted.origin, this.#since(before, standing, wanted, nowMs)]),
      )
      before.differsSinceMs = odd.has(standing.id) ? (before.differsSinceMs ?? nowMs) : undefined
      const verdict = verdictOf(standing, before, living, nowMs)
      if (verdict !== before.verdict) {
        before.verdict = verdict
        before.sinceMs = sinceOf(verdict, before, nowMs)
      }
      judged.set(standing.id, {
        verdict,
        sinceMs: before.sinceMs,
        lacks: lacking.map(({ wanted, byMs }) => ({ origin: wanted.origin, byMs })),
        fingerprint: fingerprintOf(standing, groups),
      })
    }
    for (const id of this.#before.keys()) if (!judged.has(id)) this.#before.delete(id)
    return judged
  }

  /** As long as what was missed first is not there, it is the same lack, whatever came on top. */
  #since(before: Before, { digest }: Standing, wanted: StampReport, nowMs: number): Lack {
    const known = before.lacks.get(wanted.origin)
    const has = digest.find(({ origin }) => origin === wanted.origin)
    const isSame = known !== undefined && (has === undefined || isBefore(has, known.wanted))
    return isSame ? known : { wanted, sinceMs: nowMs }
  }
}

function verdictOf(
  { isHeard, digest }: Standing,
  { lacks, differsSinceMs }: Before,
  living: ReadonlySet<string>,
  nowMs: number,
): Convergence['verdict'] {
  if (!isHeard) return 'unknown'
  if (differsSinceMs !== undefined && nowMs - differsSinceMs >= DIFFERS_MS) return 'differs'
  if (lacks.size === 0) return 'identical'
  for (const [origin, { sinceMs }] of lacks) {
    const isLeaving = !living.has(origin) && !digest.some((stamp) => stamp.origin === origin)
    if (nowMs - sinceMs >= (isLeaving ? LEAVING_MS : IN_FLIGHT_MS)) return 'behind'
  }
  return 'following'
}

function sinceOf(verdict: Convergence['verdict'], before: Before, nowMs: number): number {
  if (verdict === 'behind') return Math.min(...[...before.lacks.values()].map(({ sinceMs }) => sinceMs))
  return verdict === 'differs' ? (before.differsSinceMs ?? nowMs) : nowMs
}

/** Of each origin the latest that anybody has merged. */
function latestOf(standings: readonly Standing[]): Map<string, StampReport> {
  const latest = new Map<string, StampReport>()
  for (const { digest } of standings)
    for (const stamp of digest) {
      const known = latest.get(stamp.origin)
      if (known === undefined || isBefore(known, stamp)) latest.set(stamp.origin, stamp)
    }
  return latest
}

function lackingOf(
  { id, digest }: Standing,
  latest: ReadonlyMap<string, StampReport>,
): { wanted: StampReport; byMs: number }[] {
  const lacking: { wanted: StampReport; byMs: number }[] = []
  for (const wanted of latest.values()) {
    // (Its own writes it has: others told later than it did.)
    if (wanted.origin === id) continue
    const has = digest.find(({ origin }) => origin === wanted.origin)
    if (has !== undefined && !isBefore(has, wanted)) continue
    lacking.push({ wanted, byMs: has === undefined ? 0 : wanted.timeMs - has.timeMs })
  }
  return lacking
}

/** Those that hold something else than another one of the same digest. */
function oddOnes(groups: Groups): Set<string> {
  const odd = new Set<string>()
  for (const group of groups.values()) {
    const differing = partsOf(group).some((part) => new Set(part.filter(saysSomething)).size > 1)
    if (differing) for (const { id } of group) odd.add(id)
  }
  return odd
}

function byDigest(standings: readonly Standing[]): Groups {
  const groups = new Map<string, Standing[]>()
  for (const standing of standings) {
    if (standing.fingerprint === undefined) continue
    const key = keyOf(standing.fingerprint.digest)
    groups.set(key, [...(groups.get(key) ?? []), standing])
  }
  return groups
}

function keyOf(digest: readonly StampReport[]): string {
  return digest
    .map(({ origin, timeMs, counter }) => `${origin} ${timeMs} ${counter}`)
    .sort()
    .join()
}

/** Of each part what each of the group says of it. */
function partsOf(group: readonly Standing[]): number[][] {
  const [first] = group
  return (first?.fingerprint?.parts ?? []).map((_, i) =>
    group.map(({ fingerprint }) => fingerprint?.parts[i] ?? -1),
  )
}

function saysSomething(part: number): boolean {
  return part >= 0
}

/** Over the parts of which all members of that digest say something: the same where they hold the same. */
function fingerprintOf({ digest, fingerprint }: Standing, groups: Groups): string | undefined {
  // (That of another moment would look like another state.)
  if (fingerprint === undefined || keyOf(fingerprint.digest) !== keyOf(digest)) return undefined
  const group = groups.get(keyOf(fingerprint.digest)) ?? []
  let hash: number | undefined
  for (const [i, parts] of partsOf(group).entries())
    if (parts.every(saysSomething))
      hash = Math.imul((hash ?? 0x811c9dc5) ^ fingerprint.parts[i]!, 0x01000193) >>> 0
  return hash?.toString(16).padStart(8, '0')
}

function isBefore(a: StampReport, b: StampReport): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.counter < b.counter)
}
