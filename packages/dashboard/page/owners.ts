/** Who answers for how many sessions: the shares of the ring. */

import { isLiving, type Model } from './model.js'

/** Of sessions whose owner has no place. */
export const UNPLACED = ''

/** By the key of a place, all places in their order; `undefined` before anybody has counted. */
export function sharesOf(model: Pick<Model, 'places' | 'by' | 'placeOf'>): Map<string, number> | undefined {
  // The one that tells is asked first; before it has counted, whoever has counted last.
  const counts = model.places
    .filter(({ run }) => isLiving(run) && run.told?.census !== undefined)
    .sort((a, b) => Number(b.isTeller) - Number(a.isTeller) || censusMs(b.run) - censusMs(a.run))
  const owners = counts[0]?.run.told?.census?.owners
  if (owners === undefined) return undefined
  const shares = new Map<string, number>(model.places.map(({ key }) => [key, 0]))
  for (const [id, sessions] of Object.entries(owners)) {
    const key = model.placeOf(id)?.key ?? UNPLACED
    shares.set(key, (shares.get(key) ?? 0) + sessions)
  }
  return shares
}

function censusMs({ told }: { told?: { census?: { atMs: number } | undefined } | undefined }): number {
  return told?.census?.atMs ?? 0
}
