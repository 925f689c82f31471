/** Who runs: three servers with the same app, the sessions kept in one way or another, and the users that ask them. */

import { type Kind, User } from './user.js'

export const USERS = 32
export const SERVERS = 3

export interface Candidate {
  name: string
  /** What is missing here to run it; `undefined`: nothing. */
  whyNot?: string | undefined
  /** Why its users have no session of nested objects. */
  whyNoShop?: string
  start(): Promise<Servers>
}

/** Started, and ready to be asked. */
export interface Servers {
  urls: readonly string[]
  /** Each user always has the same server; else whichever is next. */
  isSticky: boolean
  /** What all processes that serve have spent since they were started, a store's server included. */
  cpuMicros(): Promise<number>
  version?: string
  /** What they themselves say of wrong answers, and more. */
  counters?(): Promise<unknown>
}

export class Contender {
  readonly name: string
  readonly servers: Servers
  /** What it is asked. */
  readonly kinds: readonly Kind[]
  readonly users: readonly User[] = Array.from({ length: USERS }, () => new User())

  constructor(name: string, servers: Servers, kinds: readonly Kind[]) {
    this.name = name
    this.servers = servers
    this.kinds = kinds
  }

  url(user: number, turn: number): string {
    const { urls, isSticky } = this.servers
    return urls[(isSticky ? user : turn) % urls.length]!
  }
}
