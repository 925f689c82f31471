/** What is remembered for long is bounded: the first that came goes first. */
export function dropOldest<Key>(held: Map<Key, unknown> | Set<Key>, most: number): void {
  for (const oldest of held.keys()) {
    if (held.size <= most) return
    held.delete(oldest)
  }
}

/** In their order, each batch of not more than `most` bytes unless it is of one item; a single empty one of nothing. */
export function inBatches<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  most: number,
): Item[][] {
  const batches: Item[][] = []
  let batch: Item[] = []
  let bytes = 0
  for (const item of items) {
    const size = bytesOf(item)
    if (batch.length > 0 && bytes + size > most) {
      batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(item)
    bytes += size
  }
  batches.push(batch)
  return batches
}
