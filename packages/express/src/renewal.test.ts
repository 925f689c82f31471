/** When the session's cookie is sent again: as express-session does it with its own store, whatever it is told of a session. */
import express, { type Request, type RequestHandler } from 'express'
import expressSession, { type SessionOptions } from 'express-session'
import { expect, test } from 'vitest'
import { session } from './session.js'
import { appOn, Client, collectErrors, DEFAULTS, join, serve } from './testing/harness.js'

type Act = (req: Request, done: (error?: unknown) => void) => void

const dated = { cookie: { maxAge: 60_000 } }
const acts: Record<string, Act> = {
  'only reads': (req, done) => done(req.session.cookie ? undefined : new Error('no session')),
  'changes an attribute': (req, done) => {
    req.session.user = 'eve'
    done()
  },
  'changes an attribute in depth': (req, done) => {
    req.session.cart?.push('book')
    done()
  },
  'saves what it did not change': (req, done) => req.session.save(done),
  'changes and saves': (req, done) => {
    req.session.user = 'eve'
    req.session.save(done)
  },
  'reloads what nobody changed': (req, done) => void req.session.reload(done),
  'reloads and changes': (req, done) => {
    req.session.reload((error) => {
      req.session.user = 'eve'
      done(error)
    })
  },
  'gives the cookie another date': (req, done) => {
    req.session.cookie.maxAge = 90_000
    done()
  },
  'saves twice, and changes between': (req, done) => {
    req.session.save((error) => {
      if (error) return done(error)
      req.session.user = 'eve'
      req.session.save(done)
    })
  },
}

async function cookiesOf(sessions: RequestHandler, act: Act): Promise<(string | undefined)[]> {
  const app = express()
  app.use(sessions)
  app.get('/begin', (req, res) => {
    req.session.user = 'ada'
    req.session.cart = []
    res.send('begun')
  })
  app.get('/act', (req, res, next) => act(req, (error) => (error ? next(error) : res.send('done'))))
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/begin`)
  const answers: (string | undefined)[] = []
  for (let i = 0; i < 2; i++) {
    const { status, set } = await client.get(`${origin}/act`)
    expect(status).toBe(200)
    answers.push(set['connect.sid'] === undefined ? undefined : 'sent')
  }
  return answers
}

const optionSets: Record<string, Partial<SessionOptions>> = {
  'without a date': {},
  dated,
  'dated, resave': { ...dated, resave: true },
  'dated, rolling': { ...dated, rolling: true },
}

for (const [which, options] of Object.entries(optionSets)) {
  test.each(Object.entries(acts))(`${which}: a handler that %s`, async (_, act) => {
    const [cluster] = await join(1)
    const { secret, saveUninitialized } = DEFAULTS
    const common = { secret, saveUninitialized, resave: false, ...options }
    const ours = await cookiesOf(session({ cluster: cluster!, ...common }), act)
    expect(ours).toEqual(await cookiesOf(expressSession(common), act))
  })
}

test('what could not be saved with the headers, and is mended before the end, is saved at the end', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!)
  app.get('/begin', (req, res) => {
    req.session.user = 'ada'
    res.send('begun')
  })
  app.get('/stream', (req, res) => {
    const session = req.session as unknown as Record<string, unknown>
    session.cart = () => 'no data'
    res.write('a')
    session.cart = ['book']
    res.end('b')
  })
  app.get('/cart', (req, res) => void res.json(req.session.cart))
  const errors = collectErrors(app)
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/begin`)
  await client.get(`${origin}/stream`)
  expect(errors).toMatchObject([{ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' }])
  expect((await client.get(`${origin}/cart`)).text).toBe('["book"]')
})
