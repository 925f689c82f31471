/** What the core tells its user, and what it asks of the world. */

import type { ErrorCode } from './errors.js'
import type { LinkId, Peer } from './members.js'
import type { Message } from './messages.js'
import type { Purge } from './purged.js'

export type CoreEvent =
  /** This member may serve: it has the state of every peer that answered, or knows that there is none. */
  | { readonly type: 'ready' }
  | { readonly type: 'member'; readonly state: 'alive' | 'suspect' | 'dead' | 'left'; readonly peer: Peer }
  /** `sids`: the sessions that the member answered for and this one answers for now. */
  | { readonly type: 'takeover'; readonly peer: Peer; readonly sids: string[] }
  | { readonly type: 'sync'; readonly phase: 'start'; readonly peer: Peer }
  | {
      readonly type: 'sync'
      readonly phase: 'end'
      readonly peer: Peer
      readonly complete: boolean
      readonly sessions: number
    }
  | {
      readonly type: 'session'
      readonly change: 'created' | 'changed' | 'destroyed' | 'expired'
      readonly sid: string
      readonly changed: string[]
      readonly owned: boolean
      readonly local: boolean
    }
  | {
      readonly type: 'warning'
      readonly code: ErrorCode
      readonly message: string
      readonly address?: string
    }

export type Effect =
  /** `resume`: call `drained` when the frame is handed to the operating system. */
  | {
      readonly type: 'send'
      readonly links: readonly LinkId[]
      readonly message: Message
      readonly resume?: true
    }
  /** Close the link, telling the peer the reason. The machine has forgotten it already. */
  | { readonly type: 'drop'; readonly link: LinkId; readonly reason: string }
  | { readonly type: 'dial'; readonly address: string }
  | { readonly type: 'notify'; readonly event: CoreEvent }
  /** Something waits for `flush`: call it at the end of this turn of the loop. */
  | { readonly type: 'flush' }
  /**
   * This run is over: drop all links and what is asked of it, and begin another one, with a new id. `addresses`: where
   * those are who go on, beside those that the user named; `sought`: what tells them from those who do not.
   */
  | { readonly type: 'forgotten'; readonly addresses: readonly string[]; readonly sought: readonly Purge[] }
  /** The acks asked for are there (`missing` undefined) or will not come. */
  | { readonly type: 'acked'; readonly ack: number; readonly peers: number; readonly missing?: ErrorCode }
  /** The wait of `catchUp` is over; `isStale` when it was given up. */
  | { readonly type: 'caughtUp'; readonly wait: number; readonly isStale: boolean }

/** How many peers must hold a write before its promise resolves. */
export type Acks = 'none' | 'one' | 'all'
