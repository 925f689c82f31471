/** Items are typed as unstorage types them; this file has to compile. */

import { createStorage, type Driver, type Storage } from 'unstorage'
import { expect, expectTypeOf, test } from 'vitest'
import { type MeshDriver, type MeshTransactionOptions, meshDriver, type StorageVisit } from './index.js'
import { join } from './testing/harness.js'

interface Session {
  user: string
  cart?: string[]
}

test('a storage of sessions', async () => {
  const [cluster] = await join(1)
  const driver = meshDriver({ cluster: cluster! })
  expectTypeOf(driver).toExtend<Driver>()
  expectTypeOf<MeshDriver>().toEqualTypeOf(driver)
  expectTypeOf(driver.visit(undefined)).toEqualTypeOf<StorageVisit>()

  const storage = createStorage<Session>({ driver })
  expectTypeOf(storage).toEqualTypeOf<Storage<Session>>()
  const options: MeshTransactionOptions = { visit: driver.visit(null), ttl: 60 }
  await storage.setItem('key', { user: 'ada' }, options)
  const session = await storage.getItem('key', options)
  expectTypeOf(session).toEqualTypeOf<Session | null>()
  expect(session?.user).toBe('ada')
  // @ts-expect-error of the wrong type
  await storage.setItem('key', { user: 7 })
  // @ts-expect-error of no known name
  const mistake: MeshTransactionOptions = { ttlMs: 60 }
  expect(mistake).toBeDefined()
})
