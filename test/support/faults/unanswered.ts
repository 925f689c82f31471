/** Why a request has no answer, by what undici throws. */

/** `refused`: nobody has seen it. `broken`: nobody knows what became of it. `late`: it may be carried out yet. */
export type Unanswered = 'refused' | 'broken' | 'late'

const kinds: Readonly<Record<string, Unanswered>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'broken',
  UND_ERR_SOCKET: 'broken',
  EPIPE: 'broken',
  UND_ERR_HEADERS_TIMEOUT: 'late',
}

/** `kind` is `undefined` for what no fault that is made here explains. */
export function unansweredBy(error: unknown): { code: string; kind: Unanswered | undefined } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return { code, kind: kinds[code] }
}
