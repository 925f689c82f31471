/**
 * Accepts links. Until a socket has shown that it holds the secret and has asked for a link, it is a stranger:
 * strangers are bounded in rate (`admission`), in number, in time, and in bytes (OpenSSL takes one bounded handshake
 * message before it wants proof, and HTTP's headers are bounded here).
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { createServer as createDoor, type Server as Door, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type ErrorCode, SessionMeshError } from '@sessionmesh/core'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Address, formatAddress, unmapHost } from './address.js'
import { Admission, type AdmissionOptions, rates, type Strangers, sourceOf } from './admission.js'
import { readBeforeFailing } from './drain.js'
import { codeOf } from './errors.js'
import { hasSecret, identitiesOf, type Keyring, keyFor, strangerBy, type UnknownIdentity } from './keys.js'
import { keysHeader, keysIn, linkPath, linkProtocol } from './link.js'
import { acceptingWith, type Credentials, MENDS, type Proof, refusalOf } from './tls.js'

export interface AcceptorOptions {
  credentials: Credentials
  /** `''` is everywhere. */
  host: string
  /** The first of these that is free. */
  ports: readonly number[]
  /** Frames above are refused with a close frame that says so. */
  maxFrameBytes: number
  /** From the TCP connection to the open link. */
  handshakeTimeoutMs: number
  /** Strangers at once. */
  maxPendingSockets: number
  /** Strangers in a second. Default: `rates`. */
  admission?: AdmissionOptions
}

export interface AcceptorEvents {
  accepted(socket: WebSocket, from: { remoteHost: string; proof: Proof }): void
  /** A stranger did not become a link, through its own fault. `code` when it is a member of something else. */
  refused(remoteHost: string, message: string, code?: ErrorCode): void
}

interface Stranger {
  readonly socket: Socket
  readonly ends: string
  readonly host: string
  /** Whom `host` stands for. */
  readonly source: string
  readonly timer: NodeJS.Timeout
  /** Of the key that it holds. */
  identity: string | undefined
  offered: { unknown: UnknownIdentity; more: boolean } | undefined
  reported: boolean
}

export class Acceptor {
  readonly #options: AcceptorOptions
  #credentials: Credentials
  readonly #events: AcceptorEvents
  readonly #admission: Admission
  /**
   * In front of `#server`, which would begin TLS with each socket before it told of it. (`maxConnections` would spare half
   * of the 0.02 ms that a socket costs which is reset here, and knows no addresses: members would be kept out as well.)
   */
  readonly #door: Door
  readonly #server: Server
  readonly #upgrader: WebSocketServer
  /** By the ends of their connection, oldest first. */
  readonly #strangers = new Map<string, Stranger>()
  /** Whose socket was closed in this very turn. */
  #gone: Stranger | undefined

  constructor(options: AcceptorOptions, events: AcceptorEvents) {
    this.#options = options
    this.#credentials = options.credentials
    this.#events = events
    this.#admission = new Admission(options.admission ?? rates)
    this.#door = createDoor((socket) => this.#onConnection(socket))
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxFrameBytes,
      handleProtocols: () => linkProtocol,
    })
    this.#server = createServer({
      ...acceptingWith(options.credentials, (socket, identity) => this.#onIdentity(socket, identity)),
      maxHeaderSize: 4096,
      // (Node's own answer has a body, if an empty one.)
      requireHostHeader: false,
    })
    this.#server.on('tlsClientError', (error, socket) => this.#onTlsError(error, socket))
    // (Of what a request expects Node would else say 100, "go on", or 417.)
    for (const event of ['request', 'checkContinue', 'checkExpectation'])
      this.#server.on(event, (request, response) => this.#onRequest(request, response))
    this.#upgrader.on('headers', (headers) => {
      const { certificates, keyring } = this.#credentials
      if (certificates !== undefined) headers.push(`${keysHeader}: ${identitiesOf(keyring).join()}`)
    })
    this.#upgrader.on('wsClientError', (_, socket, request) => {
      this.#refuse(socket, this.#strangerOf(request.socket), 400)
    })
    this.#server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head))
  }

  get strangers(): Strangers {
    return { ...this.#admission.counts }
  }

  /** @throws SessionMeshError `SESSIONMESH_PORT_IN_USE`, `SESSIONMESH_LISTEN_FAILED` */
  async listen(): Promise<Address> {
    const { host, ports } = this.#options
    for (const port of ports) {
      try {
        await this.#listenOn(host, port)
        break
      } catch (error) {
        if (codeOf(error) !== 'EADDRINUSE' || port === ports.at(-1)) throw listenError(error, host, ports)
      }
    }
    // Too many open files, say: one socket less, and no reason to end the user's process.
    this.#door.on('error', (error) => this.#events.refused('', `A socket was not accepted: ${error.message}`))
    const bound = this.#door.address()
    if (bound === null || typeof bound === 'string') throw listenError(undefined, host, ports)
    return { host: unmapHost(bound.address), port: bound.port }
  }

  #listenOn(host: string, port: number): Promise<void> {
    const server = this.#door
    return new Promise((resolve, reject) => {
      const done = (act: () => void) => {
        server.off('listening', onListening).off('error', onError)
        act()
      }
      const onListening = () => done(resolve)
      const onError = (error: Error) => done(() => reject(error))
      server.once('listening', onListening).once('error', onError)
      // Exclusive: workers of node:cluster would share the port, and take each other for former runs of one member.
      // (Without a host Node listens on IPv6 and IPv4, or on what there is.)
      server.listen({ port, ...(host !== '' && { host }), exclusive: true })
    })
  }

  /** Who is in the middle of proving himself begins anew. */
  rekey(credentials: Credentials): void {
    this.#credentials = credentials
    if (credentials.certificates !== undefined)
      this.#server.setSecureContext(credentials.certificates.options)
    for (const stranger of this.#strangers.values()) this.#drop(stranger)
  }

  /** Resolves when the last socket is gone; links must be ended by their holder. */
  close(): Promise<void> {
    for (const stranger of this.#strangers.values()) this.#drop(stranger)
    return new Promise((resolve) => this.#door.close(() => resolve()))
  }

  #onConnection(socket: Socket): void {
    // (Of those that come in floods nothing is asked of the system that is not needed to send them away.)
    const host = unmapHost(socket.remoteAddress ?? '')
    const verdict = this.#admission.admit(host, performance.now())
    if (verdict !== 'admitted') {
      // A reset leaves nothing behind here, not even the wait for late packets.
      socket.resetAndDestroy()
      this.#events.refused(host, `${tooMany[verdict]} ${whoFloods}`, 'SESSIONMESH_FLOODED')
      return
    }
    const ends = endsOf(socket)
    if (ends === undefined) {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    // (The system may give a pair of ends again before the end of its last socket was told here.)
    const former = this.#strangers.get(ends)
    if (former !== undefined) this.#drop(former)
    if (this.#strangers.size >= this.#options.maxPendingSockets)
      this.#cut(this.#oneTooMany(), 'It was the oldest of too many sockets that had not authenticated.')
    const timer = setTimeout(
      () => this.#cut(stranger, `It did not authenticate within ${this.#options.handshakeTimeoutMs} ms.`),
      this.#options.handshakeTimeoutMs,
    ).unref()
    const source = sourceOf(host)
    const stranger: Stranger = {
      socket,
      ends,
      host,
      source,
      timer,
      identity: undefined,
      offered: undefined,
      reported: false,
    }
    this.#strangers.set(ends, stranger)
    // One that just goes away is not reported: a port probe, or a dialler that was cut off itself.
    socket.once('close', () => {
      this.#forget(stranger)
      this.#gone = stranger
      process.nextTick(() => (this.#gone = undefined))
    })
    this.#server.emit('connection', socket)
  }

  /**
   * The oldest of the host that has the most: an honest handshake takes milliseconds, or more on a busy machine, and who
   * opens sockets by the hundred keeps nobody else out.
   */
  #oneTooMany(): Stranger {
    const counts = new Map<string, number>()
    for (const { source } of this.#strangers.values()) counts.set(source, (counts.get(source) ?? 0) + 1)
    const most = Math.max(...counts.values())
    const strangers = [...this.#strangers.values()]
    return strangers.find(({ source }) => counts.get(source) === most) as Stranger
  }

  #onIdentity(socket: Socket, identity: string): Uint8Array | null {
    const { certificates, keyring } = this.#credentials
    const found = keyFor(keyring, identity)
    const stranger = this.#strangerOf(socket)
    if (certificates !== undefined) {
      // No key lets in. Nothing else tells such a member from whoever has no certificate.
      const unknown = 'psk' in found ? undefined : found.unknown
      if (unknown !== 'not a member')
        this.#report(stranger, ...(unknown === 'other cluster' ? OTHER_CLUSTER : KEY_ALONE))
      return null
    }
    if ('psk' in found) {
      if (stranger !== undefined) stranger.identity = found.identity
      return found.psk
    }
    if (stranger !== undefined) stranger.offered = found
    // With no key the handshake fails for want of a certificate, with a key that cannot fit at its proof. The
    // alert that the dialler gets differs, and so it learns what to mend: the secret, or the cluster's name.
    const isOfCluster = found.unknown === 'other secret' || found.unknown === 'no secret'
    return isOfCluster ? crypto.getRandomValues(new Uint8Array(32)) : null
  }

  #onTlsError(error: Error & { code?: string }, socket: Socket): void {
    // (Whose certificate is not accepted is told of once his socket is closed, which has no ends any more then.)
    const stranger = this.#strangerOf(socket) ?? (wrongCertificate(socket) ? this.#gone : undefined)
    // It has other keys and says so: it is back in a moment, and nothing is wrong.
    if (stranger?.offered?.more) stranger.reported = true
    const unknown = stranger?.offered?.unknown
    const [message, code] = ofMember(unknown, this.#credentials.keyring) ?? explain(error, socket)
    this.#report(stranger, message, code)
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#report(this.#strangerOf(request.socket), 'It sent a plain HTTP request where only members connect.')
    const headers = { connection: 'close', upgrade: 'websocket', 'content-length': 0 }
    const status = statusFor(request)
    // (It may ask for our subprotocol, and not for an upgrade.)
    response.writeHead(status === 101 ? 426 : status, headers).end()
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const stranger = this.#strangerOf(request.socket)
    const status = statusFor(request)
    if (status !== 101) {
      this.#refuse(socket, stranger, status)
      return
    }
    const refused = this.#judge(request)
    if (refused !== undefined) {
      this.#refuse(socket, stranger, ...refused)
      return
    }
    readBeforeFailing(socket)
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      if (stranger === undefined) return webSocket.terminate()
      this.#forget(stranger)
      this.#admission.proven(stranger.host)
      const credentials = this.#credentials
      const own = stranger.identity === undefined ? [] : [stranger.identity]
      const identities = credentials.certificates === undefined ? own : keysIn(request.headers[keysHeader])
      const proof = { credentials, identities }
      this.#events.accepted(webSocket, { remoteHost: stranger.host, proof })
    })
  }

  /** Who has shown a certificate of one of our authorities, and asks for a link. `undefined`: he gets it. */
  #judge(request: IncomingMessage): [status: number, why: Why] | undefined {
    const { certificates, keyring } = this.#credentials
    if (certificates === undefined) return undefined
    const refusal = refusalOf(certificates, (request.socket as TLSSocket).getPeerX509Certificate())
    if (refusal !== undefined) {
      const message = `Its certificate is not accepted: ${refusal}`
      return [403, [message, 'SESSIONMESH_CERTIFICATE_REFUSED']]
    }
    const unknown = strangerBy(keyring, keysIn(request.headers[keysHeader]))
    if (unknown === undefined) return undefined
    const why = ofMember(unknown, keyring) ?? OTHER_SECRET
    return [why === OTHER_CLUSTER ? 421 : 401, why]
  }

  #refuse(
    socket: Duplex,
    stranger: Stranger | undefined,
    status: number,
    why: [string, ErrorCode?] = ['It asked for another protocol than that of the links.'],
  ): void {
    this.#report(stranger, ...why)
    socket.on('error', () => socket.destroy())
    socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  #report(stranger: Stranger | undefined, message: string, code?: ErrorCode): void {
    if (stranger === undefined || stranger.reported) return
    stranger.reported = true
    this.#events.refused(stranger.host, message, code)
  }

  #cut(stranger: Stranger, message: string): void {
    this.#report(stranger, message)
    this.#drop(stranger)
  }

  #drop(stranger: Stranger): void {
    this.#forget(stranger)
    stranger.socket.destroy()
  }

  #forget(stranger: Stranger): void {
    clearTimeout(stranger.timer)
    if (this.#strangers.get(stranger.ends) === stranger) this.#strangers.delete(stranger.ends)
  }

  #strangerOf(socket: Socket): Stranger | undefined {
    return this.#strangers.get(endsOf(socket) ?? '')
  }
}

const tooMany = {
  address: 'More connections came from there than members open.',
  all: 'More connections came from addresses without a member than members open.',
}
const whoFloods =
  'Those above are cut unread. Let only the servers of the cluster reach this port (a firewall, or listen.host).'

/**
 * TLS wraps the socket that was accepted, and nothing public leads from one to the other but this. (Both ends: one port
 * of the far end may be connected to several addresses of this host at once.)
 */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string | undefined {
  if (remoteAddress === undefined) return undefined
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

type Why = [message: string, code: ErrorCode]

const ofOtherSecret = (how: string): Why => [
  `It is a member of this cluster ${how}. ${MENDS.secret}`,
  'SESSIONMESH_SECRET_MISMATCH',
]
const OTHER_SECRET = ofOtherSecret('with another secret')
const SECRET_MISSING = ofOtherSecret('without a secret')
const OWN_SECRET_MISSING = ofOtherSecret('with a secret, and this one has none')
const OTHER_CLUSTER: Why = [
  `It is a member of a cluster with another name. ${MENDS.cluster}`,
  'SESSIONMESH_CLUSTER_MISMATCH',
]
const KEY_ALONE: Why = [
  `It is a member of this cluster that goes by the shared secret alone, and this one by certificates (tls). ${MENDS.proof}`,
  'SESSIONMESH_CERTIFICATE_REFUSED',
]

/** What a member is that is none of ours. */
function ofMember(unknown: UnknownIdentity | undefined, own: Keyring): Why | undefined {
  switch (unknown) {
    case 'other cluster':
      return OTHER_CLUSTER
    case 'other secret':
      return hasSecret(own) ? OTHER_SECRET : OWN_SECRET_MISSING
    case 'no secret':
      return SECRET_MISSING
    default:
      return undefined
  }
}

const NO_CERTIFICATE = 'UNABLE_TO_GET_ISSUER_CERT'

function statusFor(request: IncomingMessage): 101 | 404 | 426 {
  if (request.url !== linkPath) return 404
  const asked = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim())
  return asked?.includes(linkProtocol) ? 101 : 426
}

function explain(error: Error & { code?: string }, socket: Socket): [string, ErrorCode?] {
  const wrong = wrongCertificate(socket)
  if (wrong !== undefined) {
    return [
      `It showed a certificate that is not accepted (${wrong}). ${MENDS.certificate}`,
      'SESSIONMESH_CERTIFICATE_REFUSED',
    ]
  }
  if (error.code === 'ERR_SSL_HTTP_REQUEST') return ['It sent plain HTTP where only members connect.']
  return [`It is no member (${error.code ?? error.message}).`]
}

/** What is wrong with the certificate that was shown. (Who shows none, as a port scanner, is no business of the user's.) */
function wrongCertificate(socket: Socket & { authorizationError?: unknown }): string | undefined {
  const { authorizationError: wrong } = socket
  return typeof wrong === 'string' && wrong !== NO_CERTIFICATE ? wrong : undefined
}

function listenError(cause: unknown, host: string, ports: readonly number[]): SessionMeshError {
  const where = host === '' ? 'this machine' : host
  const code = codeOf(cause) ?? 'unknown error'
  if (code === 'EADDRINUSE') {
    const [first, last] = [ports[0], ports.at(-1)]
    const taken =
      first === last ? `Port ${first} on ${where} is` : `Ports ${first} to ${last} on ${where} are`
    return new SessionMeshError(
      'SESSIONMESH_PORT_IN_USE',
      `${taken} in use. Stop the process that has it, or choose another listen.port.`,
      { cause },
    )
  }
  return new SessionMeshError(
    'SESSIONMESH_LISTEN_FAILED',
    `Cannot listen on ${formatAddress(host, ports[0] ?? 0)} (${code}). listen.host must be an address of this ` +
      'machine, and listen.port one that this process may use.',
    { cause },
  )
}
