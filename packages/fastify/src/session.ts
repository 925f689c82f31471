/** The one-line plugin: @fastify/session on a cluster's sessions, with read-your-writes. */

import { fastifyCookie } from '@fastify/cookie'
import { fastifySession } from '@fastify/session'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { newNotes } from 'sessionmesh/adapter'
import { Exchange, type Setup } from './exchange.js'
import {
  checkIsFirst,
  checkIsRegistered,
  checkOptions,
  DEFAULT_COOKIE_NAME,
  type MeshSessionOptions,
} from './options.js'
import { MeshStore } from './store.js'

/**
 * Registers @fastify/session, and before it @fastify/cookie unless it is there.
 *
 * `register` rejects with SessionMeshError `SESSIONMESH_BAD_OPTION`, or with what @fastify/session says of its own options.
 */
export const session: FastifyPluginAsync<MeshSessionOptions> = fastifyPlugin(sessionmesh, {
  fastify: '5.x',
  name: '@sessionmesh/fastify',
})

function sessionmesh(fastify: FastifyInstance, options: MeshSessionOptions): Promise<void> {
  // At once, so that it shows where the call is.
  checkIsRegistered(fastify)
  return register(fastify, options)
}

async function register(fastify: FastifyInstance, options: MeshSessionOptions): Promise<void> {
  const visits = checkOptions(options)
  checkIsFirst(fastify)
  const { cluster, acks, ttlMs, readYourWrites, token, route, secret, ...own } = options
  const store = new MeshStore({ sessions: visits.sessions, acks: visits.acks, ttlMs })
  const cookieName = own.cookieName ?? DEFAULT_COOKIE_NAME
  const setup: Setup = { store, rolling: own.rolling ?? true, cookieName }
  const exchanges = newNotes<Exchange>()

  if (!fastify.hasPlugin('@fastify/cookie')) await fastify.register(fastifyCookie)

  // Hooks run in the order of registration: these two before those of @fastify/session, the other two after.
  fastify.addHook('onRequest', (request, _reply, done) => {
    const exchange = new Exchange(setup, request, visits.begin(request.headers.cookie))
    exchanges.set(request, exchange)
    exchange.open()
    done()
  })
  fastify.addHook('onSend', (request, _reply, _payload, done) => {
    const exchange = exchanges.get(request)
    if (exchange === undefined) done()
    else exchange.beforeSave(done)
  })
  const cookie = { ...own.cookie, sameSite: own.cookie?.sameSite ?? 'lax' }
  await fastify.register(fastifySession, { ...own, secret: secret!, cookie, store })
  fastify.addHook('onRequest', (request, _reply, done) => {
    exchanges.get(request)?.opened()
    done()
  })
  fastify.addHook('onSend', async (request, reply) => exchanges.get(request)?.afterSave(reply))
}
