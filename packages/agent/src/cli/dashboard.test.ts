import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { cleanUp, onCleanUp } from '../../../../test/support/cleanup.js'
import { listening } from '../../../../test/support/listening.js'
import { sketch } from '../../test/picture.js'
import { Dashboard } from './dashboard.js'

const WANTED = { samples: 2, events: 10 }

afterEach(cleanUp)

async function serve(listener: RequestListener): Promise<string> {
  const { origin, close } = await listening(createServer(listener))
  onCleanUp(close)
  return origin
}

const ask = (url: string, headers: Record<string, string> = {}) =>
  new Dashboard(new URL(url), new Headers(headers)).ask(WANTED)

async function failure(asked: Promise<unknown>): Promise<{ message: string; isLasting: boolean }> {
  return asked.then(
    () => {
      throw new Error('it was answered')
    },
    (error) => error,
  )
}

test.each(['/mesh', '/mesh/', '/mesh?team=shop'])('asks below %s', async (path) => {
  const asked: IncomingMessage[] = []
  const json = JSON.stringify(sketch({ a: {} }))
  const origin = await serve((req, res) => {
    asked.push(req)
    res.end(json)
  })

  const answer = await ask(`${origin}${path}`, { 'x-team': 'shop' })
  expect(answer.json).toBe(json)
  expect(answer.picture.members[0]?.name).toBe('a')
  const url = new URL(asked[0]?.url ?? '', origin)
  expect(url.pathname).toBe('/mesh/mesh.json')
  expect(url.searchParams.get('samples')).toBe('2')
  expect(url.searchParams.get('events')).toBe('10')
  expect(url.searchParams.get('team')).toBe(path.includes('?') ? 'shop' : null)
  expect(asked[0]?.headers['x-team']).toBe('shop')
})

test('user and password of the address authorise, and are told nowhere', async () => {
  const origin = await serve((req, res) => {
    res.writeHead(403).end(`no: ${req.headers.authorization}, ${req.url}`)
  })
  const address = `${origin.replace('//', '//ada:l%40velace@')}/mesh?key=sesame`
  const { message } = await failure(ask(address))

  expect(message).toContain(`${origin}/mesh refuses (403): no: ***`)
  expect(message).not.toMatch(/ada:|l@velace|l%40velace|sesame|YWRhOm/)
})

test.each([401, 403])('%i: what the server said, and how to authorise', async (status) => {
  const origin = await serve((req, res) => {
    const message = `the token ${req.headers.authorization?.slice('Bearer '.length)} \x1b[2Jis over`
    res.writeHead(status).end(JSON.stringify({ code: 'forbidden', message }))
  })
  const { message, isLasting } = await failure(ask(`${origin}/mesh`, { authorization: 'Bearer s3same' }))

  expect(message).toContain(`refuses (${status}): the token *** is over\n`)
  expect(message).toContain("--header 'authorization: Bearer …'")
  expect(isLasting).toBe(true)
})

test('what is secret goes to no other address', async () => {
  let isAsked = false
  const other = await serve((_, res) => {
    isAsked = true
    res.end('{}')
  })
  const origin = await serve((_, res) => {
    res.writeHead(302, { location: `${other}/login?back=%2Fmesh` }).end()
  })
  const { message } = await failure(ask(`${origin}/mesh`, { 'x-key': 's3same' }))

  expect(message).toContain(`sends elsewhere (302), to ${other}/login\n`)
  expect(isAsked).toBe(false)
})

test.each([
  [404, 'text/plain', 'not here', 'There is no dashboard at', '(404): not here', true],
  [502, 'text/html', '<style>b{}</style><h1>Bad gateway</h1>', 'answers with 502: Bad gateway', '', false],
  [503, 'text/plain', '', 'answers with 503', '', false],
  [200, 'text/html', '<h1>Shop</h1>', 'is no dashboard of sessionmesh (it is not JSON)', '', true],
  [200, 'application/json', '{}', 'is no dashboard of sessionmesh (cluster: no text)', '', true],
])('%i with %s %j', async (status, type, body, words, more, isLasting) => {
  const origin = await serve((_, res) => {
    res.writeHead(status, { 'content-type': type }).end(body)
  })
  const error = await failure(ask(`${origin}/mesh`))

  expect(error.message).toContain(words)
  expect(error.message).toContain(more)
  expect(error.isLasting).toBe(isLasting)
})

test('who cannot be reached, and why', async () => {
  const { origin, close } = await listening(createServer())
  await close()
  const gone = await failure(ask(`${origin}/mesh`))
  expect(gone.message).toBe(`${origin}/mesh cannot be reached: nobody listens there (ECONNREFUSED)`)
  expect(gone.isLasting).toBe(false)

  const breaking = await serve((req) => req.socket.destroy())
  expect((await failure(ask(breaking))).message).toContain('cannot be reached: it broke off')
})
