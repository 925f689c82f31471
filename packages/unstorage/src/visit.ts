/**
 * What the driver is told of a request, in the options of a call: then it can do what a key and a value alone do not
 * allow, as the adapters for frameworks do.
 */

import type { Base } from 'sessionmesh'
import type { CookieReach, Visit } from 'sessionmesh/adapter'

/** One request and its response. */
export interface StorageVisit {
  /**
   * Values of `Set-Cookie` for the response, often none: what the client has seen. To be asked when the last item is
   * read and written, and as soon as the headers leave.
   * @param reach the attributes of the app's own session cookie
   */
  cookies(reach?: CookieReach): string[]
}

export class RequestVisit implements StorageVisit {
  readonly #visit: Visit
  readonly #sids = new Set<string>()
  readonly #bases = new Map<string, Base>()

  constructor(visit: Visit) {
    this.#visit = visit
  }

  cookies(reach: CookieReach = {}): string[] {
    return this.#sids.size === 0 ? [] : this.#visit.cookies([...this.#sids], reach)
  }

  catchUp(sid: string): Promise<void> | undefined {
    this.#sids.add(sid)
    return this.#visit.catchUp(sid)
  }

  /** What the request loaded of the session, or wrote to it last. */
  baseOf(sid: string): Base | undefined {
    return this.#bases.get(sid)
  }

  /** `base`: what its next write is compared with; none where there is no such session. */
  saw(sid: string, base: Base | undefined): void {
    this.#sids.add(sid)
    if (base === undefined) this.#bases.delete(sid)
    else this.#bases.set(sid, base)
  }
}
