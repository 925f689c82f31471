/** Several member processes that form one cluster, started, compared and ended together. */

import type { ClusterOptions } from 'sessionmesh'
import { onCleanUp } from './cleanup.js'
import { SECRET } from './local-cluster.js'
import { MemberProcess } from './member-process.js'
import type { Fingerprint } from './member-protocol.js'
import { freePorts } from './ports.js'
import { until, type WaitOptions } from './wait.js'
import { Wires } from './wires.js'

export interface ProcessClusterOptions {
  /** Names of the members that are started at once. */
  members: readonly string[]
  /** Names of members that a test starts later: they get their ports, and wires, at once. */
  later?: readonly string[]
  /** Put a wire between each pair, for cuts. */
  wired?: boolean
  /** Serve HTTP. */
  http?: boolean
  /** With the route cookie. */
  route?: boolean
  tellsExceptions?: boolean
  countsTimers?: boolean
  /** For Node itself. */
  nodeOptions?: readonly string[]
  /** Beyond name, secret, listen and peers. */
  cluster?: Partial<ClusterOptions>
}

export class ProcessCluster {
  readonly wires: Wires | undefined
  readonly #members: ReadonlyMap<string, MemberProcess>

  private constructor(members: ReadonlyMap<string, MemberProcess>, wires: Wires | undefined) {
    this.#members = members
    this.wires = wires
  }

  /** Resolves when all of `options.members` have joined and see each other alive. */
  static async start(options: ProcessClusterOptions): Promise<ProcessCluster> {
    const names = [...options.members, ...(options.later ?? [])]
    const ports = await freePorts(names.length * 2)
    const meshPorts = new Map(names.map((name, i) => [name, ports[i]!]))
    const wires = options.wired ? await Wires.between(meshPorts) : undefined
    const members = new Map<string, MemberProcess>()
    names.forEach((name, i) => {
      const named = names.filter((other) => other !== name)
      const member = new MemberProcess({
        name,
        ...(options.http && { httpPort: ports[names.length + i]! }),
        ...(wires && { routes: wires.routesOf(name) }),
        ...(options.nodeOptions && { nodeOptions: options.nodeOptions }),
        ...(options.route && { route: true }),
        ...(options.tellsExceptions && { tellsExceptions: true }),
        ...(options.countsTimers && { countsTimers: true }),
        cluster: {
          name: 'test',
          secret: SECRET,
          listen: { host: '127.0.0.1', port: meshPorts.get(name)! },
          peers: named.map((other) => `127.0.0.1:${meshPorts.get(other)}`),
          ...options.cluster,
        },
      })
      members.set(name, member)
    })
    const cluster = new ProcessCluster(members, wires)
    onCleanUp(() => Promise.all(cluster.all().map((member) => member.end())))
    await Promise.all(options.members.map((name) => cluster.member(name).start()))
    await cluster.linked()
    return cluster
  }

  member(name: string): MemberProcess {
    const member = this.#members.get(name)
    if (member === undefined) throw new Error(`no member ${name}`)
    return member
  }

  all(): MemberProcess[] {
    return [...this.#members.values()]
  }

  running(): MemberProcess[] {
    return this.all().filter((member) => member.isRunning)
  }

  /** The wires of a cluster that was started with them. */
  get wire(): Wires {
    if (this.wires === undefined) throw new Error('start the cluster with "wired: true"')
    return this.wires
  }

  /** Resolves when each of `members` (default: all that run) sees exactly these as alive. */
  async linked(
    members: readonly MemberProcess[] = this.running(),
    options: Pick<WaitOptions, 'deadlineMs'> = {},
  ): Promise<void> {
    const expected = members.map((member) => member.name).sort()
    for (const member of members) {
      await until(
        `${member.name} sees ${expected} alive`,
        async () => {
          const alive = (await member.ask('status')).members.filter(({ state }) => state === 'alive')
          return String(alive.map(({ name }) => name).sort()) === String(expected)
        },
        { ...options, dump: () => this.dump(members) },
      )
    }
  }

  /** Resolves with the common state when all of `members` (default: all that run) hold the same. */
  async converged(
    members: readonly MemberProcess[] = this.running(),
    options: { sessions?: number; deadlineMs?: number } = {},
  ): Promise<Fingerprint> {
    return until(
      `${members.map(({ name }) => name)} hold the same ${options.sessions ?? ''} sessions`,
      async () => {
        const prints = await Promise.all(members.map((member) => member.ask('fingerprint')))
        const [first] = prints
        if (first === undefined) throw new Error('no members to compare')
        const isEnough = options.sessions === undefined || first.sessions === options.sessions
        return isEnough && prints.every(({ hash }) => hash === first.hash) ? first : undefined
      },
      { deadlineMs: options.deadlineMs ?? 15_000, dump: () => this.dump(members) },
    )
  }

  /**
   * Resolves when everything that any of `members` sent before is merged at all of them: each writes a
   * marker, and what one origin writes arrives in order. So what is not there then will not come.
   */
  async fence(
    members: readonly MemberProcess[] = this.running(),
    options: Pick<WaitOptions, 'deadlineMs'> = {},
  ): Promise<void> {
    const markers = members.map((member) => `fence-${member.name}-${fences++}`)
    const everywhere = (what: string, isSo: (member: MemberProcess, marker: string) => Promise<boolean>) =>
      Promise.all(
        members.flatMap((member) =>
          markers.map((marker) =>
            until(`${marker} ${what} at ${member.name}`, () => isSo(member, marker), {
              ...options,
              dump: () => this.dump(members),
            }),
          ),
        ),
      )
    await Promise.all(members.map((member, i) => member.ask('write', markers[i]!, { fence: true })))
    await everywhere('is', (member, marker) => member.ask('has', marker))
    await Promise.all(members.map((member, i) => member.ask('destroy', markers[i]!)))
    await everywhere('is gone', async (member, marker) => !(await member.ask('has', marker)))
  }

  /** What a failed wait shows: each member's view of the others, its figures, last events and output. */
  async dump(members: readonly MemberProcess[] = this.all()): Promise<unknown[]> {
    const parts = members.map(async (member) => {
      const title = `--- ${member.name}:`
      if (!member.isRunning) return [`${title} not running`]
      const { members: seen, digest, counters, sessions, tombstones } = await member.ask('status')
      const views = seen.map(({ name, id, state }) => `${name} (${id}) ${state}`).join(', ')
      return [
        `${title} sees ${views}`,
        { sessions, tombstones, digest, counters },
        ...member.events.slice(-10),
        member.output,
      ]
    })
    return (await Promise.all(parts)).flat()
  }
}

let fences = 0
