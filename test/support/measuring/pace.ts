/** Work at an even rate, as requests come in, and times that processes of one machine can compare. */

/**
 * What a late turn has missed is made up for in the next one.
 * @param isOver asked in each turn: ends it before its time
 * @returns how often `act` was called
 */
export function pace(
  { perSecond, forMs }: { perSecond: number; forMs: number },
  act: () => void,
  isOver: () => boolean = () => false,
): Promise<number> {
  const startMs = performance.now()
  let done = 0
  return new Promise((resolve) => {
    const onTimer = () => {
      const spentMs = performance.now() - startMs
      const due = Math.floor((Math.min(spentMs, forMs) * perSecond) / 1_000)
      for (; done < due; done++) act()
      // No oftener than there is something to do: a timer costs what a small write does.
      const nextMs = ((done + 1) * 1_000) / perSecond
      if (spentMs < forMs && !isOver()) setTimeout(onTimer, Math.max(1, Math.min(nextMs, forMs) - spentMs))
      else resolve(done)
    }
    onTimer()
  })
}

/** On the monotonic clock of the machine (on Linux and macOS it is the same for all processes). */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
