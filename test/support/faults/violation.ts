/** A promise that was broken. `history`: what the client saw that found out, oldest first. */
export class Violation extends Error {
  override readonly name = 'Violation'
  history: readonly string[] = []
}
