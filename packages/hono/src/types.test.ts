/** That `c.get('session')` knows what an application has declared (see testing/harness.ts). */

import { Hono } from 'hono'
import { expectTypeOf, test } from 'vitest'
import type { Session } from './index.js'
import './testing/harness.js'

test('attributes have the types that were declared', () => {
  new Hono().get('/', async (c) => {
    const session = c.get('session')
    expectTypeOf(session).toEqualTypeOf<Session>()
    expectTypeOf(c.var.session.data.cart).toEqualTypeOf<string[] | undefined>()
    expectTypeOf(session.get('count')).toEqualTypeOf<number | undefined>()
    session.set('user', 'ada')
    await session.regenerate(['user', 'cart'])
    // @ts-expect-error a number
    session.set('user', 7)
    // @ts-expect-error nobody declared it
    session.get('usre')
    // @ts-expect-error nobody declared it
    session.data.usre = 'ada'
    return c.text('ok')
  })
})

test('an app can have types of its own', () => {
  new Hono<{ Variables: { session: Session<{ step: number }> } }>().get('/', (c) => {
    expectTypeOf(c.get('session').get('step')).toEqualTypeOf<number | undefined>()
    // @ts-expect-error a text
    c.get('session').set('step', 'one')
    return c.text('ok')
  })
})
