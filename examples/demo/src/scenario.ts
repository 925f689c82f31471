/** What happens to the servers while the users shop. It reads like what a person would try. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Crowd } from './crowd.js'
import type { Fleet, Server } from './fleet.js'

/** Far beyond what any step needs; reached only when something is broken. */
const STEP_MS = 10_000

export async function runScenario(fleet: Fleet, crowd: Crowd, step: (what: string) => void): Promise<void> {
  const [first, second, third] = [fleet.server(1), fleet.server(2), fleet.server(3)]

  step(`${crowd.size} users go shopping`)
  const visits = crowd.enter()
  // A user who gets no answer any more ends the scenario at once.
  await Promise.race([visits, upheavals()])

  step('the users pause; every server is asked for every session')
  await crowd.leave()
  await crowd.audit(fleet.servers.map(({ name, port }) => ({ name, origin: `http://127.0.0.1:${port}` })))

  async function upheavals(): Promise<void> {
    await pause(4_000)

    step(`${first.name} is killed under load, and comes back`)
    await fleet.kill(first.number)
    await others(first, 'dead')
    await pause(3_000)
    await comesBack(first)

    if (process.platform !== 'win32') {
      step(`${second.name} is frozen, and thawed`)
      fleet.freeze(second.number)
      await others(second, 'dead')
      await pause(2_500)
      fleet.thaw(second.number)
      await others(second, 'alive')
      await pause(2_000)
    }

    step(`${third.name} leaves gracefully, and comes back`)
    await fleet.leave(third.number)
    await others(third, 'left')
    await pause(2_000)
    await comesBack(third)
  }

  async function others(server: Server, verdict: 'alive' | 'dead' | 'left'): Promise<void> {
    await fleet.until(
      `${server.name} is ${verdict} for the others`,
      () => fleet.verdict(server) === verdict,
      STEP_MS,
    )
  }

  async function comesBack(server: Server): Promise<void> {
    await fleet.start(server.number)
    await others(server, 'alive')
    await pause(2_000)
  }
}
