import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { Dial, type DialOptions, type DialReport } from './dial.js'
import { createKeyring, keyFor } from './keys.js'
import { tlsWithKey } from './tls.js'

const keyring = createKeyring('shop', ['enough: 8KpX2vQz7RmW4tLd'])
const cleanUps: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  vi.unstubAllEnvs()
})

async function start(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.on('connection', (socket) => cleanUps.push(() => socket.destroy()))
  cleanUps.unshift(() => new Promise((resolve) => server.close(resolve)))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** How a dial ended, and how often. */
function dial(address: string, options: Partial<DialOptions> = {}) {
  const ends: (DialReport | 'open')[] = []
  const dial = new Dial(
    address,
    { credentials: { keyring }, maxFrameBytes: 2 ** 20, handshakeTimeoutMs: 10_000, ...options },
    {
      open: (socket) => {
        socket.terminate()
        ends.push('open')
      },
      failed: (failure) => ends.push(failure),
    },
  )
  const end = async () => {
    await vi.waitFor(() => expect(ends.length).toBe(1), { timeout: 10_000, interval: 5 })
    return ends[0]
  }
  return { dial, ends, end }
}

test('nobody listens: refused', async () => {
  const server = createServer()
  const address = await start(server)
  server.close()
  await once(server, 'close')
  expect(await dial(address).end()).toEqual({
    kind: 'refused',
    message: `${address} refused the connection: nobody listens there.`,
  })
  // Two addresses, ::1 and 127.0.0.1, where the machine has both.
  expect(await dial(address.replace('127.0.0.1', 'localhost')).end()).toMatchObject({ kind: 'refused' })
})

test('who accepts and says nothing, as a stopped process does: timeout', async () => {
  const server = createServer()
  const address = await start(server)
  const connected = once(server, 'connection')
  expect(await dial(address, { handshakeTimeoutMs: 200 }).end()).toEqual({
    kind: 'timeout',
    message: `${address} did not answer within 200 ms.`,
  })
  const [socket] = await connected
  socket.resume()
  await once(socket, 'close')
})

test('who has the key and never answers the request: timeout', async () => {
  const server = createHttpsServer({ ...tlsWithKey, pskCallback: (_socket, identity) => keyOf(identity) })
  server.on('upgrade', () => {})
  const address = await start(server)
  expect(await dial(address, { handshakeTimeoutMs: 500 }).end()).toMatchObject({ kind: 'timeout' })
})

test('who closes at once, speaks HTTP, or has no use for links: other', async () => {
  const closing = await start(createServer((socket) => socket.destroy()))
  expect(await dial(closing).end()).toMatchObject({ kind: 'other' })
  const http = await start(createHttpServer((_request, response) => response.end()))
  expect(await dial(http).end()).toMatchObject({ kind: 'other', message: expect.stringContaining(http) })
  const https = createHttpsServer({ ...tlsWithKey, pskCallback: (_socket, identity) => keyOf(identity) })
  https.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'))
  expect(await dial(await start(https)).end()).toMatchObject({
    kind: 'other',
    message: expect.stringContaining('404'),
  })
})

test('a certificate in place of the key is never good enough', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  const server = createHttpsServer({ key: certificateKey, cert: certificate })
  const upgrades = new WebSocketServer({ server })
  upgrades.on('error', () => {})
  const address = await start(server)
  // With several keys it is dialled once: none would do.
  const connections = vi.fn()
  server.on('connection', connections)
  const credentials = {
    keyring: createKeyring('shop', ['enough: 8KpX2vQz7RmW4tLd', 'another: 3TnB9yHc6GsF1wJe']),
  }
  expect(await dial(address, { credentials }).end()).toEqual({
    kind: 'rejected',
    code: 'SESSIONMESH_CERTIFICATE_REFUSED',
    message: expect.stringMatching(
      /certificates \(tls\), and this member by the shared secret.*HTTPS.*all members/,
    ),
  })
  expect(connections).toHaveBeenCalledTimes(1)
  expect(upgrades.clients.size).toBe(0)
})

test('a malformed address and an unknown host: other', async () => {
  expect(await dial('nowhere').end()).toMatchObject({ kind: 'other', code: 'SESSIONMESH_BAD_ADDRESS' })
  expect(await dial('nowhere.invalid:7373').end()).toMatchObject({ kind: 'other' })
})

test('a cancelled dial ends once, whatever comes after', async () => {
  const address = await start(createServer((socket) => socket.destroy()))
  const early = dial(address)
  early.dial.cancel('not wanted')
  early.dial.cancel('not wanted')
  expect(early.ends).toEqual([])
  const late = dial(address)
  await late.end()
  late.dial.cancel('not wanted')
  expect(await early.end()).toMatchObject({ kind: 'other', message: 'not wanted' })
  expect([early.ends.length, late.ends.length]).toEqual([1, 1])
})

function keyOf(identity: string): Uint8Array | null {
  const found = keyFor(keyring, identity)
  return 'psk' in found ? found.psk : null
}

// Signed by itself for `localhost`, made for this test and used nowhere else.
const certificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgv7d7g3SoZ0ojN085
WFdCXYRGhx9WKyp9FCDZuTZZpruhRANCAARuUjL/M9szEBtlZUFJOOUuw7yihFrT
pyeSFvrVRyaLumQp3+ByYATWW3eHVzb4Qx7wExgbYsP/Vi1235UZaQZd
-----END PRIVATE KEY-----`
const certificate = `-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUXoh95QiniAuFBNatd7+jPH03BGgwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAwNTQwM1oYDzIxMjYxMDMw
MDA1NDAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARuUjL/M9szEBtlZUFJOOUuw7yihFrTpyeSFvrVRyaLumQp3+ByYATW
W3eHVzb4Qx7wExgbYsP/Vi1235UZaQZdo1MwUTAdBgNVHQ4EFgQUZspdmNAP5IOh
UtTeQiP9P2yt3rowHwYDVR0jBBgwFoAUZspdmNAP5IOhUtTeQiP9P2yt3rowDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiALgwmpWc305eWjQJ3kE2Ee
mvyJc4Y/FTPfPxniMfuLSgIgC1UFzUY0Z0kIyHphxpbojNHbO/iaF4zAj1r0Lemv
ZdE=
-----END CERTIFICATE-----`
