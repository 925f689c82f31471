/** Runs no more than so many jobs at a time, in the order in which they came. */
export function atMost(limit: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (job) => {
    if (running < limit) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await job()
    } finally {
      // Whoever waits takes over the place; else it is free.
      const next = waiting.shift()
      if (next !== undefined) next()
      else running--
    }
  }
}
