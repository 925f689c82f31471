/** Why a member that has just joined is alone: whom it was to find, and what came of that. */

import { isLoopback } from './address.js'
import type { DialReport } from './links.js'
import type { ResolvedOptions } from './options.js'

export class Alone {
  readonly #options: ResolvedOptions
  readonly #isOwn: (address: string) => boolean
  readonly #named = new Set<string>()
  readonly #heard = new Set<string>()
  /** Those that were waited for in vain, of which was told. */
  readonly #awaited = new Set<string>()
  /** What discoveries could not do. */
  readonly #failedSearches: string[] = []
  /** Those that brought more sessions than the limits here allow. */
  readonly #tooMany = new Set<string>()
  /** Why the last dial of an address failed. */
  readonly #dialFailures = new Map<string, DialReport>()

  /** @param isOwn is it this member's address? */
  constructor(options: ResolvedOptions, isOwn: (address: string) => boolean) {
    this.#options = options
    this.#isOwn = isOwn
  }

  named(address: string): void {
    this.#named.add(address)
  }

  /** Somebody said so: that proves nothing. */
  heard(address: string): void {
    this.#heard.add(address)
  }

  searchFailed(message: string): void {
    this.#failedSearches.push(`${message}.`)
  }

  dialFailed(address: string, report: DialReport): void {
    this.#dialFailures.set(address, report)
  }

  broughtTooMany(address: string): void {
    this.#tooMany.add(address)
  }

  /** The core waited for it in vain, and does not know why there was no link. */
  awaited(address: string, message: string): string {
    this.#awaited.add(address)
    if (this.#tooMany.has(address))
      return `${address} has more sessions than the limits here allow, so this member serves without them. Give all members the same limits`
    const failure = this.#dialFailures.get(address)
    if (failure?.kind !== 'other') return message
    return `${failure.message} joinTimeoutMs is over: this member serves without its state`
  }

  /** `undefined` if it was told to look for nobody. */
  reason(): string | undefined {
    const { discoveries, host, hasSecret } = this.#options
    // One list, or one name, may serve all members, the one that reads it included.
    const others = [...this.#named].filter((address) => !this.#isOwn(address))
    const open = discoveries.filter(({ source }) => source === 'heard')
    const heard = [...this.#heard].filter((address) => !this.#isOwn(address))
    const isLooking = this.#named.size + open.length + this.#failedSearches.length > 0
    if (!isLooking) return undefined
    const reasons = [
      ...this.#ofNamed(others),
      ...(this.#named.size > 0 && others.length === 0 ? ['Nobody was named but this member itself.'] : []),
      ...open.map(({ name }) => `By ${name} ${this.#ofHeard(heard)}`),
      ...(open.length > 0 && isLoopback(host) ? [loopbackOnly(host, hasSecret)] : []),
      ...this.#failedSearches,
    ]
    const wasAsked = this.#failedSearches.length === 0
    const areDown =
      wasAsked &&
      [...others, ...heard].every((address) => this.#dialFailures.get(address)?.kind === 'refused')
    const hint = areDown ? ' If it is the first one, all is well.' : ''
    return `This member is alone so far. ${reasons.join(' ')}${hint}`
  }

  #ofHeard(heard: readonly string[]): string {
    const [first] = heard
    if (first === undefined) return 'nobody was found.'
    const why = this.#dialFailures.get(first)?.message ?? `${first} was not linked in time.`
    const count = heard.length === 1 ? 'one address was' : `${heard.length} addresses were`
    return `${count} found, and nobody there was linked. ${why}`
  }

  #ofNamed(others: readonly string[]): string[] {
    const told = others.filter((address) => this.#awaited.has(address))
    const untold = others.filter((address) => !this.#awaited.has(address))
    const late = told.length > 0 ? [`Not linked in time: ${told.join(', ')}.`] : []
    const why = (address: string) => this.#dialFailures.get(address)?.message ?? `${address} was not linked.`
    return [...late, ...untold.map(why)]
  }
}

function loopbackOnly(host: string, hasSecret: boolean): string {
  const why = hasSecret ? '' : ', since there is no secret'
  return `It listens on ${host} alone${why}: members on other machines are not looked for.`
}
