/** Asks a dashboard for its picture, and says in words why there is none. */

import { codeOf } from '../errors.js'
import { NoPicture, type Picture, pictureOf } from './picture.js'
import { cut, plain } from './text.js'

/** There is no picture. `message` is for people, and holds nothing secret. */
export class DashboardError extends Error {
  /** Whoever asks again is told the same: a refusal, not an outage. */
  readonly isLasting: boolean

  constructor(message: string, isLasting: boolean) {
    super(message)
    this.isLasting = isLasting
  }
}

export interface Answer {
  readonly picture: Picture
  /** As it came. */
  readonly json: string
}

const PATIENCE_MS = 5_000
const MAX_SAID = 200

export class Dashboard {
  /** For people: without user, password and query. */
  readonly place: string
  readonly #url: URL
  readonly #headers: Headers
  readonly #secrets: readonly string[]

  constructor(url: URL, headers: Headers) {
    this.#headers = new Headers(headers)
    this.#url = new URL(url)
    const { username, password } = url
    if ((username !== '' || password !== '') && !this.#headers.has('authorization'))
      this.#headers.set('authorization', basic(username, password))
    // (`fetch` takes none in addresses.)
    this.#url.username = ''
    this.#url.password = ''
    this.#url.hash = ''
    this.place = placeOf(this.#url)
    this.#secrets = secretsOf(this.#headers, [username, password, ...url.searchParams.values()])
  }

  /**
   * @throws DashboardError when it cannot be reached, refuses, or is no dashboard
   * @throws what `signal` was aborted with
   */
  async ask(wanted: { samples: number; events: number }, signal?: AbortSignal): Promise<Answer> {
    const patience = AbortSignal.timeout(PATIENCE_MS)
    let response: Response
    let body: string
    try {
      response = await fetch(this.#address(wanted), {
        headers: this.#headers,
        // What is secret in the headers is for this address alone.
        redirect: 'manual',
        signal: signal === undefined ? patience : AbortSignal.any([signal, patience]),
      })
      body = await response.text()
    } catch (error) {
      signal?.throwIfAborted()
      throw new DashboardError(`${this.place} cannot be reached: ${this.#censored(reasonOf(error))}`, false)
    }
    if (!response.ok) throw this.#refusal(response, body)
    try {
      return { picture: pictureOf(body), json: body }
    } catch (error) {
      if (!(error instanceof NoPicture)) throw error
      const why = this.#censored(error.message)
      throw new DashboardError(`What answers at ${this.place} is no dashboard of sessionmesh (${why}).`, true)
    }
  }

  #address({ samples, events }: { samples: number; events: number }): URL {
    const url = new URL(this.#url)
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/mesh.json`
    url.searchParams.set('samples', String(samples))
    url.searchParams.set('events', String(events))
    return url
  }

  #refusal(response: Response, body: string): DashboardError {
    const { status } = response
    const said = this.#censored(saidIn(body, response.headers.get('content-type') ?? ''))
    const words = said === '' ? '' : `: ${said}`
    if (status === 401 || status === 403) {
      const isForAll = body.includes('"this-machine-only"')
      const mend = "\nSay who you are, as in --header 'authorization: Bearer …' or --header 'cookie: …'."
      return new DashboardError(`${this.place} refuses (${status})${words}${isForAll ? '' : mend}`, true)
    }
    if (status >= 300 && status < 400) {
      const where = this.#censored(whereTo(response.headers.get('location'), this.#url))
      return new DashboardError(
        `${this.place} sends elsewhere (${status}), to ${where}\n` +
          'If that is where one signs in, give --header; if it is where the dashboard is, give that address.',
        true,
      )
    }
    if (status === 404) {
      return new DashboardError(
        `There is no dashboard at ${this.place} (404)${words}\nGive the address at which the page is seen.`,
        true,
      )
    }
    return new DashboardError(`${this.place} answers with ${status}${words}`, status < 500 && status !== 429)
  }

  /** A server may say what it was given. */
  #censored(text: string): string {
    return this.#secrets.reduce((left, secret) => left.replaceAll(secret, '***'), text)
  }
}

function basic(username: string, password: string): string {
  const pair = `${decoded(username)}:${decoded(password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

function placeOf({ origin, pathname }: URL): string {
  return plain(`${origin}${pathname.replace(/\/+$/, '')}`)
}

/** The longest first: one may be a part of another. */
function secretsOf(headers: Headers, others: readonly string[]): string[] {
  const values = [...headers].flatMap(([name, value]) => {
    const parts = name === 'cookie' ? value.split(/; */).map(afterFirst('=')) : [afterFirst(' ')(value)]
    return [value, ...parts]
  })
  const all = [...values, ...others.flatMap((value) => [value, decoded(value)])]
  // (What is shorter is none, and would leave holes in every word.)
  return [...new Set(all)].filter(({ length }) => length >= 4).sort((a, b) => b.length - a.length)
}

function afterFirst(mark: string): (text: string) => string {
  return (text) => text.slice(text.indexOf(mark) + 1)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The message of the dashboard's own refusals, or the words of whatever stands before it. */
function saidIn(body: string, type: string): string {
  let words = body
  try {
    const { message }: { message?: unknown } = Object(JSON.parse(body))
    if (typeof message === 'string') words = message
  } catch {
    if (type.includes('html')) words = words.replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/gi, ' ')
  }
  return cut(plain(words).replace(/ {2,}/g, ' '), MAX_SAID)
}

function whereTo(location: string | null, from: URL): string {
  const url = URL.canParse(location ?? '', from) ? new URL(location ?? '', from) : undefined
  return location === null || url === undefined ? 'nowhere' : cut(placeOf(url), MAX_SAID)
}

/** `fetch` says "fetch failed" alone; what failed is beneath. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `no answer within ${PATIENCE_MS / 1_000} s`
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const first = cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause
  const known = REASONS[codeOf(first) ?? '']
  const words = first instanceof Error ? first.message : String(first)
  return known ?? plain(words)
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there (ECONNREFUSED)',
  ECONNRESET: 'it broke off (ECONNRESET)',
  UND_ERR_SOCKET: 'it broke off',
  ENOTFOUND: 'there is no host of that name (ENOTFOUND)',
  EHOSTUNREACH: 'there is no way to that host (EHOSTUNREACH)',
  UND_ERR_CONNECT_TIMEOUT: 'the host does not answer',
}
