/** What happened to the writes, in figures. */

export interface Tally {
  /** Requests that began. */
  begun: number
  answered: number
  /** Of those that were answered as they should: what was done … */
  created: number
  changed: number
  destroyed: number
  /** … sessions that nobody used again … */
  visits: number
  /** … and the acks that were waited for. */
  none: number
  one: number
  all: number
  /** Answered that the acks asked for had not come. */
  missedAcks: number
  /** Nobody listened: sent to another server. */
  refused: number
  /** The connection broke after the request had gone out. */
  broken: number
  /** No answer in the time that a user waits: with the session. */
  givenUp: number
  /** Answers that say that they are stale, or that a write is lost to them … */
  stale: number
  lost: number
  /** … and those of them that did lack something. */
  excused: number
  /** Not begun, as too many waited for an answer, or the cluster did not become whole. */
  withheld: number
}

export function emptyTally(): Tally {
  return {
    begun: 0,
    answered: 0,
    created: 0,
    changed: 0,
    destroyed: 0,
    visits: 0,
    none: 0,
    one: 0,
    all: 0,
    missedAcks: 0,
    refused: 0,
    broken: 0,
    givenUp: 0,
    stale: 0,
    lost: 0,
    excused: 0,
    withheld: 0,
  }
}
