/** The machine that runs a member: its address outlives the member's process, unless hosts get another with each. */

import type { Run } from './run.js'

export interface Host {
  readonly index: number
  readonly name: string
  address: string
  /** Of its second network, which may be dead. */
  readonly otherAddress: string
  readonly isOtherDead: boolean
  /** How far its wall clock is off. */
  skewMs: number
  /** When its clock was last set. */
  setMs: number
  /** Its clock is off by more than members allow. */
  hasLeapt: boolean
  /** When that was last so. */
  leaptMs: number
  /** The highest time that it ever told, in virtual ms. */
  highestMs: number
  run: Run | undefined
  /** Given up: what runs here leaves, and nothing comes after it. */
  isGivenUp: boolean
  /** Power is lost: it does not even refuse. */
  isDark: boolean
  runs: number
}
