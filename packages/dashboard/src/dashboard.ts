/** The handler: who may come in, which address is what. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Cluster } from 'sessionmesh'
import { badOption } from 'sessionmesh/adapter'
import { MeshWatch } from 'sessionmesh/diagnostics'
import { giveToken, isFromHere, isOfPage } from './access.js'
import type { About, Destroyed, Found, Refusal } from './api.js'
import { type Asset, readAssets } from './assets.js'
import { LiveStreams } from './live.js'
import { type DashboardOptions, resolveOptions } from './options.js'
import { Refs, TooManyError } from './refs.js'
import { messageOf, Shown } from './shown.js'

/** A handler of `node:http`, and a middleware of Express: what is not there is answered 404, and never handed on. */
export type DashboardHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
) => void

const MAX_BODY_BYTES = 64 * 1024
const MAX_FOUND = 100

class Refused extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/**
 * A page that shows the whole cluster as it lives, by what its members tell each other: `app.use('/mesh', dashboard(cluster))`.
 * Unless `authorize` says who else may see it, it is for who asks from this very machine.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
 */
export function dashboard<Req extends IncomingMessage = IncomingMessage>(
  cluster: Cluster,
  options: DashboardOptions<Req> = {},
): DashboardHandler {
  const { authorize, reveal, path, actions } = resolveOptions(cluster, options)
  const assets = readAssets()
  const watch = new MeshWatch(cluster)
  const refs = new Refs(cluster.sessions)
  const shown = new Shown(cluster, watch, refs, reveal)
  const live = new LiveStreams(cluster, watch, shown)

  return (req, res, next) => {
    answer(req, res).catch((error: unknown) => {
      if (error instanceof Refused) return refuse(res, error)
      if (next !== undefined && !res.headersSent) return next(error)
      console.error(error)
      refuse(res, new Refused(500, 'failed', 'The dashboard failed; the server has written down why.'))
    })
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    protect(res)
    await checkAccess(req)
    const { mount, rest, query, isBare } = addressOf(req, path)
    if (isBare) return redirect(res, req)
    if (req.method === 'POST') return change(req, res, rest)
    if (req.method !== 'GET' && req.method !== 'HEAD')
      throw new Refused(405, 'bad-request', `${req.method} is none of GET and POST`)
    const asset = assets.get(rest)
    if (asset !== undefined) return sendAsset(req, res, asset)
    switch (rest) {
      case 'about':
        return sendJson(res, about(giveToken(req, res)))
      case 'mesh.json':
        return sendJson(
          res,
          shown.picture(await watch.picture(), count(query, 'samples'), count(query, 'events')),
        )
      case 'live':
        // (It would never end.)
        if (req.method === 'HEAD') throw new Refused(405, 'bad-request', 'live is for GET')
        return live.add(res, lastHeardOf(req))
      default:
        throw new Refused(
          404,
          'not-found',
          `There is no ${rest} here: the dashboard takes itself to be at ${mount || '/'}. Mount it with ` +
            "app.use('/mesh', dashboard(cluster)), or say dashboard(cluster, { path: '/mesh' }).",
        )
    }
  }

  async function checkAccess(req: IncomingMessage): Promise<void> {
    if (authorize === undefined) {
      if (isFromHere(req)) return
      throw new Refused(
        403,
        'this-machine-only',
        'This dashboard is for who asks from its own machine, and as localhost, and not by way of a proxy: its mount does not say ' +
          'who else may see it. Let dashboard(cluster, { authorize: (req) => … }) decide, or come through an ssh tunnel.',
      )
    }
    const isAllowed: unknown = await authorize(req)
    if (isAllowed === true) return
    // What is neither may be meant as either.
    if (isAllowed !== false && isAllowed !== undefined && isAllowed !== null)
      throw badOption(`authorize of dashboard() says true or false; it said a ${typeof isAllowed}`)
    throw new Refused(403, 'forbidden', 'You may not see this dashboard: its `authorize` says no.')
  }

  async function change(req: IncomingMessage, res: ServerResponse, rest: string): Promise<void> {
    if (!isOfPage(req))
      throw new Refused(403, 'bad-token', 'This does not come from the dashboard itself. Load the page anew.')
    const body = await bodyOf(req)
    const action = /^actions\/([\w-]+)$/.exec(rest)?.[1]
    if (action !== undefined) return sendJson(res, await act(action, text(body, 'member')))
    switch (rest) {
      case 'session': {
        const session = await shown.session(await sidOf(body))
        if (session === undefined) throw unknownSession()
        return sendJson(res, session)
      }
      case 'sessions':
        return sendJson(res, find(text(body, 'by'), text(body, 'value')))
      case 'destroy':
        return sendJson(res, destroy(await sidOf(body)))
      default:
        throw new Refused(404, 'not-found', `There is no ${rest} here`)
    }
  }

  function about(token: string): About {
    return {
      cluster: cluster.name,
      reveal,
      indexes: cluster.sessions.indexBy,
      actions: [...actions].map(([name, { label, states }]) => ({ name, label, states: states ?? [] })),
      token,
    }
  }

  async function sidOf(body: Record<string, unknown>): Promise<string> {
    if (typeof body.sid === 'string') return body.sid
    const sid = await refs.find(text(body, 'ref')).catch((error: unknown) => {
      if (!(error instanceof TooManyError)) throw error
      throw new Refused(429, 'failed', 'Too many sessions are looked for at once. Try again.')
    })
    if (sid === undefined) throw unknownSession()
    return sid
  }

  function find(by: string, value: string): Found {
    if (!cluster.sessions.indexBy.includes(by))
      throw new Refused(
        400,
        'bad-request',
        `Sessions are not found by ${by}: name it in joinCluster({ sessions: { indexBy } })`,
      )
    const sids = cluster.sessions.findBy(by, value)
    return { refs: sids.slice(0, MAX_FOUND).map((sid) => refs.of(sid)), total: sids.length }
  }

  function destroy(sid: string): Destroyed {
    try {
      const { destroyed, acked } = cluster.sessions.destroy(sid)
      // Whether others hold it in time is told by a warning.
      acked.catch(() => {})
      return { destroyed }
    } catch (error) {
      throw new Refused(503, 'failed', messageOf(error))
    }
  }

  async function act(name: string, id: string): Promise<object> {
    const action = actions.get(name)
    const member = cluster.members().find((each) => each.id === id)
    if (action === undefined || member === undefined)
      throw new Refused(404, 'not-found', `There is no such ${action === undefined ? 'action' : 'member'}`)
    if (!action.states?.includes(member.state))
      throw new Refused(409, 'failed', `${member.name} is ${member.state}: ${action.label} is not for that`)
    try {
      await action.run(member)
    } catch (error) {
      throw new Refused(500, 'failed', messageOf(error))
    }
    return {}
  }
}

function unknownSession(): Refused {
  return new Refused(404, 'not-found', 'No member that answers holds anything of such a session')
}

/**
 * What comes after the mount. `isBare`: the mount itself was asked for, without the slash that the page's relative addresses
 * need.
 */
function addressOf(req: IncomingMessage, path: string | undefined) {
  const { originalUrl, baseUrl } = req as { originalUrl?: string; baseUrl?: string }
  const [whole = '', query = ''] = (originalUrl ?? req.url ?? '/').split('?', 2)
  const mount = path ?? baseUrl ?? ''
  if (whole !== mount && !whole.startsWith(`${mount}/`))
    throw new Refused(
      404,
      'not-found',
      `${whole} is not below ${mount || '/'}, where the dashboard takes itself to be: say dashboard(cluster, { path })`,
    )
  return {
    mount,
    rest: whole.slice(mount.length + 1),
    query: new URLSearchParams(query),
    isBare: whole === mount,
  }
}

/** Relative: a proxy in between may know it by another prefix. */
function redirect(res: ServerResponse, req: IncomingMessage): void {
  const { originalUrl } = req as { originalUrl?: string }
  const last = (originalUrl ?? req.url ?? '').split('?', 1)[0]?.split('/').at(-1)
  res.writeHead(308, { location: `./${last}/` }).end()
}

function protect(res: ServerResponse): void {
  res.setHeader(
    'content-security-policy',
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
  )
  res.setHeader('x-content-type-options', 'nosniff')
  res.setHeader('x-frame-options', 'SAMEORIGIN')
  res.setHeader('referrer-policy', 'no-referrer')
  res.setHeader('cross-origin-resource-policy', 'same-origin')
  res.setHeader('cache-control', 'no-store')
}

function sendAsset(req: IncomingMessage, res: ServerResponse, { type, content, etag }: Asset): void {
  res.setHeader('cache-control', 'no-cache')
  res.setHeader('etag', etag)
  if (req.headers['if-none-match'] === etag) return void res.writeHead(304).end()
  res.writeHead(200, { 'content-type': type, 'content-length': content.length })
  res.end(req.method === 'HEAD' ? undefined : content)
}

function sendJson(res: ServerResponse, value: object, status = 200): void {
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  res.end(JSON.stringify(value))
}

function refuse(res: ServerResponse, { status, code, message }: Refused): void {
  if (res.headersSent) return void res.destroy()
  sendJson(res, { code, message } satisfies Refusal, status)
}

/** JSON; also if the application has read it already. */
async function bodyOf(req: IncomingMessage): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/.test(req.headers['content-type'] ?? ''))
    throw new Refused(415, 'bad-request', 'The body must be application/json')
  if (Number(req.headers['content-length'] ?? Number.POSITIVE_INFINITY) > MAX_BODY_BYTES)
    throw new Refused(
      413,
      'bad-request',
      `The body must name its length, and be at most ${MAX_BODY_BYTES} bytes`,
    )
  const isRead = req.readableEnded
  const { body: parsed } = req as { body?: unknown }
  // (Parsers of other types leave an empty object, or the bytes.)
  const isParsed = isObject(parsed) && !ArrayBuffer.isView(parsed) && Object.keys(parsed).length > 0
  const body: unknown = isParsed
    ? parsed
    : await json(ArrayBuffer.isView(parsed) ? chunks(parsed) : req).catch(() => {})
  if (isObject(body)) return body
  const why = isRead
    ? ', and something has read it before: mount the dashboard first, or hand it on as `req.body`'
    : ''
  throw new Refused(400, 'bad-request', `The body must be a JSON object${why}`)
}

async function* chunks(bytes: ArrayBufferView): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Of a browser that lost its stream: when it heard the last of it, ms since the epoch. */
function lastHeardOf(req: IncomingMessage): number {
  const id = Number(req.headers['last-event-id'])
  return Number.isFinite(id) ? id : 0
}

function text(body: Record<string, unknown>, name: string): string {
  const value = body[name]
  if (typeof value === 'string') return value
  throw new Refused(400, 'bad-request', `The body must have a text ${name}`)
}

function count(query: URLSearchParams, name: string): number | undefined {
  const given = query.get(name)
  if (given === null) return undefined
  if (/^\d{1,6}$/.test(given)) return Number(given)
  throw new Refused(400, 'bad-request', `${name} must be a number`)
}
