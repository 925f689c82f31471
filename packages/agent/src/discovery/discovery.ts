/**
 * What finds the addresses of other members. What it finds is a hint and never proof: who answers there has to show
 * that it holds the secret. What it loses is no death: a member that is linked stays.
 */

/** Finds members of a cluster; one may serve several clusters, or several runs of one, at once. */
export interface Discovery {
  /** For people: `'mDNS'`, `'DNS sessions.internal'`. */
  readonly name: string
  /**
   * Who can put addresses in. `named`: only who the user trusts; each is dialled for as long as it is found. `heard`:
   * anybody on the network; they are bounded in number (1,024 a discovery, of which fewer are dialled: those that were not
   * found for longest go first), and given up until they are found again.
   */
  readonly source: 'named' | 'heard'
  start(self: Announcement, report: Report): Search
}

/** What others need in order to find this member. There is no secret in it: anybody may read it. */
export interface Announcement {
  readonly cluster: string
  /** Of this run. */
  readonly id: string
  /** Where it listens; `''` is everywhere. */
  readonly host: string
  readonly port: number
}

export interface Report {
  /**
   * Somebody may be at this `host:port`, or still is.
   *
   * @param member the id of who is said to be there. Several addresses of one member are dialled one after the other.
   */
  found(address: string, member?: string): void
  lost(address: string): void
  /** It can't look, or not everywhere. It goes on as well as it can. */
  failed(message: string): void
}

export interface Search {
  /**
   * Resolves when it has looked everywhere once: a joiner waits for this, up to `joinTimeoutMs`. Where nobody may be is
   * an answer as well, unless others may be about to be there (DNS: a name that does not resolve yet). Never rejects.
   */
  readonly looked: Promise<void>
  /** Ends it: nothing is reported any more, and no socket or timer is left. Never rejects. */
  stop(): Promise<void>
}
