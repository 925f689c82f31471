/**
 * A member dies with its last frame unread at its peer, which is busy and writes before it reads. Only real
 * processes show it: the death must leave unread bytes, so that the system resets the connection.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { createKeyring } from './keys.js'
import { Links } from './links.js'

/** Runs the built package: the victim must be plain Node. Argument: the address to dial, if any. */
const victim = `
  import { createKeyring } from '${new URL('../dist/keys.js', import.meta.url)}'
  import { Links } from '${new URL('../dist/links.js', import.meta.url)}'

  const [address] = process.argv.slice(1)
  const standStill = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  const links = new Links(
    { credentials: { keyring: createKeyring('shop', []) }, host: '127.0.0.1', ports: [0], maxFrameBytes: 4096,
      handshakeTimeoutMs: 10000, maxPendingSockets: 8 },
    { open: () => {}, closed() {}, dialFailed() {}, refused() {},
      frame: (link) => { standStill(300); link.send(new Uint8Array(209)); process.kill(process.pid, 'SIGKILL') } },
  )
  const { port } = await links.listen()
  if (address === '') process.send(port)
  else links.dial(address)
`

let survivor: Links | undefined
let child: ChildProcess | undefined

afterEach(async () => {
  child?.kill('SIGKILL')
  await survivor?.close()
})

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test.each(['dialler', 'acceptor'])(
  'what a peer sent before its death is read, though our write fails first (%s)',
  async (role) => {
    const sizes: number[] = []
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
        open: (link) => {
          link.send(new Uint8Array(1))
          setImmediate(() => {
            // The victim stands still by now, and will never read this.
            standStill(100)
            link.send(new Uint8Array(1))
            // A later turn, since Node writes at once on an idle socket only: the victim dies in it, and this fails.
            setImmediate(() => {
              standStill(600)
              link.send(new Uint8Array(1))
            })
          })
        },
        frame: (_link, frame) => sizes.push(frame.length),
        closed: () => {
          ended = true
        },
        dialFailed: (_address, { message }) => expect.fail(message),
        refused: (_host, message) => expect.fail(message),
      },
    )
    survivor = links
    const { port } = await links.listen()
    const address = role === 'dialler' ? `127.0.0.1:${port}` : ''
    child = fork('-', [], { execArgv: ['--input-type=module', '-e', victim, address] })
    const exited = once(child, 'exit')
    if (address === '') links.dial(`127.0.0.1:${(await once(child, 'message'))[0]}`)
    expect(await exited).toEqual([null, 'SIGKILL'])
    await vi.waitFor(() => expect(ended).toBe(true), { timeout: 10_000, interval: 5 })
    expect(sizes).toEqual([209])
  },
)
