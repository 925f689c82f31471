/** Beside what the tests of all adapters share: apps of Koa, and clients that know its session cookie. */

import { createServer } from 'node:http'
import Koa, { type Context } from 'koa'
import type { Cluster, SessionMeshError } from 'sessionmesh'
import { serveOn } from '../../../../test/support/adapters.js'
import { Client as AnyClient, type Reply } from '../../../../test/support/browser.js'
import type { MeshSessionOptions } from '../options.js'
import { session } from '../session.js'

export * from '../../../../test/support/adapters.js'

declare module '../types.js' {
  // As an application does it, with '@sessionmesh/koa' for the name.
  interface SessionData {
    user: string
    count: number
    value: unknown
  }
}

export type Handler = (ctx: Context) => unknown

export interface Site {
  readonly app: Koa
  readonly origin: string
  /** Codes of the errors that reached the app, or their messages. */
  readonly errors: unknown[]
}

/** An app that answers `/name` with `handlers[name]`, until the test ends. */
export async function serve(
  cluster: Cluster,
  handlers: Readonly<Record<string, Handler>>,
  options: Partial<MeshSessionOptions> = {},
  AnyKoa: typeof Koa = Koa,
): Promise<Site> {
  const app = new AnyKoa()
  app.keys = ['cookie secret']
  const errors: unknown[] = []
  app.on('error', (error: SessionMeshError) => errors.push(error.code ?? error.message))
  app.use(session({ cluster, ...options }, app))
  app.use((ctx) => handlers[ctx.path.slice(1)]?.(ctx))
  return { app, origin: await serveOn(createServer(app.callback())), errors }
}

export class Client extends AnyClient {
  get({ origin }: Site, path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.send('GET', `${origin}/${path}`, headers)
  }

  get sid(): string {
    return this.cookies.get('koa.sess') ?? ''
  }
}
