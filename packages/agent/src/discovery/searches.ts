/** All discoveries of a member at once: what several of them find stays until none finds it. */

import type { Announcement, Discovery, Report, Search } from './discovery.js'

type Source = Discovery['source']

export interface SearchesEvents {
  found(address: string, source: Source, member: string | undefined): void
  lost(address: string, source: Source): void
  failed(message: string): void
  /** Each has looked everywhere once. */
  looked(): void
}

interface Finds {
  readonly source: Source
  readonly addresses: Set<string>
}

export class Searches {
  readonly #searches: readonly Search[]
  /** What each finds now. */
  readonly #finds: Finds[] = []
  readonly #events: SearchesEvents
  #isStopped = false

  constructor(discoveries: readonly Discovery[], self: Announcement, events: SearchesEvents) {
    this.#events = events
    this.#searches = discoveries.map((discovery) => discovery.start(self, this.#reportOf(discovery)))
    Promise.all(this.#searches.map(({ looked }) => looked)).then(() => {
      if (!this.#isStopped) events.looked()
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#searches.map((search) => search.stop()))
  }

  #reportOf({ source }: Discovery): Report {
    const finds: Finds = { source, addresses: new Set() }
    this.#finds.push(finds)
    return {
      found: (address, member) => {
        if (this.#isStopped) return
        finds.addresses.add(address)
        this.#events.found(address, source, member)
      },
      lost: (address) => {
        if (this.#isStopped || !finds.addresses.delete(address)) return
        if (!this.#isFound(address, source)) this.#events.lost(address, source)
      },
      failed: (message) => {
        if (!this.#isStopped) this.#events.failed(message)
      },
    }
  }

  #isFound(address: string, source: Source): boolean {
    return this.#finds.some((finds) => finds.source === source && finds.addresses.has(address))
  }
}
