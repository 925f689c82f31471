/** Memory that fills up: sessions are refused before a process ends for want of it, and those that there are go on. */

import { expect, test } from 'vitest'
import { leaveNothingBehind } from '../support/leaks.js'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause, until } from '../support/wait.js'

const SMALL = ['--max-old-space-size=96']
const SESSION_BYTES = 20_000
/** More than fits into such a heap. */
const TOO_MANY = 10_000
/** Some 5 MB a second: the heap is looked at once a second. */
const PACE_MS = 4

leaveNothingBehind()

/** Writes sessions until one is refused. Gives how many there are then, and the code. */
async function fill(
  member: MemberProcess,
  paceMs: number,
): Promise<{ count: number; code: string | undefined }> {
  const payload = 'x'.repeat(SESSION_BYTES)
  for (let count = 0; count < TOO_MANY; count++) {
    const code = await member.ask('write', `s${count}`, { payload, at: count }).then(
      () => undefined,
      (error: { code?: string }) => error.code ?? String(error),
    )
    if (code !== undefined) return { count, code }
    if (paceMs > 0) await pause(paceMs)
  }
  return { count: TOO_MANY, code: undefined }
}

function warningsOf(member: MemberProcess): string[] {
  return member.events.flatMap((event) =>
    event.name === 'warning' ? [(event.detail as { code: string }).code] : [],
  )
}

async function othersGoOn(member: MemberProcess, count: number): Promise<void> {
  expect(await member.ask('load', 's0')).toMatchObject({ at: 0 })
  expect(await member.ask('write', 's0', { at: 'changed' })).toMatchObject({ outcome: 'changed' })
  expect((await member.ask('status')).sessions).toBe(count)
  for (let i = 1; i < count; i++) await member.ask('destroy', `s${i}`)
  // (What is gone is garbage until V8 needs its place.)
  const payload = 'x'.repeat(SESSION_BYTES)
  await until('there is room again', async () => {
    for (let i = 0; i < 20; i++) await member.ask('write', 's0', { payload, at: i })
    return (await member.ask('write', 'another', { at: 1 }).catch(() => undefined))?.outcome === 'created'
  })
}

test('by their bytes, however quickly they come: two fifths of the heap is for sessions', async () => {
  const cluster = await ProcessCluster.start({ members: ['a'], nodeOptions: SMALL })
  const a = cluster.member('a')
  const { count, code } = await fill(a, 0)
  expect(code, a.output).toBe('SESSIONMESH_TOO_MANY_SESSIONS')
  await othersGoOn(a, count)
})

test('what another member brings is cut off before it ends a member with a smaller heap', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b'] })
  const [a, b] = [cluster.member('a'), cluster.member('b')]
  await a.terminate()
  Object.assign(a.settings, { nodeOptions: SMALL })
  await a.start()
  await cluster.linked()
  const filled = fill(b, 0)
  await until('a is told', () => warningsOf(a).includes('SESSIONMESH_TOO_MANY_SESSIONS'), {
    deadlineMs: 60_000,
  })
  expect(await filled).toEqual({ count: TOO_MANY, code: undefined })
  expect(await a.ask('load', 's0')).toMatchObject({ at: 0 })
  expect(a.isRunning).toBe(true)
})

test('by the heap, where something else fills it', async () => {
  const cluster = await ProcessCluster.start({
    members: ['a'],
    nodeOptions: SMALL,
    cluster: { config: { maxTotalBytes: 1e12 } },
  })
  const a = cluster.member('a')
  const { count, code } = await fill(a, PACE_MS)
  expect(code, a.output).toBe('SESSIONMESH_TOO_MANY_SESSIONS')
  expect(warningsOf(a)).toContain('SESSIONMESH_SHORT_OF_MEMORY')
  await othersGoOn(a, count)
})
