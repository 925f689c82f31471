/** The handler's addresses, relative to the page: wherever it is mounted. */

import type { About, Destroyed, Found, Refusal, ShownPicture, ShownSession } from '../src/api.js'

export class RefusedError extends Error {
  readonly code: string

  constructor({ code, message }: Refusal) {
    super(message)
    this.code = code
  }
}

export class Server {
  #about: About | undefined

  /** As it was said last. */
  get known(): About | undefined {
    return this.#about
  }

  async about(): Promise<About> {
    this.#about = await answerOf<About>(fetch('about', { cache: 'no-store' }))
    return this.#about
  }

  session(asked: { ref: string } | { sid: string }): Promise<ShownSession> {
    return this.#post('session', asked)
  }

  sessions(by: string, value: string): Promise<Found> {
    return this.#post('sessions', { by, value })
  }

  destroy(ref: string): Promise<Destroyed> {
    return this.#post('destroy', { ref })
  }

  act(action: string, member: string): Promise<object> {
    return this.#post(`actions/${encodeURIComponent(action)}`, { member })
  }

  /** A token that holds no more (cookies were cleared) is asked for anew, once. */
  async #post<T>(address: string, body: object): Promise<T> {
    try {
      return await this.#send<T>(address, body)
    } catch (error) {
      if (!(error instanceof RefusedError && error.code === 'bad-token')) throw error
      await this.about()
      return this.#send<T>(address, body)
    }
  }

  async #send<T>(address: string, body: object): Promise<T> {
    const { token } = this.#about ?? (await this.about())
    const headers = { 'content-type': 'application/json', 'x-sessionmesh-token': token }
    return answerOf<T>(
      fetch(address, { method: 'POST', headers, body: JSON.stringify(body), cache: 'no-store' }),
    )
  }
}

async function answerOf<T>(asked: Promise<Response>): Promise<T> {
  let response: Response
  try {
    response = await asked
  } catch {
    throw new RefusedError({ code: 'failed', message: 'The server cannot be reached' })
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok && typeof body === 'object' && body !== null) return body as T
  const { code = 'failed', message = `The server says ${response.status} ${response.statusText}` } = (body ??
    {}) as Partial<Refusal>
  throw new RefusedError({ code, message })
}

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 15_000

export interface LiveListener {
  onPicture(picture: ShownPicture): void
  /** The stream is open; it broke, and the browser tries again; or the server does not give it. */
  onState(state: 'open' | 'broken' | 'refused'): void
}

/** Reconnects by the browser's means, and by its own where the browser gives up: when it is refused. */
export function listenLive({ onPicture, onState }: LiveListener): void {
  let retryMs = FIRST_RETRY_MS
  connect()

  function connect(): void {
    const stream = new EventSource('live')
    // (All that is known, and then what is new: both are merged.)
    for (const name of ['mesh', 'update'])
      stream.addEventListener(name, ({ data }) => {
        retryMs = FIRST_RETRY_MS
        onPicture(JSON.parse(data) as ShownPicture)
      })
    stream.addEventListener('open', () => onState('open'))
    stream.addEventListener('error', () => {
      if (stream.readyState !== EventSource.CLOSED) return onState('broken')
      onState('refused')
      setTimeout(connect, retryMs)
      retryMs = Math.min(LAST_RETRY_MS, retryMs * 2)
    })
  }
}
