/** Members by a name that resolves to all of them: a headless service of Kubernetes, Consul, Docker Compose. */

import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { formatAddress, parseAddress } from '../address.js'
import { badOption, codeOf } from '../errors.js'
import { lookupAll } from '../lookup.js'
import type { Discovery, Report, Search } from './discovery.js'

export interface DnsOptions {
  /** Where members listen, unless the name's SRV records say so. Default 7373. */
  readonly port?: number
  /**
   * Ask for SRV records, which tell ports too. Default: when the name begins with `_`, as `_mesh._tcp.example.org`.
   * Search domains do not count: give the full name.
   */
  readonly srv?: boolean
  /**
   * Ask these servers (`'127.0.0.1:8600'` for Consul) instead of the system's. Then neither the hosts file nor search
   * domains count: give the full name.
   */
  readonly servers?: readonly string[]
  /** Between two questions, in ms; a fifth of jitter is added. Default 5000, and 1000 until two addresses are found. */
  readonly periodMs?: number
}

const OPTIONS = ['port', 'srv', 'servers', 'periodMs']
/** No name has so many members; one that seems to may be somebody's wildcard. */
const MAX_ADDRESSES = 256
const HASTY_MS = 1_000

/**
 * Finds members by the A and AAAA, or SRV, records of `name`, asked for again and again.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`, `SESSIONMESH_BAD_ADDRESS`
 */
export function dns(name: string, options: DnsOptions = {}): Discovery {
  const stray = Object.keys(options).find((key) => !OPTIONS.includes(key))
  if (stray !== undefined) throw badOption(`dns: ${stray} is not an option. Known are: ${OPTIONS.join(', ')}`)
  if (typeof name !== 'string' || name === '' || name.includes(':'))
    throw badOption(
      `dns: ${JSON.stringify(name)} is not a name; give one, as in dns('sessions.internal', { port: 7373 })`,
    )
  const { port = 7373, srv = name.startsWith('_'), servers, periodMs = 5_000 } = options
  // (The name and the port as an address are checked as one.)
  parseAddress(`${name}:${port}`)
  if (!(periodMs >= 100)) throw badOption(`dns: periodMs is ${periodMs}; give at least 100`)
  // (A mistake in them is told now, not when the search begins.)
  newResolver(servers)
  return {
    name: `DNS ${name}`,
    source: 'named',
    start: (_self, report) => {
      // (One for each search: to stop it cancels what is asked with it.)
      const resolver = newResolver(servers)
      const own = servers === undefined ? undefined : resolver
      const resolve = srv
        ? () => resolveSrv(resolver, own, name)
        : async () => (await resolveHosts(own, name)).map((host) => formatAddress(host, port))
      return new DnsSearch({ name, periodMs, resolve, cancel: () => resolver.cancel() }, report)
    },
  }
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
function newResolver(servers: readonly string[] | undefined): Resolver {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  try {
    if (servers !== undefined) resolver.setServers([...servers])
    return resolver
  } catch (error) {
    throw badOption(
      `dns: servers are ${JSON.stringify(servers)}; give IP addresses, as in '127.0.0.1:8600' (${error})`,
    )
  }
}

interface Question {
  readonly name: string
  readonly periodMs: number
  resolve(): Promise<string[]>
  cancel(): void
}

class DnsSearch implements Search {
  readonly looked: Promise<void>
  readonly #question: Question
  readonly #report: Report
  #found: ReadonlySet<string> = new Set()
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  #isFailing = false
  #onAnswer = () => {}

  constructor(question: Question, report: Report) {
    this.#question = question
    this.#report = report
    this.looked = new Promise((resolve) => {
      this.#onAnswer = resolve
    })
    this.#look()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#question.cancel()
    this.#onAnswer()
  }

  async #look(): Promise<void> {
    const { resolve, periodMs } = this.#question
    const answer = await resolve().catch((error: unknown) => this.#failed(error))
    if (this.#isStopped) return
    if (answer !== undefined) this.#take(answer)
    // (One of them may be this member itself.)
    const nextMs = this.#found.size > 1 ? periodMs : Math.min(HASTY_MS, periodMs)
    // Jitter, so that the members of a cluster that starts at once don't ask at once for ever.
    this.#timer = setTimeout(() => this.#look(), nextMs * (1 + Math.random() / 5)).unref()
  }

  #take(answer: readonly string[]): void {
    // (Sorted: servers shuffle their answers.)
    const now = new Set([...answer].sort().slice(0, MAX_ADDRESSES))
    const before = this.#found
    this.#found = now
    if (now.size > 0) this.#isFailing = false
    // Of a name without addresses nobody knows whether its servers are about to be there: a joiner waits.
    if (now.size > 0) this.#onAnswer()
    for (const address of before) if (!now.has(address)) this.#report.lost(address)
    for (const address of now) if (!before.has(address)) this.#report.found(address)
  }

  /** That there is no such name is an answer: nobody is there yet, or any more. Without an answer all stays. */
  #failed(error: unknown): string[] | undefined {
    const code = codeOf(error) ?? String(error)
    if (!this.#isFailing && !this.#isStopped)
      this.#report.failed(`${this.#question.name} does not resolve (${code})`)
    this.#isFailing = true
    return code === 'ENOTFOUND' || code === 'ENODATA' ? [] : undefined
  }
}

/** @param own asks servers of the user's; else the system looks names of hosts up. */
async function resolveSrv(resolver: Resolver, own: Resolver | undefined, name: string): Promise<string[]> {
  const records = await resolver.resolveSrv(name)
  const found = records.map(async ({ name: target, port }) => {
    const host = target.replace(/\.$/, '')
    // What the system knows it is asked for at each attempt to dial. Names that only these servers know they resolve.
    const hosts = own === undefined || isIP(host) ? [host] : await resolveHosts(own, host)
    return hosts.map((each) => formatAddress(each, port))
  })
  return (await Promise.all(found)).flat()
}

async function resolveHosts(own: Resolver | undefined, name: string): Promise<string[]> {
  if (own === undefined) return lookupAll(name)
  const [v4, v6] = await Promise.allSettled([own.resolve4(name), own.resolve6(name)])
  if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason
  return [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
}
