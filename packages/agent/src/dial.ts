/**
 * Opens links. A dial tries the keys of the ring in turn, since TLS lets a client offer but one of them, and
 * ends within one deadline: a stopped process still accepts TCP connections, and then says nothing.
 */

import { connect as tlsConnect } from 'node:tls'
import { type ErrorCode, SessionMeshError } from '@sessionmesh/core'
import { WebSocket } from 'ws'
import { type Address, parseAddress } from './address.js'
import { readBeforeFailing } from './drain.js'
import { codeOf } from './errors.js'
import { hasSecret, identitiesOf, type Keyring, offer } from './keys.js'
import { keysHeader, keysIn, linkPath, linkProtocol } from './link.js'
import { lookup } from './lookup.js'
import { type Credentials, diallingWith, MENDS, type Proof } from './tls.js'

export interface DialOptions {
  credentials: Credentials
  maxFrameBytes: number
  /** For the whole dial, all keys included. */
  handshakeTimeoutMs: number
}

export interface DialReport {
  /**
   * `refused`: nobody listens there. `rejected`: it listens, and none of our keys is right, or one of both certificates
   * is not (see `code`). `timeout`: it neither answered nor refused.
   */
  kind: 'refused' | 'rejected' | 'timeout' | 'other'
  message: string
  code?: ErrorCode
}

/** One of the two ends a dial, once, in a later turn. */
export interface DialEnd {
  open(socket: WebSocket, from: { remoteHost: string; proof: Proof }): void
  failed(report: DialReport): void
}

export class Dial {
  readonly #address: string
  readonly #options: DialOptions
  readonly #end: DialEnd
  readonly #timer: NodeJS.Timeout
  #ended = false
  #socket: WebSocket | undefined

  constructor(address: string, options: DialOptions, end: DialEnd) {
    this.#address = address
    this.#options = options
    this.#end = end
    this.#timer = setTimeout(() => {
      this.#fail('timeout', `${address} did not answer within ${options.handshakeTimeoutMs} ms.`)
    }, options.handshakeTimeoutMs).unref()
    process.nextTick(() => this.#start())
  }

  cancel(why: string): void {
    this.#fail('other', why)
  }

  #start(): void {
    if (this.#ended) return
    try {
      this.#attempt(parseAddress(this.#address), 0)
    } catch (error) {
      if (!(error instanceof SessionMeshError)) throw error
      this.#fail('other', error.message, error.code)
    }
  }

  #attempt({ host, port }: Address, keyIndex: number): void {
    const { credentials, maxFrameBytes } = this.#options
    const { keyring, certificates } = credentials
    let remoteHost = host
    let isSecure = false
    let keysOfPeer: readonly string[] = []
    // The URL names no host: the connection is made here, to any host that Node can reach.
    const socket = new WebSocket(`wss://member${linkPath}`, linkProtocol, {
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      ...(certificates && { headers: { [keysHeader]: identitiesOf(keyring).join() } }),
      // Masking defends proxies that read along; inside TLS it would only cost a copy of each frame.
      generateMask: () => {},
      createConnection: () => {
        const connection = tlsConnect({
          host,
          port,
          lookup,
          ...diallingWith(credentials, () => offer(keyring, keyIndex)),
        })
        connection.once('secureConnect', () => {
          // Not before: the handshake tells by its errors why it failed.
          readBeforeFailing(connection)
          isSecure = true
          remoteHost = connection.remoteAddress ?? host
        })
        return connection
      },
    })
    this.#socket = socket
    socket.once('upgrade', ({ headers }) => {
      keysOfPeer = keysIn(headers[keysHeader])
    })
    socket.once('open', () => {
      if (this.#ended) return
      this.#finish()
      socket.off('error', onError)
      const identities =
        certificates === undefined ? identitiesOf(keyring).slice(keyIndex, keyIndex + 1) : keysOfPeer
      this.#end.open(socket, { remoteHost, proof: { credentials, identities } })
    })
    const onError = (error: Error) => {
      if (certificates !== undefined)
        return this.#fail(...withCertificates(this.#address, error, isSecure, keyring))
      const kind = kindOf(error)
      if (alertOf(error) !== undefined && keyIndex + 1 < keyring.keys.length && !this.#ended) {
        this.#attempt({ host, port }, keyIndex + 1)
      } else {
        this.#fail(kind, ...describe(this.#address, kind, error, keyring))
      }
    }
    // It stays until the socket is open: cancelled, the socket still emits an error.
    socket.on('error', onError)
  }

  #fail(kind: DialReport['kind'], message: string, code?: ErrorCode): void {
    if (this.#ended) return
    this.#finish()
    this.#socket?.terminate()
    const failure = { kind, message, ...(code && { code }) }
    process.nextTick(() => this.#end.failed(failure))
  }

  #finish(): void {
    this.#ended = true
    clearTimeout(this.#timer)
  }
}

function kindOf(error: Error): DialReport['kind'] {
  // A host with several addresses has refused only when each of them has.
  const all = error instanceof AggregateError ? error.errors.map(codeOf) : [codeOf(error)]
  if (all.every((one) => one === 'ECONNREFUSED')) return 'refused'
  if (codeOf(error) === 'ETIMEDOUT') return 'timeout'
  return alertOf(error) !== undefined || isOfCertificate(error) ? 'rejected' : 'other'
}

/**
 * Which of the two refusals of acceptor.ts came. The number is in the message alone: the error's code is EPROTO
 * while the request waits to be written, and the names of alerts change with OpenSSL's version.
 */
function alertOf(error: Error): 'wrong key' | 'unknown key' | undefined {
  switch (/SSL alert number (\d+)/.exec(error.message)?.[1]) {
    case '47': // illegal_parameter: the proof of the key doesn't verify (Node 20)
    case '51': // decrypt_error: the same, since Node 22
      return 'wrong key'
    case '40': // handshake_failure: no key of that name
      return 'unknown key'
    default:
      return undefined
  }
}

function describe(
  address: string,
  kind: DialReport['kind'],
  error: Error,
  keyring: Keyring,
): [string, ErrorCode?] {
  switch (kind) {
    case 'refused':
      return [`${address} refused the connection: nobody listens there.`]
    case 'timeout':
      return [`${address} did not answer.`]
    case 'rejected':
      if (isOfCertificate(error)) return otherProof(address, SHOWS_ONE)
      return alertOf(error) === 'wrong key' ? otherSecret(address, keyring) : otherCluster(address)
    case 'other':
      return [`${address} could not be linked: ${reasonOf(error)}.`]
  }
}

function otherSecret(address: string, keyring: Keyring): [string, ErrorCode] {
  const what = hasSecret(keyring) ? 'another secret, or none' : 'a secret, and this member has none'
  return [`${address} has ${what}. ${MENDS.secret}`, 'SESSIONMESH_SECRET_MISMATCH']
}

function otherCluster(address: string): [string, ErrorCode] {
  return [`${address} does not know this cluster. ${MENDS.cluster}`, 'SESSIONMESH_CLUSTER_MISMATCH']
}

/** @param how what it does, and in what both differ if it is a member */
function otherProof(address: string, how: string): [string, ErrorCode] {
  const what = `${address} ${how}, or what listens there is no member (the port of an HTTPS server?).`
  return [`${what} ${MENDS.proof}`, REFUSED]
}

const SHOWS_ONE =
  'shows a certificate: it goes by certificates (tls), and this member by the shared secret alone'
const SHOWS_NONE =
  'shows no certificate: it goes by the shared secret alone, and this member by certificates (tls)'

/** In TLS 1.3 the dialler is through with the handshake before the other end has looked at its certificate. */
function withCertificates(
  address: string,
  error: Error,
  isSecure: boolean,
  keyring: Keyring,
): [DialReport['kind'], string, ErrorCode?] {
  const kind = kindOf(error)
  if (kind === 'refused' || kind === 'timeout') return [kind, ...describe(address, kind, error, keyring)]
  switch (/server response: (\d+)/.exec(error.message)?.[1]) {
    case '401':
      return ['rejected', ...otherSecret(address, keyring)]
    case '421':
      return ['rejected', ...otherCluster(address)]
    case '403':
      return [
        'rejected',
        `${address} does not let in the certificate of this member (its authorizePeer); its own warnings say why.`,
        REFUSED,
      ]
  }
  if (isSecure)
    return [
      'rejected',
      `${address} ended the connection: it does not accept the certificate of this member, perhaps; its own warnings say.`,
      REFUSED,
    ]
  if (isOfCertificate(error)) {
    const isOurs = error instanceof SessionMeshError
    const why = isOurs ? error.message : `${error.message}. ${MENDS.certificate}`
    return ['rejected', `${address} showed a certificate that is not accepted: ${why}`, REFUSED]
  }
  // (Nobody rejects a name of a key where none was offered.)
  if (kind === 'rejected') return [kind, ...otherProof(address, SHOWS_NONE)]
  return [kind, ...describe(address, kind, error, keyring)]
}

const REFUSED = 'SESSIONMESH_CERTIFICATE_REFUSED'

function isOfCertificate(error: Error): boolean {
  return /CERT|SIGNATURE|SELF_SIGNED|ISSUER/.test(codeOf(error) ?? '')
}

/** What people mistake most, in words; the rest as Node says it. */
function reasonOf(error: Error): string {
  const code = codeOf(error)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `its name does not resolve (${code})`
  // (In OpenSSL's words, which differ by its version.)
  if (!/SSL routines/.test(error.message)) return error.message
  return 'what listens there is no member (the port of an HTTP server?)'
}
