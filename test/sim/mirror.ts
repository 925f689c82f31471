/** What a member's observer was told of its sessions: it has to be what the member holds, whatever came between. */

import type { RecordObserver, Replica } from '@sessionmesh/core'

const NOTHING = new Uint8Array()

export class Mirror implements RecordObserver {
  readonly #sessions = new Map<string, Map<string, Uint8Array>>()

  changed(record: Parameters<RecordObserver['changed']>[0], names: readonly string[]): void {
    const values = this.#sessions.get(record.sid) ?? new Map<string, Uint8Array>()
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
  }

  /** A session of which it was told something else than what is held, if there is one. */
  wrong(replica: Replica): string | undefined {
    let held = 0
    for (const record of replica.records()) {
      const values = record.values()
      if (values.size > 0) held++
      const told = this.#sessions.get(record.sid) ?? new Map<string, Uint8Array>()
      if (told.size !== values.size) return record.sid
      for (const [name, value] of values)
        if (Buffer.compare(told.get(name) ?? NOTHING, value) !== 0) return record.sid
    }
    return held === this.#sessions.size ? undefined : 'one that is not held'
  }
}
