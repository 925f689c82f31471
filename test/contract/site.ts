/** The site that the contract visits: its routes, once, and how a framework gives them its session. */

import type { Cluster } from 'sessionmesh'

/** The session of one request, as the framework has it. What is set is there for the next request. */
export interface Handle {
  get(name: string): unknown
  set(name: string, value: unknown): void
  remove(name: string): void
  destroy(): Promise<void>
  /** Another id; what was in the session need not be there any more. */
  regenerate(): Promise<void>
  /** Another id; what is in the session stays, as far as the framework keeps it. */
  rotate(): Promise<void>
}

export type Answer = { readonly body: unknown } | { readonly redirect: string }
export type Route = (session: Handle, query: URLSearchParams) => Promise<Answer>

/** What a test asks of the site; `undefined` is the framework's default. */
export interface SiteOptions {
  /** Idle lifetime, in ms; the session cookie lives as long. */
  readonly ttlMs?: number | undefined
  /** Whether each answer renews the session cookie. */
  readonly isRolling?: boolean | undefined
}

/** What a framework may lack, with the reason, which the test prints. */
export type Feature = 'readYourWrites' | 'difference' | 'refusal' | 'rotation'

export interface Framework {
  readonly name: string
  readonly lacks: Partial<Record<Feature, string>>
  /** Serves `ROUTES` by GET on a port of loopback; `close` resolves when nothing is left of it. */
  serve(cluster: Cluster, options: SiteOptions): Promise<{ origin: string; close(): Promise<void> }>
}

interface Door {
  readonly isThere: Promise<void>
  readonly opened: Promise<void>
  arrive(): void
  open(): void
}

/** Doors that a test opens: a request of `/slow` in this process has loaded its session, and waits there. */
class Doors {
  readonly #doors = new Map<string, Door>()

  /** Resolves when a request waits at `name`. */
  waitsAt(name: string): Promise<void> {
    return this.#door(name).isThere
  }

  open(name: string): void {
    this.#door(name).open()
  }

  pass(name: string): Promise<void> {
    const door = this.#door(name)
    door.arrive()
    return door.opened
  }

  #door(name: string): Door {
    const known = this.#doors.get(name)
    if (known !== undefined) return known
    let arrive = () => {}
    let open = () => {}
    const isThere = new Promise<void>((resolve) => (arrive = resolve))
    const opened = new Promise<void>((resolve) => (open = resolve))
    const door = { isThere, opened, arrive, open }
    this.#doors.set(name, door)
    return door
  }
}

export const doors = new Doors()

export const ROUTES: Readonly<Record<string, Route>> = {
  /** A new id at login, so that nobody can plant one beforehand. */
  async login(session, query) {
    await session.regenerate()
    session.set('user', query.get('user'))
    return told(session, 'user')
  },

  async count(session) {
    session.set('count', Number(session.get('count') ?? 0) + 1)
    return told(session, 'count')
  },

  async get(session, query) {
    return told(session, query.get('name') ?? 'user')
  },

  async set(session, query) {
    session.set(query.get('name') ?? '', query.get('value'))
    return told(session, query.get('name') ?? '')
  },

  async remove(session, query) {
    session.remove(query.get('name') ?? '')
    return told(session, query.get('name') ?? '')
  },

  async logout(session) {
    await session.destroy()
    return { body: {} }
  },

  async 'set-rich'(session) {
    session.set('date', new Date(1_700_000_000_000))
    session.set('map', new Map([['a', new Set([1, 2])]]))
    session.set('buffer', Buffer.from('bytes'))
    session.set('big', 2n ** 70n)
    return { body: {} }
  },

  async 'get-rich'(session) {
    const [date, map, buffer, big] = ['date', 'map', 'buffer', 'big'].map((name) => session.get(name))
    return {
      body: {
        date: date instanceof Date && date.getTime(),
        map: map instanceof Map && [...map].map(([key, value]) => [key, value instanceof Set && [...value]]),
        buffer: Buffer.isBuffer(buffer) && buffer.toString(),
        big: typeof big === 'bigint' && String(big),
      },
    }
  },

  /** A Map that is changed in place. */
  async 'change-map'(session) {
    const map = session.get('map')
    if (map instanceof Map) map.set('b', new Set([3]))
    session.set('map', map)
    return { body: {} }
  },

  /** Has loaded, and waits at a door before it changes something. */
  async slow(session, query) {
    session.get('user')
    await doors.pass(query.get('door') ?? '')
    session.set(query.get('name') ?? '', query.get('value'))
    return told(session, query.get('name') ?? '')
  },

  /** Has loaded, and waits at a door before it gives the session another id. */
  async rotate(session, query) {
    session.get('user')
    await doors.pass(query.get('door') ?? '')
    await session.rotate()
    return told(session, 'user')
  },

  async go(session, query) {
    session.set(query.get('name') ?? '', query.get('value'))
    return { redirect: query.get('to') ?? '/' }
  },

  /** What cannot be stored. */
  async bad(session) {
    session.set('nested', { callback: () => {} })
    return { body: {} }
  },
}

function told(session: Handle, name: string): Answer {
  return { body: { value: session.get(name) ?? null } }
}
