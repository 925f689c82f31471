/**
 * What a SIGKILL of this process can no longer take away. Only a real process shows it: the sender kills itself,
 * and we look at what arrives.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { createKeyring } from './keys.js'
import { Links } from './links.js'

/** Runs the built package: the sender must be plain Node. Arguments: the address to dial, if any, and the case. */
const sender = `
  import { createKeyring } from '${new URL('../dist/keys.js', import.meta.url)}'
  import { Links } from '${new URL('../dist/links.js', import.meta.url)}'

  const [address, kill] = process.argv.slice(1)
  const frame = new Uint8Array(1024)
  const die = () => process.kill(process.pid, 'SIGKILL')
  const cases = {
    'in the turn of the only frame': (link) => { link.send(frame); die() },
    'when the last of many was handed over': (link) => {
      for (let n = 1; n < 100; n++) link.send(frame)
      link.send(frame)
      link.onHanded(die)
    },
  }
  const links = new Links(
    { credentials: { keyring: createKeyring('shop', []) }, host: '127.0.0.1', ports: [0], maxFrameBytes: 4096,
      handshakeTimeoutMs: 10000, maxPendingSockets: 8 },
    // The link idles first: an acceptor's answer to the upgrade is still leaving when it opens.
    { open: () => {}, frame: (link) => setImmediate(cases[kill], link), closed() {}, dialFailed() {}, refused() {} },
  )
  const { port } = await links.listen()
  if (address === '') process.send(port)
  else links.dial(address)
`

let receiver: Links | undefined
let child: ChildProcess | undefined

afterEach(async () => {
  child?.kill('SIGKILL')
  await receiver?.close()
})

test.each([
  ['in the turn of the only frame', 'dialler', 1],
  ['in the turn of the only frame', 'acceptor', 1],
  ['when the last of many was handed over', 'dialler', 100],
  ['when the last of many was handed over', 'acceptor', 100],
])('SIGKILL %s, by the %s: all is there', async (kill, role, count) => {
  let frames = 0
  let ended = false
  const links = new Links(
    {
      credentials: { keyring: createKeyring('shop', []) },
      host: '127.0.0.1',
      ports: [0],
      maxFrameBytes: 4096,
      handshakeTimeoutMs: 10_000,
      maxPendingSockets: 8,
    },
    {
      open: (link) => link.send(new Uint8Array(1)),
      frame: () => frames++,
      closed: () => {
        ended = true
      },
      dialFailed: (_address, { message }) => expect.fail(message),
      refused: (_host, message) => expect.fail(message),
    },
  )
  receiver = links
  const { port } = await links.listen()
  const address = role === 'dialler' ? `127.0.0.1:${port}` : ''
  child = fork('-', [], { execArgv: ['--input-type=module', '-e', sender, address, kill] })
  const exited = once(child, 'exit')
  if (address === '') links.dial(`127.0.0.1:${(await once(child, 'message'))[0]}`)
  expect(await exited).toEqual([null, 'SIGKILL'])
  await vi.waitFor(() => expect(ended).toBe(true), { timeout: 10_000, interval: 5 })
  expect(frames).toBe(count)
})
