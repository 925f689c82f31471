/** What a server tells the process that started it, over IPC. */

import type { MemberState } from 'sessionmesh'

export type Report = Ready | Status | Takeover | Warning | Failed | SwitchReport

/** It has joined and accepts requests. */
export interface Ready {
  kind: 'ready'
  /** How many sessions it held before the first request. */
  sessions: number
  joinMs: number
}

/** Sent every `STATUS_EVERY_MS`, and at once when a member changes its state. */
export interface Status {
  kind: 'status'
  /** Requests answered since the process started. */
  requests: number
  sessions: number
  /** Of these, the ones this member answers for. */
  owned: number
  /** Every member by name, as this one sees it. */
  members: Record<string, MemberState>
  /** `Date.now()`, to be compared with the time of a kill: one machine, one clock. */
  at: number
}

export interface Takeover {
  kind: 'takeover'
  /** The member that died or left. */
  member: string
  /** How many sessions this member answers for now. */
  sessions: number
}

export interface Warning {
  kind: 'warning'
  code: string
  message: string
}

/** Somebody clicked a button of its dashboard. */
export interface SwitchReport {
  kind: 'switch'
  number: number
  action: 'kill' | 'freeze' | 'leave' | 'start'
  /** Its name. */
  member: string
}

/** What it is told: that will be done, unless there is an error. */
export interface SwitchAnswer {
  number: number
  error?: string | undefined
}

/** It could not start. */
export interface Failed {
  kind: 'failed'
  message: string
}

export const STATUS_EVERY_MS = 250
