/** Several processes that share what node:cluster shares. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { compiled } from '../support/program.js'
import { within } from '../support/wait.js'

leaveNothingBehind()

test('workers of node:cluster find each other, each with a port of its own', async () => {
  const child = fork(compiled(import.meta.url, './workers.js'), [`workers of ${process.pid}`, '3'])
  onCleanUp(async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const [said] = await within('all workers see all', 20_000, once(child, 'message'))
  expect(said).toBe('linked')
})
