/**
 * How the two ends of a link authenticate each other, in TLS 1.3: by a key that both hold, or by certificates. All of it is
 * Node's; what is here are its options, and who is let in.
 */

import { constants, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'
import { SessionMeshError } from '@sessionmesh/core'
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

/** @throws Error in OpenSSL's words, when they are none, or do not belong together */
export function certificatesOf({
  cert,
  key,
  passphrase,
  ca,
  crl,
  authorizePeer,
}: CertificateOptions): Certificates {
  const options = { ...COMMON, cert, key, passphrase, ca: [ca].flat(), crl: crl && [crl].flat() }
  return { options, context: createSecureContext(options), authorizePeer }
}

/** What is to be done where the two ends do not belong together, whichever of them says so. */
export const MENDS = {
  secret: 'Give every member the same secret.',
  cluster: 'Give the members of one cluster the same name, or take this address out of the list of peers.',
  certificate: 'Give every member one of an authority in tls.ca, and none that has expired.',
} as const

/** Of a server. */
export function acceptingWith(
  { certificates }: Credentials,
  pskCallback: NonNullable<TlsOptions['pskCallback']>,
): TlsOptions {
  if (certificates === undefined) return { ...tlsWithKey, pskCallback }
  return { ...certificates.options, requestCert: true, rejectUnauthorized: true }
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
      checkServerIdentity: () => new Error('it showed a certificate, so it is no member'),
    }
  }
  return {
    ...common,
    secureContext: certificates.context,
    // Addresses are found, and prove nothing: which name a certificate bears is for `authorizePeer` to judge.
    checkServerIdentity: (_: string, { raw }: { raw: Buffer }) =>
      isAuthorized(certificates, new X509Certificate(raw))
        ? undefined
        : new SessionMeshError('SESSIONMESH_CERTIFICATE_REFUSED', 'authorizePeer refused its certificate'),
  }
}

/** By the user's own rule, beyond that it is signed by one of `ca`. @throws nothing: whose rule throws lets nobody in */
export function isAuthorized(
  { authorizePeer }: Certificates,
  certificate: X509Certificate | undefined,
): boolean {
  if (certificate === undefined) return false
  try {
    return authorizePeer === undefined || authorizePeer(certificate) === true
  } catch {
    return false
  }
}

/** Whether what let a link in would do so again. */
export function isStillGood({ credentials, identities }: Proof, now: Credentials): boolean {
  const isKnown = identities.some((identity) => knowsIdentity(now.keyring, identity))
  return isKnown && credentials.certificates === now.certificates
}
