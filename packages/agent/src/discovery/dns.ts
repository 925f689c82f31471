/** Members by a name that resolves to all of them: a headless service of Kubernetes, Consul, Docker Compose. */

import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { formatAddress, parseAddress } from '../address.js'
import { badOption, codeOf, isObject } from '../errors.js'
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
  if (!isObject(options)) throw badOption('dns takes an object after the name, as in { port: 7373 }')
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
      const hostsOf = servers === undefined ? lookUp : (host: string) => resolveHosts(resolver, host)
      // (What the system knows it is asked for at each attempt to dial. Names that only these servers know they resolve.)
      const targetsOf = async (host: string) =>
        servers === undefined || isIP(host) ? whole([host]) : hostsOf(host)
      const resolve = srv
        ? () => resolveSrv(resolver, targetsOf, name)
        : async () => at(await hostsOf(name), port)
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

/** What was found, and what not: of a name that does not exist, or of which there was no answer. */
interface Answer {
  readonly found: readonly string[]
  readonly failures: readonly Failure[]
}

interface Failure {
  readonly name: string
  /** As in `ENOTFOUND`. */
  readonly code: string
}

interface Question {
  readonly name: string
  readonly periodMs: number
  resolve(): Promise<Answer>
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
    const { name, resolve, periodMs } = this.#question
    const answer = await resolve().catch((error: unknown) => failed(name, error))
    if (this.#isStopped) return
    this.#take(answer)
    // (One of them may be this member itself.)
    const nextMs = this.#found.size > 1 ? periodMs : Math.min(HASTY_MS, periodMs)
    // Jitter, so that the members of a cluster that starts at once don't ask at once for ever.
    this.#timer = setTimeout(() => this.#look(), nextMs * (1 + Math.random() / 5)).unref()
  }

  /** That there is no such name is an answer: nobody is there yet, or any more. Without an answer all stays. */
  #take({ found, failures }: Answer): void {
    const before = this.#found
    const isWhole = failures.every(({ code }) => NO_SUCH_NAME.has(code))
    // (Sorted: servers shuffle their answers.)
    const addresses = new Set([...found, ...(isWhole ? [] : before)].sort().slice(0, MAX_ADDRESSES))
    this.#found = addresses
    const [failure] = failures
    if (failure !== undefined && !this.#isFailing)
      this.#report.failed(`${failure.name} does not resolve (${failure.code})`)
    this.#isFailing = failure !== undefined
    for (const address of before) if (!addresses.has(address)) this.#report.lost(address)
    for (const address of addresses) if (!before.has(address)) this.#report.found(address)
    // Of a name without addresses nobody knows whether its servers are about to be there: a joiner waits.
    if (addresses.size > 0) this.#onAnswer()
  }
}

const NO_SUCH_NAME: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA'])

function whole(found: readonly string[]): Answer {
  return { found, failures: [] }
}

function failed(name: string, error: unknown): Answer {
  return { found: [], failures: [{ name, code: codeOf(error) ?? String(error) }] }
}

function at({ found, failures }: Answer, port: number): Answer {
  return { found: found.map((host) => formatAddress(host, port)), failures }
}

/** One target of many that does not resolve is no loss of the others. */
async function resolveSrv(
  resolver: Resolver,
  targetsOf: (host: string) => Promise<Answer>,
  name: string,
): Promise<Answer> {
  const records = await resolver.resolveSrv(name)
  const answers = await Promise.all(
    records.map(async ({ name: target, port }) => at(await targetsOf(target.replace(/\.$/, '')), port)),
  )
  return {
    found: answers.flatMap(({ found }) => found),
    failures: answers.flatMap(({ failures }) => failures),
  }
}

async function lookUp(name: string): Promise<Answer> {
  return lookupAll(name).then(whole, (error) => failed(name, error))
}

/** (Most names have addresses of one family only; that the other one does not exist is no failure then.) */
async function resolveHosts(resolver: Resolver, name: string): Promise<Answer> {
  const both = await Promise.all(
    [resolver.resolve4(name), resolver.resolve6(name)].map((asked) =>
      asked.then(whole, (error) => failed(name, error)),
    ),
  )
  const found = both.flatMap((answer) => answer.found)
  const failures = both.flatMap((answer) => answer.failures)
  const silent = failures.filter(({ code }) => !NO_SUCH_NAME.has(code))
  return { found, failures: found.length > 0 || silent.length > 0 ? silent : failures.slice(0, 1) }
}
