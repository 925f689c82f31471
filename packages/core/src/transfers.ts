/** The transfers that this member is sending, one a link at the most, each at the pace of its link. */

import type { Context } from './context.js'
import type { LinkId } from './members.js'
import type { Pull, State } from './messages.js'
import type { Instant } from './stamp.js'
import { Transfer } from './transfer.js'

export class Transfers {
  readonly #context: Context
  /** What was written in this turn must be on its way before a digest that covers it. */
  readonly #flush: (now: Instant) => void
  readonly #isBuilding: () => boolean
  readonly #deferred = new Set<LinkId>()
  /** Where a chunk is on its way to the operating system. */
  readonly #busy = new Set<LinkId>()

  constructor(context: Context, flush: (now: Instant) => void, isBuilding: () => boolean) {
    this.#context = context
    this.#flush = flush
    this.#isBuilding = isBuilding
  }

  begin(link: LinkId, { pull, digest = [] }: Pull, now: Instant): void {
    this.#context.transfers.set(link, new Transfer(pull, this.#context.records, digest))
    // (Each walks thousands of sessions at once. Of many pulls in one turn the last is answered.)
    if (!this.#busy.has(link)) this.next(link, now)
  }

  /** The next chunk: at the beginning, and each time that the one before is with the operating system. */
  next(link: LinkId, now: Instant): void {
    this.#busy.delete(link)
    const transfer = this.#context.transfers.get(link)
    if (transfer === undefined) return
    if (this.#isBuilding()) {
      // While a first transfer is built in place, what is here is not what our digest says.
      this.#deferred.add(link)
      return
    }
    this.#flush(now)
    const { records, isLast } = transfer.next(this.#context.config)
    const message: State = { kind: 'state', sentMs: now.monoMs, pull: transfer.pull, records }
    this.#busy.add(link)
    if (!isLast) {
      this.#context.effect({ type: 'send', links: [link], message, resume: true })
      return
    }
    // Retired origins too: a client's token may name one, and the asker would look for what is long settled.
    const { digest, members, purged, isReady } = this.#context
    const end = {
      digest: digest.all(),
      roster: members.roster('transfer', now),
      purged: purged.told(),
      isReady,
    }
    this.#context.transfers.delete(link)
    this.#context.counters.transfersSent++
    this.#context.effect({ type: 'send', links: [link], message: { ...message, end }, resume: true })
  }

  resumeDeferred(now: Instant): void {
    if (this.#deferred.size === 0 || this.#isBuilding()) return
    const links = [...this.#deferred]
    this.#deferred.clear()
    for (const link of links) this.next(link, now)
  }

  linkGone(link: LinkId): void {
    this.#context.transfers.delete(link)
    this.#deferred.delete(link)
    this.#busy.delete(link)
  }
}
