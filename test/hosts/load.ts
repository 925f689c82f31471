/** A process on a host of its own: users who go from server to server, until it is told to stop. */

import { cleanUp } from '../support/cleanup.js'
import { CheckingUser, emptyTally } from '../support/users.js'
import { LOAD_VARIABLE, type LoadSettings } from './client.js'

const { urls, users }: LoadSettings = JSON.parse(process.env[LOAD_VARIABLE] ?? '{}')
const tally = emptyTally()
let isOver = false
let turn = 0

process.once('disconnect', () => process.exit(1))
process.once('message', () => {
  isOver = true
})

async function live(user: CheckingUser): Promise<void> {
  while (!isOver) {
    const first = turn++ % urls.length
    await user.act([...urls.slice(first), ...urls.slice(0, first)], turn)
  }
}

await Promise.all(Array.from({ length: users }, (_, i) => live(new CheckingUser(`user${i}`, tally))))
await cleanUp()
process.send?.(tally, () => process.exit(0))
