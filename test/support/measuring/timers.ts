/**
 * Counts the timers of this process that are armed. `process.getActiveResourcesInfo()` leaves out those that are unref'd, as
 * a cluster's are; hooks for all asynchronous work, or a walk over the heap, would cost more than what is measured.
 */

const armed = new Set<unknown>()
let isWatching = false

/** Of those that were set since `watchTimers`; `undefined` without that. */
export function armedTimers(): number | undefined {
  return isWatching ? armed.size : undefined
}

/** From now on. (Node's own, of its sockets, are not among them: each goes with its socket.) */
export function watchTimers(): void {
  isWatching = true
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis
  const setting = (set: typeof setTimeout | typeof setInterval, isOnce: boolean) => {
    return (act: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const run = (...given: unknown[]) => {
        if (isOnce) armed.delete(timer)
        act(...given)
      }
      const timer = set(run, ms, ...args)
      armed.add(timer)
      return timer
    }
  }
  const clearing = (clear: typeof clearTimeout) => (timer: NodeJS.Timeout | undefined) => {
    armed.delete(timer)
    clear(timer)
  }
  // What else they have (the forms that give promises) stays.
  Object.assign(globalThis, {
    setTimeout: Object.defineProperties(
      setting(setTimeout, true),
      Object.getOwnPropertyDescriptors(setTimeout),
    ),
    setInterval: Object.defineProperties(
      setting(setInterval, false),
      Object.getOwnPropertyDescriptors(setInterval),
    ),
    clearTimeout: clearing(clearTimeout),
    clearInterval: clearing(clearInterval),
  })
}
