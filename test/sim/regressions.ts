/**
 * Seeds that once failed, and what was wrong. (What a seed draws changes with the simulator: each of these bugs has
 * a test of its own at the core as well.)
 */
export const regressions: readonly { readonly seed: number; readonly was: string }[] = []
