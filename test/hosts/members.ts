/** Members on hosts of a LAN, and what is asked of all of them. */

import type { ClusterOptions, Status } from 'sessionmesh'
import { onCleanUp } from '../support/cleanup.js'
import { type Host, whyNoHosts } from '../support/lan.js'
import { SECRET } from '../support/local-cluster.js'
import { MemberProcess } from '../support/member-process.js'
import { pause, until } from '../support/wait.js'

export const whyNotHere = whyNoHosts()
if (whyNotHere !== undefined) {
  // CI sees to it that it can make hosts. What it skipped all the same would look as if it had passed.
  if (process.env.SESSIONMESH_TEST_HOSTS === 'required')
    throw new Error(`test/hosts cannot run, and SESSIONMESH_TEST_HOSTS says that it must: ${whyNotHere}`)
  console.log(`test/hosts is skipped: ${whyNotHere}`)
}
export const areNoHosts = whyNotHere !== undefined

const HTTP_PORT = 3000

/** Not started yet; with nothing said but a cluster's name and the secret. */
export function memberOn(host: Host, name: string, cluster: Partial<ClusterOptions> = {}): MemberProcess {
  const member = new MemberProcess({
    name,
    namespace: host.namespace,
    cluster: { name: 'lan', secret: SECRET, ...cluster },
  })
  onCleanUp(() => member.end())
  return member
}

/** The same, with an HTTP server. */
export function serverOn(host: Host, name: string): MemberProcess {
  const { settings } = memberOn(host, name)
  const server = new MemberProcess({ ...settings, httpHost: host.address, httpPort: HTTP_PORT })
  onCleanUp(() => server.end())
  return server
}

/** In any order, each at any time within half a second after the one before. Times count from the start of the last one. */
export async function startInTurn(
  members: readonly MemberProcess[],
): Promise<{ order: string[]; joinMs: number; meshMs: number }> {
  const order = [...members].sort(() => Math.random() - 0.5)
  const last = order.at(-1)!
  const starting = []
  for (const member of order.slice(0, -1)) {
    starting.push(member.start())
    await pause(Math.random() * 500)
  }
  const since = performance.now()
  const { joinedMs } = await last.start()
  await Promise.all(starting)
  await allSeeAll(members)
  return { order: order.map(({ name }) => name), joinMs: joinedMs, meshMs: performance.now() - since }
}

/** One member on each host, all started at once. */
export async function startOn(
  hosts: readonly Host[],
  cluster: Partial<ClusterOptions> = {},
): Promise<MemberProcess[]> {
  const members = hosts.map((host, i) => memberOn(host, `m${i + 1}`, cluster))
  await Promise.all(members.map((member) => member.start()))
  await allSeeAll(members)
  return members
}

/** Each sees all of them, itself included, and nobody else, alive. */
export async function allSeeAll(members: readonly MemberProcess[], deadlineMs = 20_000): Promise<void> {
  await Promise.all(members.map((member) => seesAll(member, members, deadlineMs)))
}

async function seesAll(
  member: MemberProcess,
  members: readonly MemberProcess[],
  deadlineMs: number,
): Promise<void> {
  const names = members.map(({ name }) => name).sort()
  const status = () => member.ask('status')
  await until(
    `${member.name} sees ${names.join(', ')}`,
    async () => statesOf(await status(), 'alive').join() === names.join(),
    { deadlineMs, dump: async () => (await status()).members },
  )
}

export function statesOf({ members }: Status, state: string): string[] {
  return members.flatMap((seen) => (seen.state === state ? seen.name : [])).sort()
}

/** Until all hold the same: how long that took. */
export async function sameState(members: readonly MemberProcess[], sessions: number): Promise<number> {
  const since = performance.now()
  const fingerprints = () => Promise.all(members.map((member) => member.ask('fingerprint')))
  await until(
    `all hold the same ${sessions} sessions`,
    async () => {
      const all = await fingerprints()
      return all.every(({ sessions: held, hash }) => held === sessions && hash === all[0]?.hash)
    },
    { deadlineMs: 30_000, dump: fingerprints },
  )
  return performance.now() - since
}
