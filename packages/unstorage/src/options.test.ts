/** Mistakes are told when the driver is made, or by the call that makes them, with what to do about them. */

import { createStorage } from 'unstorage'
import { expect, test } from 'vitest'
import { meshDriver } from './driver.js'
import { coded, join } from './testing/harness.js'

test.each<[object, RegExp]>([
  [{ cluster: undefined }, /await it first/],
  [{ acks: 'two' }, /acks is "two"/],
  [{ ttlMs: -4 }, /ttlMs is -4/],
  [{ ttl: 60 }, /ttl is not an option of meshDriver\(\)\. Known are: cluster, acks, ttlMs, .*base/],
  [{ readYourWrites: 'no' }, /readYourWrites is "no"/],
  [{ token: { cookieName: 'a b' } }, /no cookie name/],
  [{ base: '' }, /base is ""; give names/],
  [{ base: 7 }, /base is 7/],
  [{ base: ':' }, /base is ":"/],
  [{ base: 'a::b' }, /base is "a::b"/],
  [{ base: 'a/b' }, /base is "a\/b"/],
])('meshDriver(%o)', async (options, message) => {
  const [cluster] = await join(1)
  const call = () => Reflect.apply(meshDriver, undefined, [{ cluster, ...options }])
  expect(call).toThrow(expect.objectContaining(coded('SESSIONMESH_BAD_OPTION')))
  expect(call).toThrow(message)
})

test('meshDriver() of the cluster itself, or of nothing', async () => {
  const [cluster] = await join(1)
  expect(() => Reflect.apply(meshDriver, undefined, [cluster])).toThrow(/give \{ cluster \}/)
  expect(() => Reflect.apply(meshDriver, undefined, [])).toThrow(/takes an object/)
})

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '60', null])('a ttl of %o', async (ttl) => {
  const [cluster] = await join(1)
  const storage = createStorage({ driver: meshDriver({ cluster: cluster! }) })
  const storing = storage.setItem('key', { user: 'ada' }, { ttl })
  await expect(storing).rejects.toMatchObject(coded('SESSIONMESH_BAD_OPTION'))
  await expect(storing).rejects.toThrow(/a number of seconds above 0/)
  expect(await storage.hasItem('key')).toBe(false)
})

test('a visit that is none', async () => {
  const [cluster] = await join(1)
  const storage = createStorage({ driver: meshDriver({ cluster: cluster! }) })
  for (const visit of [{}, 'a cookie', null]) {
    for (const call of [
      () => storage.getItem('key', { visit }),
      () => storage.hasItem('key', { visit }),
      () => storage.setItem('key', 1, { visit }),
      () => storage.removeItem('key', { visit }),
    ]) {
      await expect(call()).rejects.toThrow(/visit must be what visit\(\) of the driver gives/)
    }
  }
})
