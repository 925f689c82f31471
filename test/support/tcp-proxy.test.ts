/** The partitions of the fault tests rest on this wire, so it is tested itself. */

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { onCleanUp } from './cleanup.js'
import { leaveNothingBehind } from './leaks.js'
import { freePorts } from './ports.js'
import { TcpProxy } from './tcp-proxy.js'
import { until } from './wait.js'

leaveNothingBehind()

test('passes bytes on, both ways', async () => {
  const { proxy, client } = await openEcho()
  client.socket.write('hello')
  await until('the echo is back', () => client.received === 'hello')
  expect(proxy.bytes('forward')).toBe(5)
  expect(proxy.bytes('backward')).toBe(5)
  expect(proxy.connections).toBe(1)
})

test('a held direction delivers nothing, loses nothing, and leaves the other direction alone', async () => {
  const { proxy, client, served } = await openEcho()
  proxy.hold('backward')
  client.socket.write('one')
  await until('the server has it', () => served() === 'one')
  proxy.hold('forward')
  proxy.release('backward')
  await until('the echo is back', () => client.received === 'one')
  client.socket.write('two')
  // The backward direction is alive, and still nothing of the second write comes.
  client.server()?.write('!')
  await until('the server is heard', () => client.received === 'one!')
  expect(served()).toBe('one')
  proxy.release('forward')
  await until('the held write arrives', () => served() === 'onetwo')
})

test('holds by itself after so many bytes', async () => {
  const { proxy, client, served } = await openEcho()
  proxy.holdAfter('forward', 1_000)
  client.socket.write('x'.repeat(1_000))
  await until('the wire is held', () => proxy.isHeld('forward'))
  client.socket.write('y')
  client.server()?.write('!')
  await until('the server is heard', () => client.received.endsWith('!'))
  expect(served()).not.toContain('y')
  proxy.release('forward')
  await until('the rest arrives', () => served().endsWith('y'))
})

test('resets the connection in the middle of what is sent, and takes the next one', async () => {
  const { proxy, client, served } = await openEcho()
  proxy.resetAfter('forward', 700)
  const failed = once(client.socket, 'error').catch((reason: unknown) => [reason])
  const closed = new Promise((resolve) => client.socket.once('close', resolve))
  client.socket.write('x'.repeat(1_000))
  expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' })
  await closed
  expect(served().length).toBeLessThanOrEqual(700)
  const again = await dial(proxy.port)
  again.socket.write('again')
  await until('the echo is back', () => again.received === 'again')
})

test('what is delayed keeps its order, also when the delay ends meanwhile', async () => {
  const { proxy, client, served } = await openEcho()
  proxy.delay('forward', 300)
  client.socket.write('first')
  await until('the wire has it', () => proxy.isWaiting('forward'))
  proxy.delay('forward', 0)
  client.socket.write('second')
  await until('both have arrived', () => served() === 'firstsecond')
})

test('a throttled direction goes on in small pieces, and at once when it is freed', async () => {
  const { proxy, client, served } = await openEcho()
  proxy.throttle('forward', 1_000)
  client.socket.write('x'.repeat(60_000))
  await until('a piece has arrived', () => served().length > 0)
  expect(served().length).toBeLessThan(2_000)
  proxy.throttle('forward', Number.POSITIVE_INFINITY)
  await until('the rest arrives', () => served().length === 60_000)
})

test('the end of a connection is told behind its last bytes, however late these are', async () => {
  const { proxy, client, served } = await openEcho()
  proxy.hold('forward')
  client.socket.end('last words')
  proxy.delay('forward', 50)
  proxy.release('forward')
  await until('they have arrived', () => served() === 'last words')
  await until('the end is told', () => client.server()?.readableEnded)
})

test('who refuses for another takes no new connection, and keeps what is open', async () => {
  const { proxy, client } = await openEcho()
  proxy.refuse()
  const refused = connect({ host: '127.0.0.1', port: proxy.port })
  const [error] = await once(refused, 'error').catch((reason: unknown) => [reason])
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  client.socket.write('still')
  await until('the echo is back', () => client.received === 'still')
})

test('a cut drops what is open and refuses what is new, until it is opened again', async () => {
  const { proxy, client } = await openEcho()
  const closed = once(client.socket, 'close')
  await proxy.cut()
  await closed
  const refused = connect({ host: '127.0.0.1', port: proxy.port })
  const [error] = await once(refused, 'error').catch((reason: unknown) => [reason])
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  await proxy.open()
  const again = await dial(proxy.port)
  again.socket.write('again')
  await until('the echo is back', () => again.received === 'again')
})

interface Client {
  socket: Socket
  received: string
  /** The listener's end. */
  server: () => Socket | undefined
}

async function openEcho() {
  const [port, proxyPort] = await freePorts(2)
  let served = ''
  const accepted: Socket[] = []
  const server = createServer((socket) => {
    accepted.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      served += chunk.toString()
      socket.write(chunk)
    })
  })
  server.listen({ host: '127.0.0.1', port: port! })
  await once(server, 'listening')
  onCleanUp(() => server.close())
  const proxy = new TcpProxy(proxyPort!, port!)
  onCleanUp(() => proxy.cut())
  await proxy.open()
  const client = await dial(proxy.port)
  await until('the listener has the connection', () => accepted[0])
  client.server = () => accepted[0]
  return { proxy, client, served: () => served }
}

async function dial(port: number): Promise<Client> {
  const socket = connect({ host: '127.0.0.1', port })
  const client: Client = { socket, received: '', server: () => undefined }
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    client.received += chunk.toString()
  })
  onCleanUp(() => socket.destroy())
  await once(socket, 'connect')
  return client
}
