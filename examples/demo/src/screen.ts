/** Lines that scroll by, and below them the table that is redrawn in place. Without a terminal, lines only. */

import { clock } from './table.js'

const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'

export class Screen {
  readonly isLive: boolean
  readonly #startedAt = performance.now()
  #table: readonly string[] = []

  constructor(isLive: boolean) {
    this.isLive = isLive
    if (isLive) process.stdout.write(HIDE_CURSOR)
  }

  get width(): number {
    return process.stdout.columns || 80
  }

  say(text: string): void {
    const time = clock(Math.round((performance.now() - this.#startedAt) / 1000))
    process.stdout.write(`${this.#eraseTable()}${time} ${text}\n${this.#tableText()}`)
  }

  draw(table: readonly string[]): void {
    if (!this.isLive) return
    const erase = this.#eraseTable()
    this.#table = table
    process.stdout.write(erase + this.#tableText())
  }

  close(): void {
    if (this.isLive) process.stdout.write(SHOW_CURSOR)
  }

  #tableText(): string {
    return this.#table.map((line) => `${line}\n`).join('')
  }

  #eraseTable(): string {
    return this.#table.length === 0 ? '' : `\x1b[${this.#table.length}A\x1b[0J`
  }
}
