/**
 * Whether there is memory for more sessions, by the heap: at its limit V8 ends the process and all its sessions with it.
 *
 * What is in use has garbage in it. But V8 collects it, at the latest, half-way between what the last collection left and the
 * limit: at nine tenths in use, four fifths are no garbage.
 */

/** `short`: a person should know. `none`: no session should begin. */
export type Room = 'enough' | 'short' | 'none'

/** A process needs so much of it before it holds anything. */
const PROCESS_BYTES = 32 * 2 ** 20
const SHARE = 0.4
const SHORT = 0.8
const NONE = 0.9
/** By so much it has to fall again, lest each collection of garbage told of another change. */
const BACK = 0.1

/** Of new objects: at most so much of V8's limit is for them (48 MB until Node 20, 96 since), and not for what stays. */
const YOUNG_BYTES = 96 * 2 ** 20

/** What may stay in the heap, of which V8 tells no more than the limit of all. */
export function heapLimitBytes({ heap_size_limit }: { heap_size_limit: number }): number {
  return Math.max(heap_size_limit - YOUNG_BYTES, heap_size_limit / 2)
}

/** What sessions may take of it, where the user says nothing; peers may bring twice as much. */
export function maxTotalBytesOf(heap: { heap_size_limit: number }): number {
  const limit = heapLimitBytes(heap)
  return Math.floor(SHARE * Math.max(limit - PROCESS_BYTES, limit / 2))
}

/** @param before what it was the last time */
export function roomIn(before: Room, usedBytes: number, limitBytes: number): Room {
  const used = usedBytes / limitBytes
  if (used >= NONE || (before === 'none' && used >= NONE - BACK)) return 'none'
  if (used >= SHORT || (before !== 'enough' && used >= SHORT - BACK)) return 'short'
  return 'enough'
}
