/** All discoveries of a member at once: what several of them find stays until none finds it. */

import { canonical } from '../address.js'
import type { Announcement, Discovery, Report, Search } from './discovery.js'

type Source = Discovery['source']

/** Of what one discovery hears, where anybody can speak and nothing is ever lost. (The core dials far fewer.) */
const MAX_HEARD = 1_024

export interface SearchesEvents {
  found(address: string, source: Source, member: string | undefined): void
  lost(address: string, source: Source): void
  failed(message: string, discovery: string): void
  /** Each has looked everywhere once. */
  looked(): void
}

interface Finds {
  readonly source: Source
  readonly addresses: Set<string>
  /** Its search could not be taken: nothing that it reports counts. */
  isRefused: boolean
}

export class Searches {
  readonly #searches: readonly Search[]
  /** What each finds now. */
  readonly #finds: Finds[] = []
  readonly #events: SearchesEvents
  #isStopped = false

  constructor(discoveries: readonly Discovery[], self: Announcement, events: SearchesEvents) {
    this.#events = events
    this.#searches = discoveries.flatMap((discovery) => this.#start(discovery, self))
    // (What promises not to reject may be the user's own.)
    Promise.allSettled(this.#searches.map(({ looked }) => looked)).then(() => {
      if (!this.#isStopped) events.looked()
    })
  }

  /** Whether only who is trusted can have put it in. */
  isNamed(address: string): boolean {
    return this.#isFound(address, 'named')
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.allSettled(this.#searches.map(async (search) => search.stop()))
  }

  #start(discovery: Discovery, self: Announcement): Search | [] {
    const finds: Finds = { source: discovery.source, addresses: new Set(), isRefused: false }
    this.#finds.push(finds)
    try {
      const search: Partial<Search> | undefined = discovery.start(self, this.#reportOf(discovery, finds))
      if (typeof search?.stop === 'function' && search.looked !== undefined) return search as Search
      stopStray(search)
      throw new Error('start() must give { looked, stop() }, and at once')
    } catch (error) {
      finds.isRefused = true
      this.#events.failed(`${discovery.name} cannot be asked: ${error}`, discovery.name)
      return []
    }
  }

  #reportOf({ name, source }: Discovery, finds: Finds): Report {
    const tell = (text: string, act: (address: string) => void) => {
      if (this.#isStopped || finds.isRefused) return
      try {
        act(canonical(text))
      } catch (error) {
        this.#events.failed(`${name}: ${error instanceof Error ? error.message : error}`, name)
      }
    }
    return {
      found: (text, member) =>
        tell(text, (address) => {
          // (Last in the order: the first is the one that was not found for longest.)
          finds.addresses.delete(address)
          finds.addresses.add(address)
          this.#events.found(address, source, member)
          const [oldest] = finds.addresses
          if (source === 'heard' && finds.addresses.size > MAX_HEARD) this.#lost(finds, oldest as string)
        }),
      lost: (text) => tell(text, (address) => this.#lost(finds, address)),
      failed: (message) => {
        if (!this.#isStopped && !finds.isRefused) this.#events.failed(message, name)
      },
    }
  }

  #lost(finds: Finds, address: string): void {
    if (!finds.addresses.delete(address) || this.#isFound(address, finds.source)) return
    this.#events.lost(address, finds.source)
  }

  #isFound(address: string, source: Source): boolean {
    return this.#finds.some((finds) => finds.source === source && finds.addresses.has(address))
  }
}

/** What is no search, or a promise of one, may have begun to look all the same. */
function stopStray(search: unknown): void {
  Promise.resolve(search)
    .then((given) => (given as Partial<Search> | undefined)?.stop?.())
    .catch(() => {})
}
