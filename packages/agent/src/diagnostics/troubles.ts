/** What of a mesh needs a person, judged once for all that show it: by what its members told. */

import { isLiving, type MeshEvent, type MeshMember, type Trouble } from './mesh.js'
import { count, duration, list, wholeDuration } from './text.js'

/** Who has just come is not linked with all others yet, and not all have told of him. */
const NEW_MS = 3_000
/** What was refused is told for so long. */
const REFUSED_MS = 60_000
/** A takeover is told right after the end that it comes from. */
const END_MS = 1_000

interface Known {
  readonly members: readonly MeshMember[]
  readonly events: readonly MeshEvent[]
  readonly atMs: number
}

interface Named {
  readonly id: string
  readonly name: string
}

/** The worst first. */
export function troublesOf(known: Known): Trouble[] {
  const all = [
    ...known.members.flatMap((member) => ofMember(member, known)),
    ...ofLinks(known),
    ...ofLimits(known),
  ]
  return all.sort((a, b) => Number(a.tone !== 'bad') - Number(b.tone !== 'bad'))
}

/** One sentence on all of them. */
export function summaryOf(members: readonly MeshMember[], troubles: readonly Trouble[]): string {
  if (troubles.length > 0) return troubles.map(({ text }) => text).join('; ')
  const living = members.filter(isLiving)
  if (living.length === 1) return '1 member, alone: nobody else holds its sessions'
  const isIdentical = living.every(({ convergence }) => convergence.verdict === 'identical')
  const words = isIdentical ? 'all identical' : 'in step: the latest writes are on their way'
  return `${count(living.length, 'member')}, ${words}`
}

function ofMember(member: MeshMember, known: Known): Trouble[] {
  const { id, name, state, sinceMs, told, convergence } = member
  const { verdict } = convergence
  const bad = (text: string): Trouble => ({ tone: 'bad', member: id, text: `${name} ${text}` })
  const warn = (text: string): Trouble => ({ tone: 'warn', member: id, text: `${name} ${text}` })
  const time = wholeDuration(known.atMs - convergence.sinceMs)
  if (state === 'left') return []
  if (state === 'dead')
    return [bad(`has been dead for ${wholeDuration(known.atMs - sinceMs)}${takenOver(member, known)}`)]
  const found: Trouble[] = []
  if (verdict === 'differs')
    found.push(
      bad(`has held something else than others with the same writes for ${time}: a fault of sessionmesh`),
    )
  if (state === 'suspect')
    found.push(warn(`has been suspect for ${wholeDuration(known.atMs - sinceMs)}${heardBy(member, known)}`))
  else if (told === undefined) found.push(warn('has not answered yet'))
  else if (verdict === 'unknown') found.push(warn(`has not answered for ${time}`))
  if (verdict === 'behind')
    found.push(warn(`has been behind for ${time}: it lacks writes of ${lacking(member, known.members)}`))
  if (isHeard(member) && told?.ready === false) found.push(warn('is not ready: it drains, or joins anew'))
  return found
}

/** What became of its sessions: of this end, not of one before. */
function takenOver({ id, sinceMs }: MeshMember, { events }: Known): string {
  const sessions = events
    .filter(({ event, peer, atMs }) => event === 'takeover' && peer?.id === id && atMs > sinceMs - END_MS)
    .reduce((sum, event) => sum + (event.sessions ?? 0), 0)
  if (sessions === 0) return ''
  return `; its ${count(sessions, 'session')} ${sessions === 1 ? 'is' : 'are'} answered for by the others`
}

/** The member that tells may be the one that is cut off. */
function heardBy({ id }: MeshMember, { members }: Known): string {
  const hearing = members.filter(
    (each) => isHeard(each) && each.told?.members.some((seen) => seen.id === id && seen.state === 'alive'),
  )
  return hearing.length === 0 ? '' : `, though ${list(hearing.map(({ name }) => name))} can hear it`
}

/** By name; of a run that nobody lists the beginning of its id. */
export function lacking(
  { convergence }: Pick<MeshMember, 'convergence'>,
  members: readonly (Named & { readonly told?: { readonly members: readonly Named[] } | undefined })[],
): string {
  const seen = members.flatMap(({ told }) => told?.members ?? [])
  const names = new Map([...seen, ...members].map(({ id, name }) => [id, name]))
  return list(
    convergence.lacks.map(({ origin, byMs }) => {
      const who = names.get(origin) ?? `a former member (${origin.slice(0, 8)})`
      return byMs > 0 ? `${who} (${duration(byMs)})` : who
    }),
  )
}

/** Two that both live, and of which one does not hear the other: once for each pair. */
function ofLinks({ members, atMs }: Known): Trouble[] {
  const pairs = new Map<string, Trouble>()
  const settled = members.filter(({ state, sinceMs }) => state === 'alive' && atMs - sinceMs > NEW_MS)
  for (const member of settled.filter(isHeard))
    for (const peer of settled) {
      if (peer === member) continue
      if (member.told?.members.some(({ id, state }) => id === peer.id && state === 'alive')) continue
      const pair = [member.id, peer.id].sort().join()
      if (!pairs.has(pair))
        pairs.set(pair, {
          tone: 'warn',
          member: member.id,
          text: `${member.name} has no working link to ${peer.name}`,
        })
    }
  return [...pairs.values()]
}

/** Each holds all, so all are at a limit together: once for all of them. */
function ofLimits({ members, atMs }: Known): Trouble[] {
  const heard = members.filter(isHeard)
  const warn = ({ id }: MeshMember, text: string): Trouble[] => [{ tone: 'warn', member: id, text }]
  const refusing = heard.filter((member) => refusedBy(member, atMs) > 0)
  const refused = refusing.reduce((sum, member) => sum + refusedBy(member, atMs), 0)
  const writes = `${count(refused, 'write')} in the last minute`
  for (const member of heard) {
    const { sessions } = member.samples.at(-1) ?? { sessions: 0 }
    const limit = member.told?.limits.sessions ?? Number.POSITIVE_INFINITY
    if (sessions < limit) continue
    const what = refused > 0 ? `no other one begins, which refused ${writes}` : 'no other one begins'
    const mend = 'Raise it on every member, shorten ttlMs, or find out who begins so many'
    return warn(
      member,
      `${member.name} has ${count(sessions, 'session')}, and maxSessions is ${limit}: ${what}. ${mend}`,
    )
  }
  const [first] = refusing
  if (first !== undefined) {
    const who = `${list(refusing.map(({ name }) => name))} ${refusing.length === 1 ? 'has' : 'have'} refused ${writes}`
    const why = 'a session or all together are too large, or memory is short'
    return warn(first, `${who}: ${why}. The errors of those requests say which, and what to do`)
  }
  for (const member of heard) {
    const { tombstones } = member.samples.at(-1) ?? { tombstones: 0 }
    const limit = member.told?.limits.tombstones ?? Number.POSITIVE_INFINITY
    if (tombstones < limit) continue
    const what = `${member.name} remembers ${count(tombstones, 'destroyed session')}, and maxTombstones is ${limit}`
    return warn(member, `${what}: who is cut off for half a minute starts afresh. Raise it on every member`)
  }
  return []
}

function refusedBy({ samples }: MeshMember, atMs: number): number {
  const first = samples.find((sample) => sample.atMs > atMs - REFUSED_MS)
  return first === undefined ? 0 : samples.at(-1)!.writesRefused - first.writesRefused
}

function isHeard(member: MeshMember): boolean {
  return isLiving(member) && member.told !== undefined && member.convergence.verdict !== 'unknown'
}
