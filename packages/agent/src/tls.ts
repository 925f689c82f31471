/**
 * How the two ends of a link authenticate each other, in TLS 1.3: by a key that both hold, or by certificates. All of it is
 * Node's; what is here are its options, and who is let in.
 */

import { constants, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'
import { SessionMeshError } from '@sessionmesh/core'
import { badOption, isThenable, messageOf } from './errors.js'
import { type Keyring, knowsIdentity } from './keys.js'
import type { CertificateOptions } from './types.js'

/** With what a member authenticates its links. Another one takes its place when keys are changed. */
export interface Credentials {
  readonly keyring: Keyring
  /** In place of the keys of the ring. */
  readonly certificates?: Certificates | undefined
}

/** What let a link in. */
export interface Proof {
  readonly credentials: Credentials
  /** Of the key that both have; with certificates, of all those that the peer has. */
  readonly identities: readonly string[]
}

/** Parsed once, for all dials; servers want the options themselves. */
export interface Certificates {
  readonly options: SecureContextOptions
  readonly context: SecureContext
  readonly authorizePeer: ((certificate: X509Certificate) => boolean) | undefined
}

/**
 * A ticket would let who was let in once come back without his key, or with a certificate that is not accepted any more.
 * TLS 1.3 with a pre-shared key always runs on this suite: the key stands for SHA-256.
 */
const COMMON = { minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET } as const
export const tlsWithKey = { ...COMMON, ciphers: 'TLS_AES_128_GCM_SHA256:PSK' } as const

/** An empty list of authorities: no certificate is trusted. */
const contextWithKey = createSecureContext({ ...tlsWithKey, ca: [] })

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION`; it shows nothing of what was given */
export function certificatesOf({
  cert,
  key,
  passphrase,
  ca,
  crl,
  authorizePeer,
}: CertificateOptions): Certificates {
  const authorities = [ca].flat()
  const options = { ...COMMON, cert, key, passphrase, ca: authorities, crl: crl && [crl].flat() }
  // One by one first: OpenSSL says what is wrong, and not with which of them.
  tried('cert', { cert }, CONTENTS)
  tried('key', { key, passphrase }, `${CONTENTS}, and tls.passphrase if it has one`)
  tried('ca', { ca: authorities }, CONTENTS)
  tried('crl', { crl: options.crl }, CONTENTS)
  const nameOf = (i: number) => (authorities.length === 1 ? 'ca' : `ca (${i + 1} of ${authorities.length})`)
  checkOwn(
    certificatesIn('cert', cert),
    authorities.flatMap((one, i) => certificatesIn(nameOf(i), one)),
  )
  const context = tried('key', options, 'Give the key of the first certificate in tls.cert')
  return { options, context, authorizePeer }
}

const CONTENTS = "Give the contents of a PEM file, as in readFileSync('/etc/mesh/tls.pem')"

function tried(name: string, options: SecureContextOptions, mend: string): SecureContext {
  try {
    return createSecureContext(options)
  } catch (error) {
    throw unusable(name, messageOf(error), mend)
  }
}

function unusable(name: string, why: string, mend: string): SessionMeshError {
  return badOption(`tls.${name} cannot be used: ${why}. ${mend}.`)
}

/** As OpenSSL reads them, which goes without a word over what is none, or is cut off, among authorities. */
function certificatesIn(name: string, pem: string | Buffer): X509Certificate[] {
  const text = typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1')
  const blocks = text.split(/^(?=-----BEGIN )/m).filter((block) => CERTIFICATE.test(block))
  if (blocks.length === 0) throw unusable(name, 'there is no certificate in it', CONTENTS)
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    throw unusable(name, 'a certificate in it is cut off, or damaged', CONTENTS)
  }
}

const CERTIFICATE = /^-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/

/** Where members trust the same authorities, all of them would refuse what is refused here. */
function checkOwn(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): void {
  const [own] = chain
  if (own === undefined) return
  // (What Node calls `keyUsage` is the extended one; a certificate without it is for everything.)
  const usages = own.keyUsage ?? Object.values(USAGES)
  const missing = Object.entries(USAGES).flatMap(([name, oid]) => (usages.includes(oid) ? [] : name))
  if (missing.length > 0)
    throw badOption(
      `tls.cert is not for ${missing.join(' and ')}, by its extended key usage. A member is a server and a client: ` +
        'have one made with serverAuth and clientAuth.',
    )
  if (!leadsToOne(own, authorities, [...chain.slice(1), ...authorities]))
    throw badOption(
      'tls.cert is of no authority in tls.ca. Give in tls.ca the root (signed by itself) of the authority that signed ' +
        'it, and in tls.cert, after it, the certificates between both.',
    )
}

const USAGES = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' }

/** By way of `between`, each of which is passed but once. OpenSSL's trust begins at a root. */
function leadsToOne(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  between: readonly X509Certificate[],
): boolean {
  const isRoot = certificate.subject === certificate.issuer
  if (isRoot && authorities.some(({ raw }) => raw.equals(certificate.raw))) return true
  return between.some(
    (issuer) =>
      certificate.checkIssued(issuer) &&
      certificate.verify(issuer.publicKey) &&
      leadsToOne(
        issuer,
        authorities,
        between.filter((other) => other !== issuer),
      ),
  )
}

/** What is to be done where the two ends do not belong together, whichever of them says so. */
export const MENDS = {
  secret: 'Give every member the same secret.',
  cluster: 'Give the members of one cluster the same name, or take this address out of the list of peers.',
  certificate:
    'Give every member one of an authority in tls.ca, for servers and clients, and none that has expired or was withdrawn.',
  proof: 'Give all members certificates (tls), or none of them.',
  authorizePeer: 'Give every member a certificate that it takes, or mend that function.',
  rule: 'Mend that function: it has to say true or false, at once.',
} as const

/** Of a server. */
export function acceptingWith(
  { certificates }: Credentials,
  pskCallback: NonNullable<TlsOptions['pskCallback']>,
): TlsOptions {
  if (certificates === undefined) return { ...tlsWithKey, pskCallback }
  // (It lets nobody in by a key, and tells who offers one.)
  return { ...certificates.options, requestCert: true, rejectUnauthorized: true, pskCallback }
}

/** Of a connection. Whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
export function diallingWith(
  { certificates }: Credentials,
  offer: () => { identity: string; psk: Uint8Array },
) {
  const common = { rejectUnauthorized: true }
  if (certificates === undefined) {
    return {
      ...common,
      secureContext: contextWithKey,
      pskCallback: offer,
      // A far end without our key may show a certificate instead. None is good enough, whoever signed it. (With the key this
      // is not called.)
      checkServerIdentity: () =>
        new SessionMeshError('SESSIONMESH_CERTIFICATE_REFUSED', 'it showed a certificate'),
    }
  }
  return {
    ...common,
    secureContext: certificates.context,
    // Addresses are found, and prove nothing: which name a certificate bears is for `authorizePeer` to judge.
    checkServerIdentity: (_: string, { raw }: { raw: Buffer }) => {
      const refusal = refusalOf(certificates, new X509Certificate(raw))
      return refusal === undefined
        ? undefined
        : new SessionMeshError('SESSIONMESH_CERTIFICATE_REFUSED', refusal)
    },
  }
}

/**
 * Why the user's own rule keeps it out, beyond that it is signed by one of `ca`, and what to do; `undefined` when it does
 * not. Nobody is let in but by `true`. @throws nothing
 */
export function refusalOf(
  { authorizePeer }: Certificates,
  certificate: X509Certificate | undefined,
): string | undefined {
  if (certificate === undefined) return 'there is none'
  if (authorizePeer === undefined) return undefined
  try {
    const said: unknown = authorizePeer(certificate)
    if (said === true) return undefined
    if (said === false) return `authorizePeer refused it. ${MENDS.authorizePeer}`
    if (!isThenable(said))
      return `authorizePeer gave neither true nor false, but ${kindOf(said)}. ${MENDS.rule}`
    // (What it comes to does not matter, and must not end the process.)
    Promise.resolve(said).catch(() => {})
    return `authorizePeer gave a promise, and is not awaited. ${MENDS.rule}`
  } catch (error) {
    return `authorizePeer threw ${error instanceof Error ? `"${error.message}"` : kindOf(error)}. ${MENDS.rule}`
  }
}

/** What it is, and not what is in it. */
function kindOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a value of type ${typeof value}`
}

/** Whether what let a link in would do so again. */
export function isStillGood({ credentials, identities }: Proof, now: Credentials): boolean {
  const isKnown = identities.some((identity) => knowsIdentity(now.keyring, identity))
  return isKnown && credentials.certificates === now.certificates
}
