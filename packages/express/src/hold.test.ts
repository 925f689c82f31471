/** hold() against real servers: node:http uncorks what it likes, so only the wire can tell. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { hold } from './hold.js'
import { until } from './testing/harness.js'

const psk = Buffer.alloc(32, 7)
const psk13 = { ciphers: 'TLS_AES_128_GCM_SHA256:PSK', minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const

const KINDS: Record<
  string,
  [serve: (listener: RequestListener) => ReturnType<typeof createServer>, dial: (port: number) => Socket]
> = {
  http: [(listener) => createServer(listener), (port) => connect(port, '127.0.0.1')],
  https: [
    (listener) => createTlsServer({ ...psk13, pskCallback: () => psk }, listener),
    (port) =>
      connectTls({
        ...psk13,
        port,
        host: '127.0.0.1',
        pskCallback: () => ({ psk, identity: 'test' }),
        checkServerIdentity: () => undefined,
      }),
  ],
}

test.each(Object.entries(KINDS))(
  'over %s a held response comes when the last hold is released, whole',
  async (_kind, [serve, dial]) => {
    const body = 'x'.repeat(1_000_000)
    const releases: (() => void)[] = []
    const server = serve((req, res) => {
      if (req.url === '/held') releases.push(hold(req.socket), hold(req.socket))
      res.writeHead(200, { 'Content-Length': body.length })
      res.write(body.slice(0, 10))
      res.end(body.slice(10))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    let received = ''
    const client = dial((server.address() as AddressInfo).port).setEncoding('latin1')
    onTestFinished(() => {
      client.destroy()
    })
    client.on('data', (text: string) => {
      received += text
    })
    const wholes = () =>
      received
        .split('\r\n\r\n')
        .slice(1)
        .filter((text) => text.startsWith(body)).length
    const get = (path: string) => client.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`)

    get('/held')
    await until('the server has answered', () => releases.length === 2)
    for (let i = 0; i < 50; i++) await turn()
    releases[0]!()
    releases[0]!()
    for (let i = 0; i < 50; i++) await turn()
    expect(received).toBe('')
    releases[1]!()
    await until('the response came', () => wholes() === 1)
    get('/free')
    await until('the next one came', () => wholes() === 2)
  },
)
