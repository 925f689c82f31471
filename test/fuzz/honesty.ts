/**
 * Who holds the secret may do much by frames that are in order: write and end sessions, and vouch for anybody's writes.
 * What it does so is no fault of who believes it. This tells such frames, so that in a history without any of them
 * honest members have to lose nothing at all.
 */

import { type Message, parseMessage, SessionMeshError, type Stamp, sentMsOf } from '@sessionmesh/core'
import { type Decode, isAside } from './agent.js'
import type { Attack } from './hostile.js'
import type { Member } from './member.js'

/** Stamps so near to what members allow push their clocks there: what they write next others may find too far ahead. */
const HEADROOM_MS = 1_000

export interface Honest {
  readonly ids: ReadonlySet<string>
  /** Sessions of honest members. */
  isOurs(sid: string): boolean
}

/** What is read of a frame before the machine sees it. @throws whatever is not a refusal */
export type Reading = { readonly message: Message; readonly base: unknown } | 'aside' | 'refused'

export function read({ member, sender, frame }: Attack, decode: Decode, driftMs: number): Reading {
  try {
    const wire = decode(frame)
    sentMsOf(wire)
    if (sender !== undefined && isAside(wire)) return 'aside'
    const message = parseMessage(wire, sender, { latestMs: member.now.wallMs + driftMs })
    return { message, base: Array.isArray(wire) && Array.isArray(wire[2]) ? wire[2][0] : undefined }
  } catch (error) {
    if (error instanceof SessionMeshError) return 'refused'
    throw error
  }
}

export function isPowerful(reading: Reading, { member }: Attack, honest: Honest, driftMs: number): boolean {
  if (reading === 'refused' || reading === 'aside') return false
  const { message, base } = reading
  if (typeof base === 'number' && base > member.now.wallMs + driftMs - HEADROOM_MS) return true
  return speaksForOthers(message, member, honest)
}

function speaksForOthers(message: Message, member: Member, { ids, isOurs }: Honest): boolean {
  const { replica } = member
  switch (message.kind) {
    case 'hello':
      return ids.has(message.id) || message.purged.length > 0
    case 'delta':
      return message.deltas.some(({ sid }) => isOurs(sid))
    case 'state': {
      if (message.records.some(({ sid }) => isOurs(sid))) return true
      // (Of what it wrote itself nobody can make a member believe anything.)
      const isNews = (stamp: Stamp) =>
        ids.has(stamp.origin) && stamp.origin !== member.id && !replica.covers([stamp])
      return message.end !== undefined && (message.end.purged.length > 0 || message.end.digest.some(isNews))
    }
    default:
      return false
  }
}
