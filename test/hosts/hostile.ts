/**
 * A host on the LAN that is no member: it announces members that are not there, by the thousand and from many
 * addresses, says so to whoever asks, sends packets that are dear to read and questions that are dear to answer, and
 * listens where they are said to be, where it says nothing, or what a member of something else would. It also floods the port of the members that it is told of, with connections that
 * say nothing, and with nonsense. It tells what it was sent.
 */

import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { type Answer, encode, type Question } from 'dns-packet'
import { HOSTILE_VARIABLE, type HostileReport, type HostileSettings } from './hostile-host.js'

const { addresses, victims, cluster, marks }: HostileSettings = JSON.parse(
  process.env[HOSTILE_VARIABLE] ?? '{}',
)
const MULTICAST = '224.0.0.251'
const TYPE = '_sessionmesh._tcp.local'
const PORT = 7373
/** Packets in a burst, of which there is one each 10 ms. */
const BURST = 5

/** What TLS has for a far end without the key: handshake_failure, decrypt_error, unknown_psk_identity. */
const ALERTS = [40, 51, 115]

const report: HostileReport = {
  packets: 0,
  dialled: 0,
  alerts: 0,
  floods: 0,
  mostBytes: 0,
  strange: 0,
  marked: 0,
}
let made = 0

process.once('disconnect', () => process.exit(1))

/** What a member would say, of one that is not there. */
function forged(port: number): Buffer {
  const id = `forged${++made}`
  const name = `${id}.${TYPE}`
  const txt = [`cluster=${cluster}`, `id=${id}`, 'protocol=1']
  report.packets++
  return encode({
    type: 'response',
    flags: 1 << 10,
    answers: [
      { type: 'PTR', name: TYPE, ttl: 28_800, data: name },
      { type: 'SRV', name, ttl: 120, data: { port, target: 'forged.local' } },
      { type: 'TXT', name, ttl: 4_500, data: txt },
    ],
  })
}

async function socketOn(address: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(0, address)
  await once(socket, 'listening')
  socket.setMulticastInterface(address)
  socket.setMulticastTTL(255)
  return socket
}

/** Whoever comes may speak, and is not answered; of four, one is told that it has no key. */
const listener = createServer((socket) => {
  const alert = report.dialled % 4 === 0 ? ALERTS[(report.dialled / 4) % ALERTS.length] : undefined
  report.dialled++
  let bytes = 0
  let said = ''
  socket.on('data', (chunk) => {
    bytes += chunk.length
    said += chunk.toString('latin1')
    report.mostBytes = Math.max(report.mostBytes, bytes)
    // 22: a record of TLS's handshake.
    if (said.charCodeAt(0) !== 22) report.strange++
    if (marks.some((mark) => said.includes(mark))) report.marked++
  })
  if (alert !== undefined)
    socket.once('data', () => {
      report.alerts++
      socket.end(Buffer.from([21, 3, 3, 0, 2, 2, alert]))
    })
  socket.on('error', () => {})
})
listener.listen(PORT, '0.0.0.0')
await once(listener, 'listening')

const sockets = await Promise.all(addresses.map(socketOn))
setInterval(() => {
  for (let i = 0; i < BURST; i++) {
    const socket = sockets[made % sockets.length]
    socket?.send(forged(made % 3 === 0 ? PORT : 1 + (made % 60_000)), 5353, MULTICAST)
  }
}, 10)

/** 256 records that all have one long name: a name of 219 characters in two bytes each. */
function bomb(): Buffer {
  const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(20)}.${TYPE}`
  const answers = Array.from(
    { length: 256 },
    (_, i): Answer =>
      i % 2 === 0
        ? { type: 'PTR', name: TYPE, ttl: 120, data: name }
        : { type: 'SRV', name, ttl: 120, data: { port: PORT, target: name } },
  )
  return encode({ type: 'response', flags: 1 << 10, answers })
}

/** Each of a thousand questions wants an answer to all. */
function inquisition(): Buffer {
  const questions = Array.from({ length: 1_000 }, (): Question => ({ type: 'PTR', name: TYPE }))
  return encode({ type: 'query', questions })
}

setInterval(() => {
  const [socket] = sockets
  for (const packet of [bomb(), inquisition()]) socket?.send(packet, 5353, MULTICAST)
}, 100)

/** Half of them say nothing, half of them nonsense. */
setInterval(() => {
  for (const victim of victims) {
    const socket = connect({ host: victim, port: PORT }, () => {
      if (report.floods % 2 === 0) socket.write(randomBytes(2_000))
    })
    report.floods++
    socket.on('error', () => {})
    setTimeout(() => socket.destroy(), 3_000)
  }
}, 5)

process.on('message', () => process.send?.(report))
process.send?.(report)
