/** What commands share: bad use says what is wrong, shows how it is meant, and ends with code 2. */

export class Usage {
  readonly #help: string

  constructor(help: string) {
    this.#help = help
  }

  /** What was given, unless it is not understood. */
  parsed<T>(parse: () => T): T {
    try {
      return parse()
    } catch (error) {
      return this.stop(error instanceof Error ? error.message : String(error))
    }
  }

  /** A whole number from `least` to `most`, of the option of this name. */
  count(name: string, given: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const value = Number(given)
    if (given.trim() !== '' && Number.isSafeInteger(value) && value >= least && value <= most) return value
    const wanted = most < Number.MAX_SAFE_INTEGER ? `${least} to ${most}` : `a whole number from ${least} on`
    return this.stop(`--${name} ${given}: give ${wanted}`)
  }

  stop(problem: string): never {
    console.error(`${problem}\n\n${this.#help}`)
    process.exit(2)
  }
}
