/**
 * Seeds that once failed, and what was wrong. (What a seed draws changes with the simulator: each of these bugs has
 * a test of its own at the core as well.)
 */
export const regressions: readonly { readonly seed: number; readonly was: string }[] = [
  { seed: 201134, was: 'who stood still took what it was being sent before for all that it had missed' },
  { seed: 202975, was: 'a session without its creation was hidden again when a newcomer was learnt of' },
  {
    seed: 203945,
    was: 'a session was not waited for whose creation was known to be lost where it was shown',
  },
]
