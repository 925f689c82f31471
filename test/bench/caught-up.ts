import type { MemberProcess } from '../support/member-process.js'
import { until } from '../support/wait.js'

/** Resolves when all that `writer` has written is applied at `peer`: what one member writes arrives in order. */
export async function caughtUp(peer: MemberProcess, writer: MemberProcess): Promise<void> {
  const { digest, self } = await writer.ask('status')
  const last = digest[self.id]
  await until(
    `${peer.name} has what ${writer.name} wrote`,
    async () => (await peer.ask('status')).digest[self.id] === last,
    { deadlineMs: 60_000 },
  )
}
