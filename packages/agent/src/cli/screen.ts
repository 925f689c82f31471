/** A terminal's other screen, on which pictures are drawn over each other; what was there before comes back at the end. */

const ENTER = '\x1b[?1049h'
const LEAVE = '\x1b[?1049l'
const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
/** A line that is measured wrongly is cut, and does not push the others down. */
const NO_WRAP = '\x1b[?7l'
const WRAP = '\x1b[?7h'
const HOME = '\x1b[H'
const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'

type Output = Pick<NodeJS.WriteStream, 'write' | 'columns' | 'rows' | 'on' | 'off'>
type Input = Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'>

export class Screen {
  readonly #output: Output
  readonly #input: Input
  readonly #onResize: () => void
  readonly #onKey: (keys: Buffer) => void
  /** Also when the process ends by an error. */
  readonly #onExit = () => this.close()
  #isOpen = false

  /** @param onKey is told what was typed, if anything can be */
  constructor(input: Input, output: Output, on: { resize(): void; key(key: string): void }) {
    this.#input = input
    this.#output = output
    this.#onResize = on.resize
    this.#onKey = (keys) => {
      for (const key of keys.toString('utf8')) on.key(key)
    }
  }

  get width(): number {
    return this.#output.columns || 80
  }

  get height(): number {
    return this.#output.rows || 24
  }

  open(): void {
    this.#isOpen = true
    process.on('exit', this.#onExit)
    this.#output.write(ENTER + HIDE_CURSOR + NO_WRAP)
    this.#output.on('resize', this.#onResize)
    if (!this.#input.isTTY) return
    this.#input.setRawMode(true)
    this.#input.on('data', this.#onKey)
    this.#input.resume()
  }

  /** In place of what was drawn before; what is too long for the screen is left out. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return
    // Cleared first: after a line that is full the cursor stands on its last character.
    const shown = lines.slice(0, this.height).map((line) => CLEAR_LINE + line)
    const below = shown.length < this.height ? `\r\n${CLEAR_BELOW}` : ''
    this.#output.write(HOME + shown.join('\r\n') + below)
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    process.off('exit', this.#onExit)
    this.#output.off('resize', this.#onResize)
    if (this.#input.isTTY) {
      this.#input.setRawMode(false)
      this.#input.off('data', this.#onKey)
      this.#input.pause()
    }
    this.#output.write(WRAP + SHOW_CURSOR + LEAVE)
  }
}
