/** What the user gives to `session()`, and the checks: a mistake shows at the start, not at a request. */

import type { Context } from 'koa'
import {
  type AdapterOptions,
  badOption,
  type Check,
  checkValues,
  cookieChecks,
  cookieNameCheck,
  Visits,
} from 'sessionmesh/adapter'
import type { Session } from './types.js'

/** koa-session's own options but for `store`, `ContextStore`, `encode` and `decode`, and those of the cluster. */
export interface MeshSessionOptions extends AdapterOptions {
  /** The name of the session cookie. Default `koa.sess`. */
  key?: string | undefined
  /**
   * Lifetime of a session from its last save on, and of its cookie, in ms. With `'session'`, and by default, the cookie
   * ends with the browser, and the session when it was not used for `ttlMs`.
   */
  maxAge?: number | 'session' | undefined
  /** Whether each response renews cookie and session. Default false. */
  rolling?: boolean | undefined
  /** Whether a response renews cookie and session when half of `maxAge` is over. Default false. */
  renew?: boolean | undefined
  /** Whether changes are saved when the handler is done. Default true; else call `ctx.session.manuallyCommit()`. */
  autoCommit?: boolean | undefined
  /** Whether the session cookie is signed with `app.keys`. Default true. */
  signed?: boolean | undefined
  /** Default true. */
  httpOnly?: boolean | undefined
  /** Whether the cookie goes over HTTPS only. Default: if the request came that way. */
  secure?: boolean | undefined
  /** Default `lax`. */
  sameSite?: 'lax' | 'strict' | 'none' | undefined
  path?: string | undefined
  domain?: string | undefined
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
  /** Whether the cookie takes the place of one of the same name in the same response. Default true. */
  overwrite?: boolean | undefined
  /** Carries the session's id some other way than by cookie. */
  externalKey?: { get(ctx: Context): string | undefined; set(ctx: Context, sid: string): void } | undefined
  /** Makes the id of a new session. Default: a random UUID. */
  genid?: ((ctx: Context) => string) | undefined
  /** Put before the ids that are made by default. */
  prefix?: string | undefined
  /** Whether a session that was loaded may be used. */
  valid?: ((ctx: Context, session: Record<string, unknown>) => boolean) | undefined
  /** Called before each save. */
  beforeSave?: ((ctx: Context, session: Session) => void) | undefined
}

const SESSION_OPTIONS = [
  ...['autoCommit', 'beforeSave', 'domain', 'externalKey', 'genid', 'httpOnly', 'key', 'maxAge', 'overwrite'],
  ...[
    'partitioned',
    'path',
    'prefix',
    'priority',
    'renew',
    'rolling',
    'sameSite',
    'secure',
    'signed',
    'valid',
  ],
]

/** What koa-session does not look at before the first cookie. */
const CHECKS: Record<string, Check> = { ...cookieChecks, key: cookieNameCheck }

const KEYS =
  'they sign the session cookie, and are the same on all servers; set them before session(), as in app.keys = [process.env.COOKIE_SECRET]'

/** As koa-session names it. */
export const DEFAULT_KEY = 'koa.sess'

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkOptions(options: MeshSessionOptions, app: object): Visits {
  if (isApp(options)) throw badOption('the app comes last: session({ cluster }, app)')
  const visits = new Visits(options, 'session()', {
    cookie: options?.key ?? DEFAULT_KEY,
    own: SESSION_OPTIONS,
  })
  checkValues(options, CHECKS)
  const { maxAge, signed } = options
  const isTime = typeof maxAge === 'number' && Number.isFinite(maxAge) && maxAge > 0
  if (maxAge !== undefined && maxAge !== 'session' && !isTime)
    throw badOption(`maxAge is ${String(maxAge)}; give a number of milliseconds above 0, or 'session'`)
  checkApp(app, signed ?? true)
  return visits
}

/** Runs koa-session's own check of its options. */
export function checkedBy<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    const [issue] = (error as { issues?: { path: PropertyKey[]; message: string }[] }).issues ?? []
    throw issue === undefined ? error : badOption(`${issue.path.join('.')}: ${issue.message}`)
  }
}

function checkApp(app: object, isSigned: boolean): void {
  if (!isApp(app)) throw badOption('session() takes the app as well: app.use(session({ cluster }, app))')
  if (Object.hasOwn(app.context, 'session'))
    throw badOption('this app has a ctx.session already: use one session middleware, and use it once')
  if (isSigned) checkKeys(app.keys)
}

/** A list of texts, or what signs by itself, as a Keygrip does. */
function checkKeys(keys: unknown): void {
  const { sign, verify } = (keys ?? {}) as { sign?: unknown; verify?: unknown }
  if (typeof sign === 'function' && typeof verify === 'function') return
  if (!keys || (Array.isArray(keys) && keys.length === 0)) throw badOption(`app.keys are missing: ${KEYS}`)
  if (!Array.isArray(keys)) throw badOption(`app.keys are no list of texts: ${KEYS}`)
  for (const [i, key] of keys.entries()) {
    if (key === undefined || key === null || key.length === 0)
      throw badOption(`app.keys[${i}] is missing: ${KEYS}`)
    if (typeof key !== 'string' && !Buffer.isBuffer(key))
      throw badOption(`app.keys[${i}] is no text: ${KEYS}`)
  }
}

/** koa-session takes what `genid` returns as it is, and fails in the midst of things. */
export function checkedGenid(genid: (ctx: Context) => unknown): (ctx: Context) => string {
  return (ctx) => {
    const sid = genid(ctx)
    if (typeof sid === 'string' && sid !== '') return sid
    const kind = sid instanceof Promise ? 'a Promise' : `a ${typeof sid}`
    throw badOption(
      `genid returned ${sid ? kind : 'nothing'}; it must return the id of a new session, a text, at once`,
    )
  }
}

function isApp(value: unknown): value is { context: object; keys?: unknown } {
  return typeof (value as { use?: unknown } | undefined | null)?.use === 'function'
}
