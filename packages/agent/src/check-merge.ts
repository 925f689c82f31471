/** For tests of applications: is a function fit for `sessions.merge`? */

import { isDeepStrictEqual } from 'node:util'
import { SessionMeshError } from '@sessionmesh/core'
import { counter } from './counter.js'
import { packValue, unpackValue } from './values.js'

/**
 * Tries `merge` with all pairs and triples of `samples`, as members may come to call it: in either order, in any
 * grouping, and with the same value again.
 *
 * @param samples values of the attribute as your application makes them; the more different, the better
 * @throws SessionMeshError `SESSIONMESH_MERGE_FAILED` with the first samples for which two members would differ; nothing
 * when it is fit
 */
export function checkMerge<T>(merge: (a: T, b: T) => T, samples: readonly T[]): void {
  if (merge === (counter as unknown)) throw bad('counter needs no check')
  if (!Array.isArray(samples) || samples.length < 2)
    throw bad('checkMerge takes a list of two samples or more, as different as your application makes them')
  // As they come from other members: copies, which an application must not change either.
  const copy = (value: T): T => {
    try {
      return unpackValue('sample', packValue('sample', value)) as T
    } catch (cause) {
      throw bad(`a sample, or what the merge gave for some, cannot be stored: ${String(value)}`, cause)
    }
  }
  const merged = (a: T, b: T): T => {
    const [one, other] = [copy(a), copy(b)]
    const result = merge(one, other)
    if (!isDeepStrictEqual(one, copy(a)) || !isDeepStrictEqual(other, copy(b)))
      throw failed('changes its arguments', a, b)
    return copy(result)
  }
  for (const a of samples) {
    if (!isDeepStrictEqual(merged(a, a), copy(a)))
      throw failed('is not idempotent: merge(a, a) is not a (a list that it sorts has to be kept sorted)', a)
    for (const b of samples) {
      const ab = merged(a, b)
      if (!isDeepStrictEqual(ab, merged(b, a)))
        throw failed('is not commutative: merge(a, b) is not merge(b, a)', a, b)
      if (!isDeepStrictEqual(merged(ab, b), ab))
        throw failed('is not idempotent: merge(merge(a, b), b) is not merge(a, b)', a, b)
      for (const c of samples) {
        if (!isDeepStrictEqual(merged(ab, c), merged(a, merged(b, c))))
          throw failed('is not associative: merge(merge(a, b), c) is not merge(a, merge(b, c))', a, b, c)
      }
    }
  }
}

function bad(message: string, cause?: unknown): SessionMeshError {
  return new SessionMeshError('SESSIONMESH_MERGE_FAILED', message, { cause })
}

function failed(what: string, ...samples: unknown[]): SessionMeshError {
  const names = samples.map((sample, i) => `${'abc'[i]} = ${JSON.stringify(sample) ?? String(sample)}`)
  return new SessionMeshError('SESSIONMESH_MERGE_FAILED', `The merge ${what}, with ${names.join(', ')}`)
}
