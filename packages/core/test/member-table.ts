/** The table of members on its own, for tests of what it makes of what happens and of what others tell. */

import { resolveConfig } from '../src/config.js'
import { type LinkId, type MemberChange, Members, type Peer } from '../src/members.js'
import type { MemberState, RosterEntry } from '../src/messages.js'
import { at } from './arbitraries.js'

export const config = resolveConfig()
/** Just long enough to be suspect, and to be dead. */
export const SUSPECT = config.suspectAfterMs + 1
export const DEAD = config.deadAfterMs + 1

type Told = Partial<RosterEntry> & { id: string; state: MemberState }

export class MemberTable {
  nowMs = 0
  readonly changes: string[] = []
  readonly forgotten: string[] = []
  /** On all addresses of its host. */
  readonly members = new Members(
    { id: 'self', name: 'self', address: ':1', seenAt: ['self:1', 'other:1'] },
    config,
    ({ peer, from, to }: MemberChange) => {
      this.changes.push(`${peer.id}: ${from} -> ${to}`)
    },
    (id) => this.forgotten.push(id),
  )

  get now() {
    return at(this.nowMs)
  }

  after(ms: number): this {
    this.nowMs += ms
    return this
  }

  /** An established member, heard now. */
  link(name: string, { link = 1, id = name, address = `${name}:1` } = {}): Peer {
    return this.members.established({ id, name, address }, link, this.now)
  }

  /** What `teller` says of others. */
  tell(teller: Peer, ...entries: Told[]): void {
    this.tellLate(0, teller, ...entries)
  }

  /** What it said `ms` ago. */
  tellLate(ms: number, teller: Peer, ...entries: Told[]): void {
    const roster = entries.map(({ id, ...rest }) => ({ id, name: id, address: `${id}:1`, ...rest }))
    this.members.toldRoster(teller, roster, this.now.monoMs - ms, this.now)
  }

  /** Twice: what waited on the links at the first tick would have been read before the second. */
  tick(): LinkId[] {
    return [...this.members.tick(this.now), ...this.members.tick(this.now)]
  }
}
