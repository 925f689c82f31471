/** A heap that fills up: it is told, no session begins any more, and those that there are go on. */

import { expect, test } from 'vitest'
import { leaveNothingBehind } from '../support/leaks.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause, until } from '../support/wait.js'

const HEAP_MIB = 96
const SESSION_BYTES = 20_000
/** Some 5 MB a second: the heap is looked at once a second. */
const PACE_MS = 4

leaveNothingBehind()

test('sessions are refused before the process ends for want of memory, and the others are served', async () => {
  const cluster = await ProcessCluster.start({
    members: ['a'],
    nodeOptions: [`--max-old-space-size=${HEAP_MIB}`],
  })
  const a = cluster.member('a')
  const payload = 'x'.repeat(SESSION_BYTES)
  let count = 0
  const refusal = await until(
    'a session is refused',
    async () => {
      for (let i = 0; i < 10; i++) {
        const code = await a.ask('write', `s${count}`, { payload, at: count }).then(
          () => undefined,
          (error: { code?: string }) => error.code,
        )
        if (code !== undefined) return code
        count++
        await pause(PACE_MS)
      }
      return undefined
    },
    { deadlineMs: 60_000, dump: () => [count, a.output] },
  )
  expect(refusal).toBe('SESSIONMESH_TOO_MANY_SESSIONS')
  const told = a.events.flatMap((event) =>
    event.name === 'warning' ? [event.detail as { code: string }] : [],
  )
  expect(told.map(({ code }) => code)).toContain('SESSIONMESH_SHORT_OF_MEMORY')

  // What there is is read, changed and ended.
  expect(await a.ask('load', 's0')).toMatchObject({ at: 0 })
  expect(await a.ask('write', 's0', { at: 'changed' })).toMatchObject({ outcome: 'changed' })
  expect((await a.ask('status')).sessions).toBe(count)
  for (let i = 1; i < count; i++) await a.ask('destroy', `s${i}`)
  await until('there is room again', async () => {
    return (await a.ask('write', 'another', { at: 1 }).catch(() => undefined))?.outcome === 'created'
  })
})
