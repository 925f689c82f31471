/** Beside what the tests of all adapters share: what errors look like. */

export * from '../../../../test/support/adapters.js'

/** What an error of this project looks like, whatever its text. */
export function coded(code: string): { name: string; code: string } {
  return { name: 'SessionMeshError', code }
}
