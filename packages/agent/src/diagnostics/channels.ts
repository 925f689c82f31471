/**
 * Every event of a cluster, also for those who never see its `Cluster`, as what traces whole applications: each is published
 * at `node:diagnostics_channel` under `sessionmesh:` and its name, as in `sessionmesh:member:dead`, together with the
 * listeners' being called.
 */

import { type Channel, channel } from 'node:diagnostics_channel'
import type { ClusterEvents, Member } from '../types.js'

/** What is published. */
export interface ChannelMessage<E extends keyof ClusterEvents = keyof ClusterEvents> {
  /** Its name. */
  readonly cluster: string
  /** The member that tells. */
  readonly self: Member
  /** What listeners of the event get. */
  readonly event: ClusterEvents[E][0]
}

const channels = new Map<string, Channel>()

export function isSubscribed(name: keyof ClusterEvents): boolean {
  return channelOf(name).hasSubscribers
}

/** @param message made only if somebody listens */
export function publish(name: keyof ClusterEvents, message: () => ChannelMessage): void {
  const told = channelOf(name)
  if (told.hasSubscribers) told.publish(message())
}

/** To look it up by its name again for each event costs more than to publish. */
function channelOf(name: keyof ClusterEvents): Channel {
  const known = channels.get(name) ?? channel(`sessionmesh:${name}`)
  channels.set(name, known)
  return known
}
