/**
 * Somebody who reaches the port of members, has no secret, and means harm: sockets of some kind, so many at once, each
 * that ends followed by another. It stands for other machines, and is not to take the cores that its victim needs: so it
 * runs at the lowest priority, and so does its session, which it has for itself: Linux may share out the machine among
 * sessions first, and then a priority says nothing to processes of others.
 */

import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import {
  type Attack,
  type Flood,
  INTRUDER_NICE,
  type IntruderReport,
  type ToIntruder,
} from './intruder-process.js'

/** Opened in one turn of the loop. */
const PER_TURN = 256
const DRIBBLE_MS = 20
const TLS_ALERT = 21
/** Of its session: sched(7). */
const AUTOGROUP = '/proc/self/autogroup'

/** With another secret than the cluster "test" has, as far as its name for the key says. */
const cluster = createHash('sha256').update('cluster test').digest('hex').slice(0, 32)
const offer = { identity: `sessionmesh.1.${cluster}.${'0'.repeat(32)}`, psk: new Uint8Array(32) }
const tlsOptions = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:PSK',
  pskCallback: () => offer,
  checkServerIdentity: () => undefined,
} as const

const hello = await clientHello()
/** How many at once, and what each does. */
const attacks: Record<Attack, { atOnce: number; open: (to: NetConnectOpts) => Socket }> = {
  'ten thousand sockets': { atOnce: 10_000, open: connect },
  'sockets that come and go': { atOnce: 256, open: (to) => act(to, (socket) => socket.destroy()) },
  'handshakes with a wrong key': { atOnce: 64, open: (to) => tlsConnect({ ...tlsOptions, ...to }) },
  'handshakes byte by byte': { atOnce: 256, open: (to) => act(to, dribble) },
  'plain HTTP': {
    atOnce: 256,
    open: (to) => act(to, (socket) => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')),
  },
  garbage: { atOnce: 256, open: (to) => act(to, (socket) => socket.write(randomBytes(2_000))) },
  'half-closed sockets': {
    atOnce: 256,
    open: (to) => act({ ...to, allowHalfOpen: true }, (socket) => socket.end()),
  },
}

const open = new Set<Socket>()
let opening: NodeJS.Immediate | undefined
let report: IntruderReport

/** @param onSpent called when `sockets` were opened, and all have closed */
function begin(
  { attack, port, addresses }: Flood,
  sockets = Number.POSITIVE_INFINITY,
  onSpent = () => {},
): void {
  const { atOnce, open: openOne } = attacks[attack]
  report = { opened: 0, mostOpen: 0, answers: [] }
  const fill = () => {
    for (let i = 0; i < PER_TURN && open.size < atOnce && report.opened < sockets; i++) {
      const localAddress = addresses[Math.floor(Math.random() * addresses.length)]!
      const socket = openOne({ port, host: '127.0.0.1', localAddress })
      open.add(socket)
      report.opened++
      socket.on('data', onData)
      socket.on('error', () => {})
      socket.once('close', () => {
        open.delete(socket)
        if (open.size === 0 && report.opened === sockets) onSpent()
      })
    }
    report.mostOpen = Math.max(report.mostOpen, open.size)
    if (report.opened < sockets) opening = setImmediate(fill)
  }
  fill()
}

/** Whatever is no alert of TLS, by which it refuses, is something to tell. */
function onData(data: Buffer): void {
  if (data[0] !== TLS_ALERT && report.answers.length < 10) report.answers.push(data.toString('latin1', 0, 80))
}

function end(): IntruderReport {
  clearImmediate(opening)
  for (const socket of open) socket.destroy()
  return report
}

function act(to: NetConnectOpts, then: (socket: Socket) => unknown): Socket {
  const socket = connect(to)
  socket.once('connect', () => then(socket))
  return socket
}

function dribble(socket: Socket): void {
  let sent = 0
  const timer = setInterval(() => socket.write(hello.subarray(sent, ++sent)), DRIBBLE_MS)
  socket.once('close', () => clearInterval(timer))
}

/** What a handshake begins with. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({ read() {}, write: (chunk: Buffer) => resolve(chunk) })
    tlsConnect({ ...tlsOptions, socket: wire }).on('error', () => {})
  })
}

process.once('disconnect', () => process.exit(1))
process.on('message', (message: ToIntruder) => {
  if (message.kind === 'spend') return begin(message, message.sockets, () => process.send?.(report))
  if (message.kind === 'begin') begin(message)
  process.send?.(message.kind === 'begin' ? 'begun' : end())
})
setPriority(INTRUDER_NICE)
try {
  writeFileSync(AUTOGROUP, String(INTRUDER_NICE))
} catch {
  // There is none here, or it may not be set: its own priority has to do.
}
process.send?.('started')
