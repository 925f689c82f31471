/** The commands of a member process for benches. */

import type { SessionData } from 'express-session'
import type { Cluster } from 'sessionmesh'
import { BareLinks } from './bare-links.js'
import { timeWrites } from './held-up.js'
import { COOKIE, kilobyte, sidOf } from './kilobyte.js'
import { watchArrivals, writeTimed } from './lag.js'
import { leak } from './leak.js'
import { LoopWatch } from './loop-watch.js'
import { memoryUse } from './memory-use.js'
import { pace } from './pace.js'
import type { MeasuringCommands, StoreKind } from './protocol.js'
import { newStore, StoreBench } from './store-bench.js'
import { byTurns } from './turns.js'
import { vitals } from './vitals.js'
import { flood, Writer, writeTurns } from './writer.js'

/** @param cluster throws where there is none */
export function measuringCommands(cluster: () => Cluster): MeasuringCommands {
  const benches = new Map<StoreKind, StoreBench>()
  // What a store holds has to be held itself, to be measured.
  const stores: unknown[] = []
  const bare = new BareLinks()
  let arrivals = new Map<number, number>()
  let watch: LoopWatch | undefined
  let opened: Writer | undefined
  const writer = (): Writer => {
    if (opened === undefined) throw new Error('open the writer first')
    return opened
  }

  return {
    async fillStore(kind, sessions) {
      const store = await newStore(kind, cluster)
      const bench = new StoreBench(store, kind === 'sessionmesh' ? cluster() : undefined)
      benches.set(kind, bench)
      await bench.fill(sessions)
    },
    storeRound(kind, round) {
      const bench = benches.get(kind)
      if (bench === undefined) throw new Error(`fill the store ${kind} first`)
      return bench.round(round)
    },
    async fillKilobytes(into, sessions, { first = 0, withCookie = false } = {}) {
      const store = into === 'cluster' ? undefined : await newStore(into, cluster)
      stores.push(store)
      await byTurns(sessions, (i) => {
        const number = first + i
        const data = withCookie ? { ...kilobyte(number), cookie: COOKIE } : kilobyte(number)
        if (store === undefined) cluster().sessions.write(sidOf(number), data)
        else store.set(sidOf(number), data as unknown as SessionData)
      })
    },
    async destroyAll() {
      const sids = [...cluster().sessions.keys()]
      await byTurns(sids.length, (i) => void cluster().sessions.destroy(sids[i]!))
    },
    watchLoop() {
      watch = new LoopWatch()
    },
    loopReport() {
      if (watch === undefined) throw new Error('watch the loop first')
      return watch.stop()
    },
    memoryUse,
    vitals: (isCollected) => vitals(cluster(), isCollected),
    leak,
    peakBytes: () => process.resourceUsage().maxRSS * 1024,
    async openWriter(options) {
      opened = await Writer.open(cluster(), options)
    },
    writeTurns: (options) => writeTurns(writer(), options),
    flood: (options) => flood(writer(), options),
    writePaced: (rate) => pace(rate, () => void writer().write('all')),
    idlePaced: (rate) => pace(rate, () => {}),
    timeWrites: (rate, acks) => timeWrites(writer(), rate, acks),
    writeTimed: (rate) => writeTimed(writer(), rate),
    watchArrivals() {
      arrivals = watchArrivals(cluster())
    },
    arrivals: () => arrivals,
    bareListen: () => bare.listen(),
    bareDial: (ports) => bare.dial(ports),
    bareFlood: (options) => bare.flood(options),
    bareReceived: () => bare.received,
    bareBeat: (beat) => bare.beat(beat),
    barePace: (rate, bytes) => bare.pace(rate, bytes),
    bareLags: () => bare.takeLags(),
  }
}
