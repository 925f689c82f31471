/** What a person needs to find out what went wrong: the faults, what the client saw, what the members reported. */

import type { ProcessCluster } from '../process-cluster.js'
import { describeFault, type Fault } from './faults.js'
import { Violation } from './violation.js'

const EVENTS_SHOWN = 40

/** @param startMs on the wall clock: events since then are shown, the latest of each member. */
export async function account(
  where: string,
  faults: readonly Fault[],
  cluster: ProcessCluster,
  startMs: number,
  error: unknown,
): Promise<string> {
  const events = cluster
    .all()
    .flatMap(({ name, events }) => events.slice(-EVENTS_SHOWN).map((event) => ({ name, event })))
    .filter(({ event }) => event.at >= startMs)
    .sort((a, b) => a.event.at - b.event.at)
    .map(({ name, event }) => `${clock(event.at)} ${name} ${event.name} ${JSON.stringify(event.detail)}`)
  const history = error instanceof Violation ? error.history : []
  return [
    `${where}: ${error instanceof Error ? error.message : String(error)}`,
    'The same faults are drawn again by the same seed; what the processes make of them may differ.',
    `faults from ${clock(startMs)} on: ${faults.map(describeFault).join(' + ')}`,
    '--- what the client saw',
    ...history,
    '--- what the members reported',
    ...events,
    ...cluster
      .all()
      .filter((member) => !member.isRunning)
      .map(({ name, output }) => `--- ${name} does not run; its last words: ${output}`),
    '--- what they are like now',
    ...(await cluster.dump(cluster.running())).map((part) =>
      typeof part === 'string' ? part : JSON.stringify(part),
    ),
  ].join('\n')
}

function clock(atMs: number): string {
  return new Date(atMs).toISOString().slice(14, 23)
}
