/** The commands of a member process, run against its cluster. */

import type { Cluster } from 'sessionmesh'
import { codeOf } from './error-code.js'
import { fingerprint } from './fingerprint.js'
import { measuringCommands } from './measuring/commands.js'
import { cpuMicros } from './measuring/cpu.js'
import { byTurns } from './measuring/turns.js'
import type { MemberCommands, WriteReport } from './member-protocol.js'

export function memberCommands(joined: Cluster | undefined, release: (key: string) => void): MemberCommands {
  const cluster = (): Cluster => {
    if (joined === undefined) throw new Error('this member runs without a cluster')
    return joined
  }
  const sessions = () => cluster().sessions

  return {
    ...measuringCommands(cluster),
    load: (sid) => sessions().load(sid)?.data,
    async write(sid, data, options) {
      const start = performance.now()
      const result = sessions().write(sid, data, { ...options, base: sessions().load(sid)?.base })
      const acked = await result.acked.catch(codeOf)
      const report: WriteReport = {
        outcome: result.outcome,
        changed: result.changed,
        acked,
        waitedMs: performance.now() - start,
      }
      return report
    },
    async writeMany(prefix, count, bytes) {
      const payload = 'x'.repeat(bytes)
      await byTurns(count, (i) => void sessions().write(`${prefix}${i}`, { i, payload }))
    },
    destroy: (sid) => sessions().destroy(sid).destroyed,
    has: (sid) => sessions().has(sid),
    size: () => sessions().size,
    sids: () => [...sessions().keys()],
    owner: (sid) => sessions().owner(sid)?.name,
    snapshot: () => {
      return Object.fromEntries([...sessions().keys()].map((sid) => [sid, sessions().load(sid)?.data ?? {}]))
    },
    fingerprint: () => fingerprint(sessions()),
    status: () => cluster().status(),
    release,
    stall(ms) {
      const end = performance.now() + ms
      while (performance.now() < end) {
        // Busy on purpose: this is what a long garbage collection or a synchronous handler looks like.
      }
    },
    openHandles: () => process.getActiveResourcesInfo().filter((kind) => kind !== 'Timeout').length,
    cpuMicros,
    drain: () => cluster().drain(),
    rekey: (keys) => cluster().rekey(keys),
  }
}
