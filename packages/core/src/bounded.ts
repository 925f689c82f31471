/** What is remembered for long is bounded: the first that came goes first. */
export function dropOldest<Key>(held: Map<Key, unknown> | Set<Key>, most: number): void {
  for (const oldest of held.keys()) {
    if (held.size <= most) return
    held.delete(oldest)
  }
}
