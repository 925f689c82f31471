/**
 * What a test opened is closed in reverse order when it ends, also when it failed half-way. Tests call
 * `leaveNothingBehind()` (leaks.ts); benches call `cleanUp()` themselves.
 */

const pending: (() => unknown)[] = []

/** Registers something to undo at the end of the test. */
export function onCleanUp(undo: () => unknown): void {
  pending.push(undo)
}

/** Undoes everything, and reports the failures together at the end. */
export async function cleanUp(): Promise<void> {
  const failures: unknown[] = []
  for (let undo = pending.pop(); undo !== undefined; undo = pending.pop()) {
    try {
      await undo()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'clean-up failed')
}
