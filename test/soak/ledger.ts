/**
 * What one client knows of its session: what it sent, what was confirmed, and what it has seen since. There is one request
 * at a time, so the token that the next one brings stands for all that was seen.
 *
 * Here nothing excuses a loss of what was confirmed: no member dies before all have what it wrote (see faults.ts), but for
 * its last moment, when every peer's link is whole.
 */

export interface Confirmed {
  value: number
  server: string
  acks: string
}

export class Ledger {
  readonly sid: string
  readonly user: string
  #isCertain: boolean
  readonly #issued = new Map<string, number>()
  readonly #confirmed = new Map<string, Confirmed>()
  /** What was sent and never answered. A server that still waits for something may write it after all that comes later. */
  readonly #unanswered = new Map<string, Set<unknown>>()
  #seen = new Map<string, number>()
  #mustShow: boolean

  constructor(sid: string, user: string, isCertain: boolean) {
    this.sid = sid
    this.user = user
    this.#isCertain = isCertain
    this.#mustShow = isCertain
  }

  /** The next number for that attribute. */
  issue(attribute: string): number {
    const value = (this.#issued.get(attribute) ?? 0) + 1
    this.#issued.set(attribute, value)
    return value
  }

  confirm(attribute: string, confirmed: Confirmed): void {
    this.#confirmed.set(attribute, confirmed)
  }

  /** The connection broke. */
  unanswered(attribute: string, value: number): void {
    const values = this.#unanswered.get(attribute) ?? new Set()
    this.#unanswered.set(attribute, values.add(value))
  }

  /** Somebody has said that the session is there. */
  get isCertain(): boolean {
    return this.#isCertain
  }

  /** It may have ended. */
  doubt(): void {
    this.#isCertain = false
    this.#mustShow = false
  }

  /** Whether an answer without the session lacks something. */
  get mustShow(): boolean {
    return this.#mustShow
  }

  /** What an answer lacks of what was seen before, in words. */
  lackOf(data: Readonly<Record<string, unknown>>): string | undefined {
    for (const [name, value] of this.#seen)
      if (numberOf(data[name]) < value && !this.#mayBeLate(name, data[name]))
        return `shows ${name} ${data[name]} and ${value} was seen`
    return undefined
  }

  /** @throws Error when it shows what nobody wrote */
  saw(data: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(data)) {
      if (typeof value !== 'number') continue
      if (value > (this.#issued.get(name) ?? 0)) throw new Error(`${name} is ${value}, which nobody wrote`)
      this.#seen.set(name, value)
    }
    this.#mustShow = true
  }

  /** An answer said that it lacks something: the token starts from what it showed. */
  forgetSeen(): void {
    this.#seen = new Map()
    this.#mustShow = false
  }

  /** What is missing where all is well again, in words. @param held `undefined`: there is no such session */
  missingIn(held: Readonly<Record<string, unknown>> | undefined): string | undefined {
    if (held === undefined) return this.#isCertain ? 'it is gone' : undefined
    for (const [name, { value, server, acks }] of this.#confirmed)
      if (numberOf(held[name]) < value && !this.#mayBeLate(name, held[name]))
        return `${name} is ${held[name]}, and ${value} was confirmed by ${server} with acks ${acks}`
    for (const [name, value] of Object.entries(held))
      if (typeof value === 'number' && value > (this.#issued.get(name) ?? 0))
        return `${name} is ${value}, which nobody wrote`
    return undefined
  }

  #mayBeLate(attribute: string, value: unknown): boolean {
    return this.#unanswered.get(attribute)?.has(value) === true
  }
}

function numberOf(value: unknown): number {
  return Number(value ?? 0)
}
