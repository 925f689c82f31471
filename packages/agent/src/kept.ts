/** Texts that are held for long, made so that they take no more memory than they have to. */

import type { Keep } from '@sessionmesh/core'

/** Applications have few names; a flood of them is held but not gathered. */
const MAX_NAMES = 1_000

/** As peers get it, who have it in UTF-8; and of its own: a part of another text would keep all of that in memory. */
export function ownText(text: string): string {
  if (text.length > MAX_SCRATCH) return Buffer.from(text).toString()
  const bytes = scratch.write(text)
  // (As many bytes as characters: it is ASCII, which need not be looked through.)
  return scratch.toString(bytes === text.length ? 'latin1' : 'utf8', 0, bytes)
}

/** A Buffer for each text costs more than the text. */
const MAX_SCRATCH = 16 * 1024
const scratch = Buffer.allocUnsafeSlow(3 * MAX_SCRATCH)

/** The decoder gives parts of frames, and each session its own copies of the same few names. */
export class Kept implements Keep {
  readonly #names = new Map<string, string>()

  text(text: string): string {
    return ownText(text)
  }

  name(name: string): string {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const own = ownText(name)
    if (this.#names.size < MAX_NAMES) this.#names.set(own, own)
    return own
  }
}
