/** The oldest Hono that this package takes, in place of the current one: its app, context, cookies and streams. */

import { stream } from 'hono/streaming'
import { expect, test, vi } from 'vitest'
import { appOn, Client, join, serve } from './testing/harness.js'

vi.mock('hono', () => import('hono46'))
vi.mock('hono/cookie', () => import('hono46/cookie'))
vi.mock('hono/utils/cookie', () => import('hono46/utils/cookie'))
vi.mock('hono/streaming', () => import('hono46/streaming'))

test('sessions on Hono 4.6', async () => {
  const { Hono } = await import('hono')
  expect(Hono).toBe((await import('hono46')).Hono)
  const errors: unknown[] = []
  const sites = (await join(2)).map((member) => {
    const app = appOn(member, { secret: ['new', 'old'], cookie: { maxAge: 60 } }, errors)
    app
      .get('/count', (c) => {
        const session = c.get('session')
        session.set('count', (session.get('count') ?? 0) + 1)
        return c.json(session.data)
      })
      .get('/stream', (c) => {
        const session = c.get('session')
        session.set('count', (session.get('count') ?? 0) + 1)
        return stream(c, async (body) => {
          await body.write(JSON.stringify(session.data))
        })
      })
      .get('/bad', (c) => {
        c.get('session').set('value', () => 1)
        return c.body('much too long', 200, { 'Content-Length': '13' })
      })
      .get('/logout', async (c) => {
        await c.get('session').destroy()
        return c.text('out')
      })
    return serve(app)
  })
  const origins = await Promise.all(sites)
  const client = new Client()
  for (let count = 1; count <= 10; count++) {
    const path = count % 3 ? 'count' : 'stream'
    expect((await client.get(`${origins[count % 2]}/${path}`)).text).toBe(`{"count":${count}}`)
  }
  expect(await client.get(`${origins[0]}/bad`)).toMatchObject({ status: 500, text: 'failed' })
  expect(errors).toEqual([expect.objectContaining({ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' })])
  expect((await client.get(`${origins[1]}/logout`)).set.sid).toMatch(/^sid=; Max-Age=0;/)
  expect((await client.get(`${origins[0]}/count`)).text).toBe('{"count":1}')
})
