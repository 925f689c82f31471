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
