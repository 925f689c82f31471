/** What a member's observer was told of its sessions: it has to be what the member holds, whatever came between. */

import { type RecordObserver, type Replica, sameValue, type Value } from '@sessionmesh/core'

export class Mirror implements RecordObserver {
  readonly #sessions = new Map<string, Map<string, Value>>()
  /** Sessions that were let go, be they back by now. */
  readonly hasEnded = new Set<string>()

  changed(record: Parameters<RecordObserver['changed']>[0], names: readonly string[]): void {
    const values = this.#sessions.get(record.sid) ?? new Map<string, Value>()
    for (const name of names) {
      const value = record.get(name)
      if (value === undefined) values.delete(name)
      else values.set(name, value)
    }
    if (values.size > 0) this.#sessions.set(record.sid, values)
    else this.#sessions.delete(record.sid)
  }

  ended(sid: string): void {
    this.#sessions.delete(sid)
    this.hasEnded.add(sid)
  }

  /** A session of which it was told something else than what is held, if there is one. */
  wrong(replica: Replica): string | undefined {
    let held = 0
    for (const record of replica.records()) {
      const values = record.values()
      if (values.size > 0) held++
      const told = this.#sessions.get(record.sid) ?? new Map<string, Value>()
      if (told.size !== values.size) return record.sid
      for (const [name, value] of values) if (!sameValue(told.get(name), value)) return record.sid
    }
    return held === this.#sessions.size ? undefined : 'one that is not held'
  }
}
