/** What TypeScript knows of a session: what its storage was told. Wrong lines here fail the build. */

import type { Session, SessionStorage } from 'react-router'
import { expect, expectTypeOf, test } from 'vitest'
import { createMeshSessionStorage, type MeshSessionStorage } from './index.js'
import { join } from './testing/harness.js'

interface SessionData {
  user: string
  views: number
}

interface FlashData {
  notice: string
}

test('data and flash data are typed, and everything is a SessionStorage', async () => {
  const [cluster] = await join(1)
  const storage = createMeshSessionStorage<SessionData, FlashData>({ cluster: cluster! })
  expectTypeOf(storage).toEqualTypeOf<MeshSessionStorage<SessionData, FlashData>>()
  expectTypeOf(storage).toExtend<SessionStorage<SessionData, FlashData>>()

  const session = await storage.getSession(null)
  expectTypeOf(session).toEqualTypeOf<Session<SessionData, FlashData>>()
  session.set('views', 1)
  session.flash('notice', 'saved')
  // @ts-expect-error It is a number.
  session.set('views', '1')
  // @ts-expect-error Nobody has declared it.
  session.get('cart')
  expectTypeOf(session.get('user')).toEqualTypeOf<string | undefined>()
  expectTypeOf(session.get('notice')).toEqualTypeOf<string | undefined>()

  storage.renewSession(session)
  // @ts-expect-error Not a session.
  expect(() => storage.renewSession('sid')).toThrow()
  expectTypeOf(storage.commitSession).returns.resolves.toBeString()
})

test('undeclared, a session takes anything', async () => {
  const [cluster] = await join(1)
  const { getSession } = createMeshSessionStorage({ cluster: cluster! })
  const session = await getSession()
  session.set('cart', ['book'])
  expect(session.get('cart')).toEqual(['book'])
})
