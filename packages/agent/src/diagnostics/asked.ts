/**
 * What peers ask, answered one after the other: a question is a few bytes and its answer may be work, so a peer that asks
 * without end must not keep this member from anything else.
 */

/** Of one link. Who watches has one question under way, and one about a session now and then. */
const MAX_WAITING = 8
/** After an answer nothing is answered for so many times as long as it took: a fifth of the time at most goes into them. */
const REST = 4

export class Asked<L extends object> {
  readonly #nowMs: () => number
  #waiting: { readonly link: L; answer(): void }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /**
   * Calls `answer` at once, or in a later turn.
   * @returns false if it never will: too many questions of that link wait already
   */
  add(link: L, answer: () => void): boolean {
    if (this.#waiting.filter((each) => each.link === link).length >= MAX_WAITING) return false
    this.#waiting.push({ link, answer })
    if (this.#timer === undefined) this.#next()
    return true
  }

  /** The link has ended: nobody waits for answers. */
  drop(link: L): void {
    this.#waiting = this.#waiting.filter((each) => each.link !== link)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting = []
  }

  #next(): void {
    const next = this.#waiting.shift()
    if (next === undefined) return
    const fromMs = this.#nowMs()
    next.answer()
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#next()
      },
      REST * (this.#nowMs() - fromMs),
    ).unref()
  }
}
