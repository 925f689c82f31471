/**
 * From the shared secret to keys. Unless there are certificates (`tls`) whoever holds a key of the ring is a member: the
 * links' TLS runs on it, as a pre-shared key. Other uses get keys of their own by `deriveKeys`.
 *
 * Several secrets make rotation possible without a stop: add the new one behind the old on every member,
 * then put it first, then drop the old.
 */
import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { SessionMeshError } from '@sessionmesh/core'
import { MIN_SECRET_BITS, secretBits } from './secret.js'

/**
 * What members without a secret share. Anybody can read it here: it protects nothing, which is why such
 * members may listen on loopback only. It is a key all the same, so that there is one code path.
 */
const noSecret = 'sessionmesh: no secret'

const identityPrefix = 'sessionmesh.1'
/** On an identity: "if you lack this key, I'll come back with another one". */
const moreToCome = '+'

/** Why an identity is not one of ours. */
export type UnknownIdentity = 'other secret' | 'no secret' | 'other cluster' | 'not a member'

/** The keys of a cluster, the preferred one first. Printing it shows no key. */
export interface Keyring {
  readonly cluster: string
  /** One per secret. The identity travels in the clear: it is a hash, and names the key and the cluster. */
  readonly keys: readonly { readonly identity: string; readonly root: KeyObject; readonly psk: KeyObject }[]
}

/** What a dialler says about itself with key number `index` of its ring. */
export interface Offer {
  identity: string
  psk: Uint8Array
}

/**
 * The keys for `cluster` from its secrets; the first is used for dialling, all are accepted. Without any,
 * keys that protect nothing: the caller must see to it that only loopback is used then.
 *
 * @throws SessionMeshError `SESSIONMESH_WEAK_SECRET`
 */
export function createKeyring(cluster: string, secrets: readonly string[]): Keyring {
  for (const [index, secret] of secrets.entries()) {
    const bits = secretBits(secret)
    if (bits >= MIN_SECRET_BITS) continue
    // The secret itself must not end up in a log.
    const which = secrets.length === 1 ? 'The secret' : `Secret ${index + 1} of ${secrets.length}`
    throw new SessionMeshError(
      'SESSIONMESH_WEAK_SECRET',
      `${which} is too easy to guess: about ${bits} bits, by its ${secret.length} characters, where at least ${MIN_SECRET_BITS} are needed. ` +
        'Make one with `npx sessionmesh secret` and give it to every member.',
    )
  }
  const used = secrets.length > 0 ? [...new Set(secrets)] : [noSecret]
  return { cluster, keys: used.map((secret) => createKey(cluster, secret)) }
}

/** The keys of all secrets for `purpose`: the first, preferred, for making; all for checking what others made. */
export function deriveKeys(keyring: Keyring, purpose: string): Uint8Array[] {
  return keyring.keys.map(({ root }) => expand(root, purpose))
}

/** What names all keys of a ring: where links are authenticated otherwise, members tell each other these, and no key. */
export function identitiesOf(keyring: Keyring): string[] {
  return keyring.keys.map(({ identity }) => identity)
}

export function knowsIdentity(keyring: Keyring, identity: string): boolean {
  return keyring.keys.some((key) => key.identity === identity)
}

/** Whether there is a secret behind its keys. */
export function hasSecret(keyring: Keyring): boolean {
  return !knowsIdentity(keyring, identityWithoutSecret(keyring.cluster))
}

/** By cluster, of which a process knows few. Strangers by the hundred ask for it. */
const withoutSecret = new Map<string, string>()

function identityWithoutSecret(cluster: string): string {
  const found = withoutSecret.get(cluster) ?? createKey(cluster, noSecret).identity
  withoutSecret.set(cluster, found)
  return found
}

/** Why members with these keys do not belong together; `undefined` if they have one in common. */
export function strangerBy(keyring: Keyring, identities: readonly string[]): UnknownIdentity | undefined {
  const found = identities.map((identity) => keyFor(keyring, identity))
  if (found.some((one) => 'psk' in one)) return undefined
  return found.flatMap((one) => ('unknown' in one ? [one.unknown] : []))[0] ?? 'not a member'
}

/** Key number `index`, as a dialler offers it. */
export function offer(keyring: Keyring, index: number): Offer {
  const { identity, psk } = keyring.keys[index]!
  const more = index + 1 < keyring.keys.length ? moreToCome : ''
  return { identity: identity + more, psk: psk.export() }
}

/** The key that a dialler's identity names, or why there is none. `more`: the dialler has other keys yet. */
export function keyFor(
  keyring: Keyring,
  offered: string,
): { psk: Uint8Array; identity: string } | { unknown: UnknownIdentity; more: boolean } {
  const more = offered.endsWith(moreToCome)
  const identity = more ? offered.slice(0, -moreToCome.length) : offered
  const key = keyring.keys.find((candidate) => candidate.identity === identity)
  if (key !== undefined) return { psk: key.psk.export(), identity }
  if (identity.startsWith(`${clusterTag(keyring.cluster)}.`)) {
    const isWithout = identity === identityWithoutSecret(keyring.cluster)
    return { unknown: isWithout ? 'no secret' : 'other secret', more }
  }
  const member = identity.startsWith(`${identityPrefix}.`)
  return { unknown: member ? 'other cluster' : 'not a member', more }
}

function createKey(cluster: string, secret: string): Keyring['keys'][number] {
  const root = createSecretKey(Buffer.from(hkdfSync('sha256', secret, cluster, 'sessionmesh root', 32)))
  // A hash of the key helps nobody to guess the secret who could not do so from the handshake itself.
  const identity = `${clusterTag(cluster)}.${hash(expand(root, 'identity'))}`
  return { identity, root, psk: createSecretKey(expand(root, 'link')) }
}

function clusterTag(cluster: string): string {
  return `${identityPrefix}.${hash(Buffer.from(`cluster ${cluster}`))}`
}

function expand(root: KeyObject, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', root, '', `sessionmesh ${purpose}`, 32))
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32)
}
