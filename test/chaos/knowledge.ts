/**
 * What a client may rely on, by the token it sends. Requests of one browser overlap, and the token of the
 * answer that comes last replaces the others: so not what a client has seen counts, but what the token in its
 * cookies stands for. No token stands for what its servers found merged everywhere.
 */

/** Of one session. `values`: each attribute's number, which only grows. */
export interface Known {
  readonly isOpen: boolean
  readonly isOver: boolean
  readonly values: ReadonlyMap<string, number>
}

export const NOTHING: Known = { isOpen: false, isOver: false, values: new Map() }

const MAX_TOKENS = 200
const MAX_SESSIONS = 6

export class Knowledge {
  readonly #byToken = new Map<string, Map<string, Known>>()

  of(token: string, sid: string): Known {
    return this.#byToken.get(token)?.get(sid) ?? NOTHING
  }

  /** An answer came: its `token` stands for what `brought` stood for, and for what was seen of `sid`. */
  learn(token: string, brought: string | undefined, sid: string, seen: Known): void {
    const known = new Map(this.#byToken.get(token))
    const before = brought === undefined ? [] : (this.#byToken.get(brought) ?? [])
    for (const [each, what] of [...before, [sid, seen] as const]) {
      const joined = join(known.get(each) ?? NOTHING, what)
      known.delete(each)
      known.set(each, joined)
    }
    for (const [old] of [...known].slice(0, -MAX_SESSIONS)) known.delete(old)
    this.#byToken.delete(token)
    this.#byToken.set(token, known)
    if (this.#byToken.size > MAX_TOKENS) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const token of this.#byToken.keys()) {
      if (token === '') continue
      this.#byToken.delete(token)
      return
    }
  }
}

function join(a: Known, b: Known): Known {
  const values = new Map(a.values)
  for (const [name, value] of b.values) values.set(name, Math.max(value, values.get(name) ?? 0))
  return { isOpen: a.isOpen || b.isOpen, isOver: a.isOver || b.isOver, values }
}
