/** A client that is ahead of a member: what tests of reads and of tokens begin with. */

import type { Config } from '../src/config.js'
import type { Stamp } from '../src/stamp.js'
import { Net } from './harness.js'
import type { Member } from './member.js'

/** What a client brings along that has seen this session here. */
export function seenAt(member: Member, sid: string): Stamp[] {
  const record = member.replica.record(sid)
  if (record === undefined) throw new Error(`${member.name} has no ${sid}`)
  return [record.lastStamp]
}

/** A client wrote at a, and its next request is at b, which the delta has not reached. */
export function ahead(names: readonly string[] = [], config: Partial<Config> = {}) {
  const net = new Net(config)
  const [a, b, ...others] = net.cluster('a', 'b', ...names)
  a.write('s', { x: '1' })
  net.settle()
  net.hold(a, b)
  a.write('s', { x: '2' })
  net.settle()
  for (const member of [a, b, ...others]) member.forgetLog()
  return { net, a, b, others, token: seenAt(a, 's') }
}
