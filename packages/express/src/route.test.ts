/** The cookie by which a load balancer may send a client where it was served last. */

import { expect, test } from 'vitest'
import { appOn, Client, join, serve, until } from './testing/harness.js'

async function sites(options: object = { route: true }) {
  const members = await join(2)
  const origins = await Promise.all(
    members.map((cluster) => {
      const app = appOn(cluster, options)
      app.get('/login', (req, res) => {
        req.session.user = 'ada'
        res.send('in')
      })
      app.get('/', (req, res) => {
        res.send(req.session.user ?? 'nobody')
      })
      app.get('/logout', (req, res) => {
        req.session.destroy(() => res.send('out'))
      })
      return serve(app)
    }),
  )
  const [a, b] = members
  const [ofA, ofB] = origins
  return { a: a!, b: b!, ofA: ofA!, ofB: ofB! }
}

test('names the member that served a session, and another one once that has', async () => {
  const { a, b, ofA, ofB } = await sites()
  const client = new Client()
  const { set } = await client.get(`${ofA}/login`)
  // As it stands: a load balancer compares it with the names in its configuration.
  expect(set.route).toBe(`route=${a.self.name}; Path=/; HttpOnly; SameSite=Lax`)
  expect((await client.get(ofA)).set.route).toBeUndefined()
  expect((await client.get(ofB)).set.route).toContain(`route=${b.self.name};`)
  expect((await client.get(ofB)).set.route).toBeUndefined()
})

test('is not for who has no session, and goes with it', async () => {
  const { ofA } = await sites()
  const client = new Client()
  expect((await client.get(ofA)).set.route).toBeUndefined()
  await client.get(`${ofA}/login`)
  expect((await client.get(`${ofA}/logout`)).set.route).toMatch(/^route=; Max-Age=0/)
  expect(client.cookies.has('route')).toBe(false)
})

test('is dropped by a member that drains, so that the client goes elsewhere', async () => {
  const { a, b, ofA, ofB } = await sites({ route: { cookieName: 'node' } })
  const client = new Client()
  await client.get(`${ofA}/login`)
  await until('b has it', () => b.sessions.size === 1)
  a.drain()
  expect((await client.get(ofA)).text).toBe('ada')
  expect(client.cookies.has('node')).toBe(false)
  await client.get(ofB)
  expect(client.cookies.get('node')).toBe(b.self.name)
})

test('is not sent unless it is asked for', async () => {
  const { ofA } = await sites({})
  expect((await new Client().get(`${ofA}/login`)).set.route).toBeUndefined()
})

test('needs a name of the member that fits a cookie', async () => {
  const [cluster] = await join(1, { memberName: 'web 1; a' })
  expect(() => appOn(cluster!, { route: true })).toThrow(
    /memberName "web 1; a" cannot stand in the route cookie/,
  )
  appOn(cluster!, {})
})
