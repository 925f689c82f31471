import { once } from 'node:events'
import { request } from 'node:https'
import { type Socket, connect as tcpConnect } from 'node:net'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { Acceptor, type AcceptorOptions } from './acceptor.js'
import { Dial } from './dial.js'
import { createKeyring, offer } from './keys.js'
import { linkPath, linkProtocol } from './link.js'
import { tlsWithKey } from './tls.js'

const keyring = createKeyring('shop', ['enough: 8KpX2vQz7RmW4tLd'])
const cleanUps: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function startAcceptor(options: Partial<AcceptorOptions> = {}) {
  const accepted: WebSocket[] = []
  const refused: string[] = []
  const acceptor = new Acceptor(
    {
      credentials: { keyring },
      host: '127.0.0.1',
      ports: [0],
      maxFrameBytes: 2 ** 20,
      handshakeTimeoutMs: 10_000,
      maxPendingSockets: 8,
      ...options,
    },
    {
      accepted: (socket) => accepted.push(socket),
      refused: (host, message) => refused.push(`${host}: ${message}`),
    },
  )
  const { port } = await acceptor.listen()
  cleanUps.push(() => {
    for (const socket of accepted) socket.terminate()
    return acceptor.close()
  })
  return { acceptor, accepted, refused, port }
}

/** A socket that the test controls, and what comes out of it. */
async function connectRaw(
  port: number,
  host = '127.0.0.1',
  localPort = 0,
  localAddress = '127.0.0.1',
): Promise<{ socket: Socket; closed: () => boolean }> {
  // (Only a port that was asked for may be taken twice.)
  const socket = tcpConnect({ port, host, localAddress, localPort })
  socket.on('error', () => {})
  socket.resume()
  cleanUps.push(() => socket.destroy())
  await once(socket, 'connect')
  return { socket, closed: () => socket.closed || socket.readableEnded }
}

function connectWithKey(port: number): TLSSocket {
  return tlsConnect({ ...tlsWithKey, port, host: '127.0.0.1', pskCallback: () => offer(keyring, 0) })
}

function dial(port: number): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    new Dial(
      `127.0.0.1:${port}`,
      { credentials: { keyring }, maxFrameBytes: 2 ** 20, handshakeTimeoutMs: 10_000 },
      {
        open: (socket) => {
          cleanUps.push(() => socket.terminate())
          resolve(socket)
        },
        failed: ({ message }) => reject(new Error(message)),
      },
    )
  })
}

function until(condition: () => boolean): Promise<void> {
  return vi.waitFor(() => expect(condition()).toBe(true), { timeout: 10_000, interval: 5 })
}

test.each([
  ['plain HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', /^127\.0\.0\.1: It sent plain HTTP/],
  ['garbage', 'what is this?\n'.repeat(1000), /It is no member \(ERR_SSL_WRONG_VERSION_NUMBER\)/],
  // A handshake message said to be 16 MB long: nobody waits for the rest of it.
  ['an endless greeting', Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255]), /It is no member \(ERR_SSL_/],
])('%s is refused at once', async (_name, sent, message) => {
  const { port, refused } = await startAcceptor()
  const { socket, closed } = await connectRaw(port)
  socket.write(sent)
  await until(closed)
  expect(refused).toEqual([expect.stringMatching(message)])
})

test('a TLS client without a key is refused', async () => {
  const { port, refused } = await startAcceptor()
  const client = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  cleanUps.push(() => client.destroy())
  await expect(once(client, 'secureConnect')).rejects.toThrow()
  await until(() => refused.length === 1)
  expect(refused[0]).toContain('It is no member')
})

test('who was let in once does not come back without his key', async () => {
  const { acceptor, port } = await startAcceptor()
  const { session, answer } = await visit(port, { pskCallback: () => offer(keyring, 0) })
  expect(answer).toBe('HTTP/1.1 404 Not Found')
  expect(await visit(port, { session })).toMatchObject({ isSecure: false, answer: '' })
  // Nor with one that is none any more.
  acceptor.rekey({ keyring: createKeyring('shop', ['another: 3TnB9yHc6GsF1wJe']) })
  const late = await visit(port, { pskCallback: () => offer(keyring, 0), session })
  expect(late).toMatchObject({ isSecure: false, answer: '' })
})

/** Asks for something that members do not ask for. */
async function visit(port: number, options: ConnectionOptions) {
  const socket = tlsConnect({ ...tlsWithKey, port, host: '127.0.0.1', ...options })
  cleanUps.push(() => socket.destroy())
  const seen = { isSecure: false, answer: '', session: undefined as Buffer | undefined }
  socket.on('secureConnect', () => (seen.isSecure = true)).on('session', (ticket) => (seen.session = ticket))
  socket.on('data', (data) => (seen.answer += data)).on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => socket.closed)
  return { ...seen, answer: seen.answer.split('\r\n')[0] }
}

test('who says nothing is cut after the handshake timeout, with the key or without', async () => {
  const { port, refused } = await startAcceptor({ handshakeTimeoutMs: 200 })
  const { closed } = await connectRaw(port)
  const client = connectWithKey(port)
  client.on('error', () => {})
  cleanUps.push(() => client.destroy())
  await until(() => closed() && client.closed)
  const message = '127.0.0.1: It did not authenticate within 200 ms.'
  expect(refused).toEqual([message, message])
})

test('one that connects and goes away is nothing to report', async () => {
  const { port, refused } = await startAcceptor()
  const { socket } = await connectRaw(port)
  socket.destroy()
  // The acceptor sees things in their order: with the link open it has seen the socket go.
  await dial(port)
  expect(refused).toEqual([])
})

test('strangers are bounded in number, and cannot keep members out', async () => {
  const { port, refused, accepted } = await startAcceptor({ maxPendingSockets: 3 })
  const strangers: Awaited<ReturnType<typeof connectRaw>>[] = []
  for (let n = 0; n < 5; n++) strangers.push(await connectRaw(port))
  await until(() => refused.length === 2)
  expect(refused[0]).toContain('the oldest of too many sockets')
  await until(() => strangers.filter(({ closed }) => closed()).length === 2)
  expect(strangers.map(({ closed }) => closed())).toEqual([true, true, false, false, false])
  await dial(port)
  await until(() => accepted.length === 1)
})

test('of too many strangers those of the host that has the most go first', async () => {
  const { port } = await startAcceptor({ maxPendingSockets: 4 })
  const slow = await connectRaw(port, '127.0.0.1', 0, '127.0.0.3')
  const flood: Awaited<ReturnType<typeof connectRaw>>[] = []
  for (let i = 0; i < 12; i++) flood.push(await connectRaw(port, '127.0.0.1', 0, '127.0.0.2'))
  await vi.waitFor(() => expect(flood.filter(({ closed }) => closed())).toHaveLength(9))
  expect(slow.closed()).toBe(false)
})

test('one port that connects to several addresses of this host is as many strangers', async () => {
  const options = { host: '0.0.0.0', maxPendingSockets: 3, handshakeTimeoutMs: 60_000 }
  const { acceptor, port, refused } = await startAcceptor(options)
  const strangers: Awaited<ReturnType<typeof connectRaw>>[] = []
  const twice = async () => {
    const first = await connectRaw(port)
    strangers.push(first, await connectRaw(port, '127.0.0.2', first.socket.localPort))
  }
  await twice()
  await twice()
  await until(() => refused.length === 1)
  await until(() => strangers[0]!.closed())
  expect(strangers.map(({ closed }) => closed())).toEqual([true, false, false, false])
  // One that goes takes no other's place, and close waits for none.
  strangers[2]!.socket.destroy()
  await acceptor.close()
  await until(() => strangers.every(({ closed }) => closed()))
})

test('of two strangers with one port the other is still cut when one has gone', async () => {
  const { port, refused } = await startAcceptor({ host: '0.0.0.0', handshakeTimeoutMs: 200 })
  const first = await connectRaw(port)
  const second = await connectRaw(port, '127.0.0.2', first.socket.localPort)
  first.socket.destroy()
  await until(second.closed)
  expect(refused).toEqual(['127.0.0.1: It did not authenticate within 200 ms.'])
})

test('a link is no stranger any more', async () => {
  const { port, refused, accepted } = await startAcceptor({ maxPendingSockets: 1 })
  for (let n = 0; n < 3; n++) await dial(port)
  await until(() => accepted.length === 3)
  expect(refused).toEqual([])
  expect(accepted.map(({ readyState }) => readyState)).toEqual([1, 1, 1])
})

test.each([
  ['a request elsewhere', '/', { Connection: 'keep-alive' }, 404],
  ['a request without an upgrade', linkPath, { Connection: 'keep-alive' }, 426],
  ['an upgrade elsewhere', '/chat', upgradeTo(linkProtocol), 404],
  ['an upgrade to another protocol', linkPath, upgradeTo('sessionmesh.9'), 426],
  ['an upgrade to no protocol', linkPath, { Connection: 'Upgrade', Upgrade: 'websocket' }, 426],
])('with the key, %s is answered with a refusal and closed', async (_name, path, headers, status) => {
  const { port, refused, accepted } = await startAcceptor()
  const outgoing = request({ path, headers, createConnection: () => connectWithKey(port) })
  outgoing.end()
  const [response] = await once(outgoing, 'response')
  response.resume()
  await once(response, 'end')
  expect(response.statusCode).toBe(status)
  expect(response.headers.connection).toBe('close')
  await until(() => outgoing.socket?.closed === true)
  expect(refused.length).toBe(1)
  expect(accepted).toEqual([])
})

function upgradeTo(protocol: string) {
  return {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
    'Sec-WebSocket-Protocol': protocol,
  }
}

test('a port in use is told, with the mend', async () => {
  const { port } = await startAcceptor()
  await expect(startAcceptor({ ports: [port] })).rejects.toMatchObject({
    code: 'SESSIONMESH_PORT_IN_USE',
    message: `Port ${port} on 127.0.0.1 is in use. Stop the process that has it, or choose another listen.port.`,
  })
})

test('of several ports the first that is free is taken, and none is told when all are in use', async () => {
  const [first, second] = [(await startAcceptor()).port, (await startAcceptor()).port]
  await expect(startAcceptor({ ports: [first, second] })).rejects.toMatchObject({
    code: 'SESSIONMESH_PORT_IN_USE',
    message: `Ports ${first} to ${second} on 127.0.0.1 are in use. Stop the process that has it, or choose another listen.port.`,
  })
  const third = await startAcceptor({ ports: [first, second, 0] })
  expect([first, second]).not.toContain(third.port)
})

test('many ports in use are no leak', async () => {
  const warnings: string[] = []
  const onWarning = ({ message }: Error) => warnings.push(message)
  process.on('warning', onWarning)
  cleanUps.push(() => process.off('warning', onWarning))
  const taken = await Promise.all(Array.from({ length: 14 }, () => startAcceptor()))
  await startAcceptor({ ports: [...taken.map(({ port }) => port), 0] })
  // (Warnings come with the next tick.)
  await new Promise((resolve) => setImmediate(resolve))
  expect(warnings).toEqual([])
})

test.each([
  ['an address of another machine', { host: '192.0.2.1' }],
  ['a port that does not exist', { ports: [65536] }],
])('%s cannot be listened on', async (_name, options) => {
  await expect(startAcceptor(options)).rejects.toMatchObject({ code: 'SESSIONMESH_LISTEN_FAILED' })
})

test('close ends strangers too', async () => {
  const { acceptor, port } = await startAcceptor()
  const { closed } = await connectRaw(port)
  await acceptor.close()
  await until(closed)
})

describe('no other HTTP answer than a refusal', () => {
  const get = `GET ${linkPath} HTTP/1.1\r\nHost: a\r\n`
  const upgrade = Object.entries(upgradeTo(linkProtocol))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  const other = upgrade.replace(linkProtocol, 'chat')
  const post = `POST ${linkPath} HTTP/1.1\r\nHost: a\r\n`
  const cases: [what: string, sent: string, status: number][] = [
    ['a plain GET', `${get}\r\n`, 426],
    ['a GET elsewhere', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 404],
    ['an upgrade elsewhere', `GET /chat HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`, 404],
    ['an upgrade below', `GET ${linkPath}/x HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`, 404],
    ['an upgrade with a query', `GET ${linkPath}?a HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`, 404],
    ['an absolute-form url', `GET http://a${linkPath} HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`, 404],
    ['an upgrade to another subprotocol', `${get}${other}\r\n`, 426],
    ['an upgrade to another protocol', `${get}${upgrade.replace('websocket', 'h2c')}\r\n`, 400],
    ['an upgrade with another version of WebSocket', `${get}${upgrade.replace(': 13', ': 12')}\r\n`, 400],
    ['an upgrade by POST', `${post}${upgrade}\r\n`, 400],
    ['a POST with a body', `${post}Content-Length: 5\r\n\r\nhello`, 426],
    ['a POST with an endless body', `${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, 426],
    ['a POST that asks whether to go on', `${post}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`, 426],
    ['another expectation', `${post}Expect: tea\r\nContent-Length: 5\r\n\r\n`, 426],
    ['our subprotocol without an upgrade', `${get}Sec-WebSocket-Protocol: ${linkProtocol}\r\n\r\n`, 426],
    ['HEAD', `HEAD ${linkPath} HTTP/1.1\r\nHost: a\r\n\r\n`, 426],
    ['OPTIONS', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 404],
    ['TRACE', `TRACE ${linkPath} HTTP/1.1\r\nHost: a\r\n\r\n`, 426],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 0],
    ['HTTP/1.0', `GET ${linkPath} HTTP/1.0\r\n\r\n`, 426],
    ['HTTP/1.0 that would stay', `GET ${linkPath} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`, 426],
    ['no host', `GET ${linkPath} HTTP/1.1\r\n\r\n`, 426],
    ['two requests at once', `${get}\r\n${get}\r\n`, 426],
    ['headers of 5 KB', `${get}X: ${'x'.repeat(5_000)}\r\n\r\n`, 431],
    ['an url of 5 KB', `GET /${'x'.repeat(5_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['a malformed request', 'what is this?\r\n\r\n', 400],
    ['two lengths', `${post}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400],
  ]

  test.each(cases)('to %s, with the key', async (_, sent, status) => {
    const { port, accepted } = await startAcceptor()
    const client = connectWithKey(port)
    cleanUps.push(() => client.destroy())
    client.on('error', () => {})
    let answer = ''
    client.setEncoding('latin1').on('data', (text) => (answer += text))
    client.write(sent)
    await until(() => client.closed)
    expect(accepted).toEqual([])
    if (status === 0) return expect(answer).toBe('')
    const [head = '', ...rest] = answer.split('\r\n\r\n')
    const [line, ...headers] = head.split('\r\n')
    expect([line?.split(' ').slice(0, 2), rest]).toEqual([['HTTP/1.1', String(status)], ['']])
    expect(headers.map((header) => header.toLowerCase())).toContain('connection: close')
  })

  test.each(cases)('and none at all to %s, without', async (_, sent) => {
    const { port } = await startAcceptor()
    const { socket, closed } = await connectRaw(port)
    let answer = Buffer.alloc(0)
    socket.on('data', (data) => (answer = Buffer.concat([answer, data])))
    socket.write(sent)
    await until(closed)
    // An alert of TLS at most.
    expect([...answer.subarray(0, 1)].filter((kind) => kind !== 21)).toEqual([])
    expect(answer.length).toBeLessThan(10)
  })
})

test('sockets above the rate of their address are reset unread, told and counted, and others come in', async () => {
  const rate = { burst: 12, perSecond: 0 }
  const { acceptor, port, refused, accepted } = await startAcceptor({
    maxPendingSockets: 100,
    admission: { perAddress: rate, ofUnknown: { burst: 1_000, perSecond: 0 } },
  })
  const errors: (string | undefined)[] = []
  for (let i = 0; i < 20; i++) {
    const socket = tcpConnect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => errors.push(code))
    cleanUps.push(() => socket.destroy())
  }
  await until(() => errors.length === 8)
  // (Not "refused", which would tell a member that nobody is there.)
  expect(new Set(errors)).toEqual(new Set(['ECONNRESET']))
  expect(refused).toEqual(
    Array(8).fill(expect.stringMatching(/^127\.0\.0\.2: More connections .* cut unread/)),
  )
  expect(acceptor.strangers).toEqual({ admitted: 12, refused: 8 })
  await dial(port)
  await until(() => accepted.length === 1)
})

test('links cost no rate: a host of many members may restart them as often as it likes', async () => {
  const { port, accepted, refused } = await startAcceptor({
    admission: { perAddress: { burst: 9, perSecond: 0 }, ofUnknown: { burst: 9, perSecond: 0 } },
  })
  for (let i = 0; i < 30; i++) await dial(port)
  await until(() => accepted.length === 30)
  expect(refused).toEqual([])
})
