/**
 * Opens links. A dial tries the keys of the ring in turn, since TLS lets a client offer but one of them, and
 * ends within one deadline: a stopped process still accepts TCP connections, and then says nothing.
 */

import { createSecureContext, connect as tlsConnect } from 'node:tls'
import { type ErrorCode, SessionMeshError } from '@sessionmesh/core'
import { WebSocket } from 'ws'
import { tlsOptions } from './acceptor.js'
import { type Address, parseAddress } from './address.js'
import { readBeforeFailing } from './drain.js'
import { codeOf } from './errors.js'
import { type Keyring, offer } from './keys.js'
import { linkPath, linkProtocol } from './link.js'
import { lookup } from './lookup.js'

export interface DialOptions {
  keyring: Keyring
  maxFrameBytes: number
  /** For the whole dial, all keys included. */
  handshakeTimeoutMs: number
}

export interface DialReport {
  /**
   * `refused`: nobody listens there. `secret`: it listens, and none of our keys is right (another secret, or
   * another cluster name: see `code`). `timeout`: it neither answered nor refused.
   */
  kind: 'refused' | 'secret' | 'timeout' | 'other'
  message: string
  code?: ErrorCode
}

/** One of the two ends a dial, once, in a later turn. */
export interface DialEnd {
  open(socket: WebSocket, remoteHost: string): void
  failed(report: DialReport): void
}

/** An empty list of authorities: no certificate is trusted. */
const secureContext = createSecureContext({ ...tlsOptions, ca: [] })

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

  cancel(): void {
    this.#fail('other', 'This member closed its links.')
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
    const { keyring, maxFrameBytes } = this.#options
    let remoteHost = host
    // The URL names no host: the connection is made here, to any host that Node can reach.
    const socket = new WebSocket(`wss://member${linkPath}`, linkProtocol, {
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      // Masking defends proxies that read along; inside TLS it would only cost a copy of each frame.
      generateMask: () => {},
      createConnection: () => {
        const connection = tlsConnect({
          host,
          port,
          lookup,
          secureContext,
          pskCallback: () => offer(keyring, keyIndex),
          // A far end without our key may show a certificate instead. None is good enough, whoever signed it and
          // whatever NODE_TLS_REJECT_UNAUTHORIZED says. (With the key this is not called.)
          rejectUnauthorized: true,
          checkServerIdentity: () => new Error('it showed a certificate, so it is no member'),
        })
        connection.once('secureConnect', () => {
          // Not before: the handshake tells by its errors why it failed.
          readBeforeFailing(connection)
          remoteHost = connection.remoteAddress ?? host
        })
        return connection
      },
    })
    this.#socket = socket
    socket.once('open', () => {
      if (this.#ended) return
      this.#finish()
      socket.off('error', onError)
      this.#end.open(socket, remoteHost)
    })
    const onError = (error: Error) => {
      const kind = kindOf(error)
      if (kind === 'secret' && keyIndex + 1 < keyring.keys.length && !this.#ended) {
        this.#attempt({ host, port }, keyIndex + 1)
      } else {
        this.#fail(kind, ...describe(this.#address, kind, error))
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
  return alertOf(error) === undefined ? 'other' : 'secret'
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

function describe(address: string, kind: DialReport['kind'], error: Error): [string, ErrorCode?] {
  switch (kind) {
    case 'refused':
      return [`${address} refused the connection: nobody listens there.`]
    case 'timeout':
      return [`${address} did not answer.`]
    case 'secret':
      return alertOf(error) === 'wrong key'
        ? [`${address} has another secret. Give every member the same secret.`, 'SESSIONMESH_SECRET_MISMATCH']
        : [
            `${address} does not know this cluster. Give the members of one cluster the same name, or take ` +
              'this address out of the list of peers.',
            'SESSIONMESH_CLUSTER_MISMATCH',
          ]
    case 'other':
      return [`${address} could not be linked: ${reasonOf(error)}.`]
  }
}

/** What people mistake most, in words; the rest as Node says it. */
function reasonOf(error: Error): string {
  const code = codeOf(error)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `its name does not resolve (${code})`
  // (In OpenSSL's words, which differ by its version.)
  if (!/SSL routines/.test(error.message)) return error.message
  return 'what listens there is no member (the port of an HTTP server?)'
}
