/** What several processes have spent and sent together. */

import type { MemberProcess } from '../support/member-process.js'

/** User and system time since they were started, all threads. */
export function cpuMicrosOf(members: readonly MemberProcess[]): Promise<number> {
  return total(members.map((member) => member.ask('cpuMicros')))
}

export async function total(counts: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

/** Over the links that are there. */
export async function sentBy(members: readonly MemberProcess[]): Promise<{ frames: number; bytes: number }> {
  const sent = { frames: 0, bytes: 0 }
  for (const { links } of await Promise.all(members.map((member) => member.ask('status')))) {
    for (const { sentFrames, sentBytes } of links) {
      sent.frames += sentFrames
      sent.bytes += sentBytes
    }
  }
  return sent
}
