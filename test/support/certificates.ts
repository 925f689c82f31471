/** Certificates for members, made anew for each run of a test: an authority, and what it signs and withdraws. */

import 'reflect-metadata'
import { createPrivateKey, randomBytes } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

/** In PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly serialNumber: string
}

export interface IssueOptions {
  /** In ms from now; negative: it has expired. Default a day. */
  readonly validForMs?: number
  /** Default both: what members need. None: it is for everything. */
  readonly usages?: readonly ('serverAuth' | 'clientAuth' | 'codeSigning')[]
}

export class Authority {
  readonly #certificate: x509.X509Certificate
  readonly #keys: CryptoKeyPair

  private constructor(certificate: x509.X509Certificate, keys: CryptoKeyPair) {
    this.#certificate = certificate
    this.#keys = keys
  }

  static async create(name = 'the shop'): Promise<Authority> {
    const keys = await newKeys()
    const extensions = await extensionsOf(keys)
    return new Authority(
      await x509.X509CertificateGenerator.createSelfSigned({
        ...lifeOf(DAY_MS),
        name: `CN=${name}`,
        keys,
        extensions,
      }),
      keys,
    )
  }

  /** Another one, that this one answers for. */
  async below(name: string): Promise<Authority> {
    const keys = await newKeys()
    const extensions = await extensionsOf(keys)
    return new Authority(
      await x509.X509CertificateGenerator.create({
        ...lifeOf(DAY_MS),
        subject: `CN=${name}`,
        issuer: this.#certificate.subject,
        signingKey: this.#keys.privateKey,
        publicKey: keys.publicKey,
        extensions,
      }),
      keys,
    )
  }

  /** What it would be a member with. */
  async own(): Promise<Omit<Certificate, 'serialNumber'>> {
    return { cert: this.ca, key: await pemOf(this.#keys.privateKey) }
  }

  get ca(): string {
    return this.#certificate.toString('pem')
  }

  /** @param name its common name, and its only alternative one (of a host) */
  async issue(name: string, options: IssueOptions = {}): Promise<Certificate> {
    const { validForMs = DAY_MS, usages = ['serverAuth', 'clientAuth'] } = options
    const keys = await newKeys()
    const serialNumber = newSerial()
    const certificate = await x509.X509CertificateGenerator.create({
      ...lifeOf(validForMs),
      serialNumber,
      subject: `CN=${name}`,
      issuer: this.#certificate.subject,
      signingKey: this.#keys.privateKey,
      publicKey: keys.publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false),
        ...(usages.length > 0
          ? [new x509.ExtendedKeyUsageExtension(usages.map((usage) => x509.ExtendedKeyUsage[usage]))]
          : []),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
      ],
    })
    return { cert: certificate.toString('pem'), key: await pemOf(keys.privateKey), serialNumber }
  }

  /** The list of what it has withdrawn. */
  async revoke(...certificates: readonly Certificate[]): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: new Date(Date.now() - DAY_MS),
      nextUpdate: new Date(Date.now() + DAY_MS),
      entries: certificates.map(({ serialNumber }) => ({ serialNumber, revocationDate: new Date() })),
      signingAlgorithm: ALGORITHM,
      signingKey: this.#keys.privateKey,
    })
    // (As OpenSSL names them.)
    return list.toString('pem').replaceAll(' CRL-', ' X509 CRL-')
  }
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

function lifeOf(validForMs: number) {
  return {
    serialNumber: newSerial(),
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + validForMs),
    signingAlgorithm: ALGORITHM,
  }
}

/** Of an authority. */
async function extensionsOf({ publicKey }: CryptoKeyPair): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ]
}

/** (A first byte below 0x80: serial numbers are positive.) */
function newSerial(): string {
  return `01${randomBytes(8).toString('hex')}`
}

async function pemOf(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
    format: 'pem',
    type: 'pkcs8',
  }) as string
}
