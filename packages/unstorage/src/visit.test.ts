/** The driver that is told of requests. (What the contract shows over HTTP is not shown again.) */

import type { Cluster } from 'sessionmesh'
import { createStorage, type Storage } from 'unstorage'
import { expect, test } from 'vitest'
import { type MeshDriver, meshDriver } from './driver.js'
import type { MeshDriverOptions } from './options.js'
import { coded, join, until } from './testing/harness.js'

interface Place {
  driver: MeshDriver
  storage: Storage
}

function placeOn(cluster: Cluster | undefined, options: Partial<MeshDriverOptions> = {}): Place {
  const driver = meshDriver({ cluster: cluster!, ...options })
  return { driver, storage: createStorage({ driver }) }
}

test('a save is the difference to what the visit got, field by field', async () => {
  const { driver, storage } = placeOn((await join(1))[0])
  await storage.setItem('key', { user: 'ada', city: 'paris' })
  const visit = driver.visit(undefined)
  const mine = await storage.getItem<Record<string, unknown>>('key', { visit })
  await storage.setItem('key', { user: 'ada', theirs: 1 })
  await storage.setItem('key', { ...mine, mine: 1 }, { visit })
  expect(await storage.getItem('key')).toEqual({ user: 'ada', theirs: 1, mine: 1 })
  // And the next one is the difference to that.
  await storage.setItem('key', { ...mine, mine: 2 }, { visit })
  expect(await storage.getItem('key')).toEqual({ user: 'ada', theirs: 1, mine: 2 })
  // Without a visit it is as with any driver.
  await storage.setItem('key', { ...mine })
  expect(await storage.getItem('key')).toEqual({ user: 'ada', city: 'paris' })
})

test('the base is what the visit got last: an older copy undoes what others stored in between', async () => {
  const { driver, storage } = placeOn((await join(1))[0])
  await storage.setItem('key', { user: 'ada' })
  const visit = driver.visit(undefined)
  const older = await storage.getItem<Record<string, unknown>>('key', { visit })
  await storage.setItem('key', { user: 'ada', theirs: 1 })
  const newer = await storage.getItem<Record<string, unknown>>('key', { visit })
  await storage.setItem('key', { ...newer, mine: 1 }, { visit })
  expect(await storage.getItem('key')).toEqual({ user: 'ada', theirs: 1, mine: 1 })
  await storage.setItem('key', { ...older, mine: 1 }, { visit })
  expect(await storage.getItem('key')).toEqual({ user: 'ada', mine: 1 })
})

test('what ended since a visit got it stays gone, and the visit is not bothered', async () => {
  const { driver, storage } = placeOn((await join(1))[0])
  await storage.setItem('key', { user: 'ada' })
  const visit = driver.visit(undefined)
  await storage.getItem('key', { visit })
  await storage.removeItem('key')
  for (let i = 0; i < 2; i++) await storage.setItem('key', { user: 'mallory' }, { visit })
  expect(await storage.getItem('key')).toBe(null)

  const short = driver.visit(undefined)
  await storage.setItem('short', { user: 'ada' }, { visit: short, ttl: 0.05 })
  await until('it is gone', async () => !(await storage.hasItem('short')))
  await storage.setItem('short', { user: 'mallory' }, { visit: short })
  expect(await storage.getItem('short')).toBe(null)
})

test('a visit that uses a key again which it removed, or found nothing under, is told', async () => {
  const { driver, storage } = placeOn((await join(1))[0])
  const visit = driver.visit(undefined)
  await storage.setItem('key', 1, { visit })
  await storage.removeItem('key', { visit })
  await expect(storage.setItem('key', 2, { visit })).rejects.toMatchObject(coded('SESSIONMESH_WRITE_DROPPED'))
  const next = driver.visit(undefined)
  expect(await storage.getItem('key', { visit: next })).toBe(null)
  await expect(storage.setItem('key', 2, { visit: next })).rejects.toMatchObject(
    coded('SESSIONMESH_WRITE_DROPPED'),
  )
})

test('its cookie goes where the app says, under the name that was chosen', async () => {
  const [a] = await join(2)
  const { driver, storage } = placeOn(a, { token: { cookieName: 'seen' } })
  await until('some member lacks what was just written', async () => {
    const visit = driver.visit('other=1')
    await storage.setItem(`key-${Math.random()}`, 1, { visit })
    const reach = { path: '/app', domain: 'example.org', secure: true, sameSite: 'strict' } as const
    const [line] = visit.cookies(reach)
    if (line === undefined) return false
    expect(line).toMatch(/^seen=[^;]+; /)
    expect(line.split('; ').slice(1).sort()).toEqual(
      ['Domain=example.org', 'HttpOnly', 'Path=/app', 'SameSite=Strict', 'Secure'].sort(),
    )
    const [plain] = visit.cookies()
    expect(plain?.split('; ').slice(1).sort()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax'])
    return true
  })
})

test('its cookie tells of every item of the request, in whatever storage it is', async () => {
  const [a] = await join(2)
  const [sessions, carts] = [placeOn(a, { base: 'sessions' }), placeOn(a, { base: 'carts' })]
  for (const order of ['first', 'last']) {
    await until(`what was written ${order} is told of`, async () => {
      const visit = sessions.driver.visit(undefined)
      const key = `key-${Math.random()}`
      if (order === 'first') await sessions.storage.setItem(key, 1, { visit })
      await carts.storage.getItem('nothing', { visit })
      if (order === 'last') await sessions.storage.setItem(key, 1, { visit })
      return visit.cookies().length === 1
    })
  }
})

test('who only asks whether an item is there has seen it', async () => {
  const { driver, storage } = placeOn((await join(2))[0])
  await until('some member lacks what was just written', async () => {
    const key = `key-${Math.random()}`
    await storage.setItem(key, 1)
    const visit = driver.visit(undefined)
    await storage.hasItem(key, { visit })
    return visit.cookies().length === 1
  })
})

test('no cookie where nothing was asked for, or read-your-writes is off', async () => {
  const [a] = await join(2)
  const { driver, storage } = placeOn(a, { readYourWrites: false })
  const visit = driver.visit(undefined)
  expect(visit.cookies()).toEqual([])
  expect(driver.visit('sessionmesh=old').cookies()).toEqual([])
  for (let i = 0; i < 20; i++) await storage.setItem(`key-${i}`, 1, { visit })
  expect(visit.cookies()).toEqual([])
})

test('a route cookie names the member, while there is a session', async () => {
  const [a] = await join(1, { memberName: 'web-1' })
  const { driver, storage } = placeOn(a, { route: true })
  const visit = driver.visit(undefined)
  await storage.setItem('old', 1, { visit })
  await storage.setItem('new', 1, { visit })
  await storage.removeItem('old', { visit })
  expect(visit.cookies()).toEqual([expect.stringMatching(/^route=web-1; /)])
  const last = driver.visit('route=web-1')
  await storage.removeItem('new', { visit: last })
  expect(last.cookies()).toEqual([expect.stringMatching(/^route=; .*Max-Age=0/)])
})
