/** What happened, in figures. */

export interface Tally {
  requests: number
  /** Nobody listened: sent to another server. */
  refused: number
  /** The connection broke after the request had gone out. */
  broken: number
  /** Answered that the acks asked for had not come. */
  missedAcks: number
  /** Answers that say that the member counted a stale read, a lost write, while this one waited. */
  stale: number
  lost: number
  /** Those of them that were wrong without it. */
  excused: number
  logouts: number
}

export function emptyTally(): Tally {
  return {
    requests: 0,
    refused: 0,
    broken: 0,
    missedAcks: 0,
    stale: 0,
    lost: 0,
    excused: 0,
    logouts: 0,
  }
}

export function add(total: Tally, part: Tally): void {
  for (const key of Object.keys(part) as (keyof Tally)[]) total[key] += part[key]
}

export function describeTally(tally: Tally): string {
  return Object.entries(tally)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
