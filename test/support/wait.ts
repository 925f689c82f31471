/** Waiting by condition with a deadline: nothing in these tests sleeps and hopes. */

export interface WaitOptions {
  /** When to give up. Generous: it is reached only when the test fails. */
  deadlineMs?: number
  /** Adds to the failure what a person needs to see. */
  dump?: () => unknown
}

const POLL_MS = 10

/**
 * Asks `condition` until it gives something truthy, and returns that.
 * @throws Error that says what was waited for, what the last answer or error was, and the dump.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> {
  const deadlineMs = options.deadlineMs ?? 15_000
  const giveUpAt = performance.now() + deadlineMs
  let last: unknown
  for (;;) {
    try {
      const answer = await condition()
      if (answer) return answer
      last = answer
    } catch (error) {
      last = error
    }
    if (performance.now() > giveUpAt) {
      throw new Error(
        `waited ${deadlineMs} ms in vain until ${what}; last: ${show(last)}${await dump(options)}`,
      )
    }
    await pause(POLL_MS)
  }
}

/** For polling and pacing, never for "it will have happened by then". */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** `promise`, or a failure that names what did not come. */
export async function within<T>(what: string, deadlineMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

async function dump(options: WaitOptions): Promise<string> {
  if (options.dump === undefined) return ''
  try {
    return `\n${show(await options.dump())}`
  } catch (error) {
    return `\n(no dump: ${show(error)})`
  }
}

function show(value: unknown): string {
  if (value instanceof Error) return value.message
  if (typeof value === 'string') return value
  // One line for each: a failure is read by a person.
  if (Array.isArray(value)) return value.map(show).join('\n')
  return JSON.stringify(value) ?? String(value)
}
