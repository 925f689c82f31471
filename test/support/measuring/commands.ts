/** The commands of a member process for benches. */

import type { Cluster } from 'sessionmesh'
import type { MeasuringCommands, StoreKind } from './protocol.js'
import { StoreBench } from './store-bench.js'

/** @param cluster throws where there is none */
export function measuringCommands(cluster: () => Cluster): MeasuringCommands {
  const stores = new Map<StoreKind, StoreBench>()

  return {
    async fillStore(kind, sessions) {
      const store = await StoreBench.of(kind, cluster)
      stores.set(kind, store)
      await store.fill(sessions)
    },
    storeRound(kind, round) {
      const store = stores.get(kind)
      if (store === undefined) throw new Error(`fill the store ${kind} first`)
      return store.round(round)
    },
  }
}
