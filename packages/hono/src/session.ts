/** The one-line middleware: sessions of a cluster as `c.get('session')`, with read-your-writes. */

import type { Context, MiddlewareHandler } from 'hono'
import type { Visit } from 'sessionmesh/adapter'
import type { Brought } from './cookie.js'
import { checkOptions, type MeshSessionOptions, type Setup } from './options.js'
import { RequestSession, type Session } from './request-session.js'

declare module 'hono' {
  interface ContextVariableMap {
    session: Session
  }
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function session(options: MeshSessionOptions): MiddlewareHandler {
  const setup = checkOptions(options)
  const { visits, cookie } = setup

  return async function sessionmesh(c, next) {
    // Mounted twice: the first one serves.
    if (c.get('session') instanceof RequestSession) return next()
    const visit = visits.begin(c.req.header('cookie'))
    const brought = await cookie.read(c)
    if (brought) await visit.catchUp(brought.sid)
    // At once: what another member was asked for is not kept for long.
    const loaded = brought && visits.sessions.load(brought.sid)
    const session = new RequestSession(visits, visit, brought?.sid, loaded)
    c.set('session', session)
    await next()
    try {
      await session.leave()
    } catch (error) {
      discardBody(c)
      throw error
    } finally {
      const cookies = await cookiesOf(setup, visit, brought, session)
      await session.flushed
      for (const line of cookies) appendCookie(c, line)
    }
  }
}

async function cookiesOf(
  { cookie, isRolling }: Setup,
  visit: Visit,
  brought: Brought | undefined,
  session: RequestSession,
): Promise<string[]> {
  const { fate } = session
  const others = visit.cookies(fate.sid, cookie.reach)
  if (fate.kind === 'ended') return [cookie.drop(), ...others]
  // Nor is a cookie taken away that names nothing: another answer may have just replaced it.
  if (fate.kind !== 'stored') return others
  const isOther = fate.sid !== brought?.sid || brought.isOld
  const isRenewed = cookie.hasMaxAge && (isRolling || fate.isChanged)
  return isOther || isRenewed ? [await cookie.give(fate.sid), ...others] : others
}

/** Not by `c.header`, which makes another response of one that is there, with a stream for a body. */
function appendCookie(c: Context, line: string): void {
  try {
    c.res.headers.append('Set-Cookie', line)
  } catch {
    // The headers of what `fetch` has answered cannot be changed.
    c.header('Set-Cookie', line, { append: true })
  }
}

/** An error takes the place of the response, and Hono leaves it these headers. */
function discardBody(c: Context): void {
  for (const name of ['Content-Length', 'Content-Encoding', 'Transfer-Encoding']) c.header(name, undefined)
  c.res.body?.cancel().catch(() => {})
}
