import { connect } from 'node:tls'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createKeyring, offer } from './keys.js'
import { linkPath, linkProtocol } from './link.js'
import { type DialReport, type Link, Links, type LinksOptions } from './links.js'
import { tlsWithKey } from './tls.js'

const secret = 'enough: 8KpX2vQz7RmW4tLd'
const members: Links[] = []
const rawSockets: WebSocket[] = []

afterEach(async () => {
  for (const socket of rawSockets.splice(0)) socket.terminate()
  await Promise.all(members.splice(0).map((links) => links.close()))
})

/** Links that record what happens to them. */
async function startMember(options: Partial<LinksOptions> = {}) {
  const member = { onFrame: () => {} }
  const opened: Link[] = []
  const frames: string[] = []
  const closed: { link: Link; reason: string; code: unknown }[] = []
  const failed: (DialReport & { address: string })[] = []
  const refused: { message: string; code: string | undefined }[] = []
  const links = new Links(
    {
      credentials: { keyring: createKeyring('shop', [secret]) },
      host: '127.0.0.1',
      ports: [0],
      maxFrameBytes: 2 ** 20,
      handshakeTimeoutMs: 10_000,
      maxPendingSockets: 8,
      ...options,
    },
    {
      open: (link) => opened.push(link),
      frame: (_link, frame) => {
        frames.push(new TextDecoder().decode(frame))
        member.onFrame()
      },
      closed: (link, reason, error) =>
        closed.push({ link, reason, code: error && 'code' in error ? error.code : undefined }),
      dialFailed: (address, failure) => failed.push({ address, ...failure }),
      refused: (_host, message, code) => refused.push({ message, code }),
    },
  )
  members.push(links)
  const { host, port } = await links.listen()
  const address = `${host}:${port}`
  return Object.assign(member, { links, opened, frames, closed, failed, refused, port, address })
}

type Member = Awaited<ReturnType<typeof startMember>>

async function linkUp(dialler: Member, acceptor: Member): Promise<[Link, Link]> {
  const before = [dialler.opened.length, acceptor.opened.length]
  dialler.links.dial(acceptor.address)
  await until(() => dialler.opened.length > before[0]! && acceptor.opened.length > before[1]!)
  return [dialler.opened.at(-1)!, acceptor.opened.at(-1)!]
}

function until(condition: () => boolean): Promise<void> {
  return vi.waitFor(() => expect(condition()).toBe(true), { timeout: 10_000, interval: 5 })
}

/** A peer whose reading and writing the test controls. */
async function rawMember(acceptor: Member): Promise<WebSocket> {
  const socket = new WebSocket(`wss://127.0.0.1${linkPath}`, linkProtocol, {
    perMessageDeflate: false,
    createConnection: () =>
      connect({
        ...tlsWithKey,
        port: acceptor.port,
        host: '127.0.0.1',
        pskCallback: () => offer(createKeyring('shop', [secret]), 0),
      }),
  })
  rawSockets.push(socket)
  await until(() => socket.readyState === WebSocket.OPEN && acceptor.opened.length > 0)
  return socket
}

const bytes = (text: string) => new TextEncoder().encode(text)

test('a frame goes each way, in order, and is reported as handed over', async () => {
  const [a, b] = [await startMember(), await startMember()]
  const [ab, ba] = await linkUp(a, b)
  let handed = 0
  const sendAndCount = (text: string) => {
    ab.send(bytes(text))
    ab.onHanded(() => handed++)
  }
  for (const text of ['one', 'two', 'three']) sendAndCount(text)
  expect(handed).toBe(0)
  ba.send(bytes('back'))
  await until(() => b.frames.length === 3 && a.frames.length === 1 && handed === 3)
  expect(b.frames).toEqual(['one', 'two', 'three'])
  expect(a.frames).toEqual(['back'])
  expect([ab.dialled, ba.dialled]).toEqual([b.address, undefined])
  expect([ab.remoteHost, ba.remoteHost]).toEqual(['127.0.0.1', '127.0.0.1'])
  expect(ab.id).not.toBe(ba.id)
})

test('who sends the next frame when one is handed over leaves the loop to others in between', async () => {
  const [a, b] = [await startMember(), await startMember()]
  const [ab] = await linkUp(a, b)
  const frames = 50
  const turnsOfFrames = new Set<number>()
  let turns = 0
  const count = () => {
    turns++
    if (turnsOfFrames.size < frames) setImmediate(count)
  }
  count()
  const next = (left: number) => {
    turnsOfFrames.add(turns)
    if (left <= 1) return
    ab.send(bytes('a chunk'))
    ab.onHanded(() => next(left - 1))
  }
  next(frames)
  await until(() => b.frames.length === frames - 1)
  expect(turnsOfFrames.size).toBe(frames)
})

test('frames that take long leave the loop to others in between, in their order; and the end of the link comes last', async () => {
  const [a, b] = [await startMember(), await startMember()]
  const [ab] = await linkUp(a, b)
  const frames = 100
  const inTurn: number[] = []
  let isOver = false
  const count = () => {
    inTurn.push(0)
    if (!isOver) setImmediate(count)
  }
  b.onFrame = () => {
    inTurn[inTurn.length - 1]!++
    for (const untilMs = performance.now() + 5; performance.now() < untilMs; );
  }
  count()
  for (let i = 0; i < frames; i++) ab.send(bytes(`${i}`))
  ab.close('all said')
  await until(() => b.closed.length > 0)
  isOver = true
  expect(b.frames).toEqual(Array.from({ length: frames }, (_, i) => `${i}`))
  expect(b.closed[0]!.reason).toBe('all said')
  // (Twice what a turn may take: it begins anew somewhere between two of ours.)
  expect(Math.max(...inTurn)).toBeLessThanOrEqual(2 * 4)
})

test('who ends a link in the midst of many frames gets no more of them', async () => {
  const [a, b] = [await startMember(), await startMember()]
  const [ab, ba] = await linkUp(a, b)
  b.onFrame = () => {
    for (const untilMs = performance.now() + 5; performance.now() < untilMs; );
    if (b.frames.length === 20) ba.terminate()
  }
  for (let i = 0; i < 100; i++) ab.send(bytes(`${i}`))
  await until(() => a.closed.length > 0 && b.closed.length > 0)
  expect([b.frames.length, b.closed[0]!.reason]).toEqual([20, 'cut off here'])
})

test('a frame over the limit cuts its link, says so on both sides, and harms no other link', async () => {
  const [a, b, c] = [await startMember(), await startMember({ maxFrameBytes: 1000 }), await startMember()]
  const [ab] = await linkUp(a, b)
  const [cb] = await linkUp(c, b)
  ab.send(new Uint8Array(1001))
  await until(() => a.closed.length === 1 && b.closed.length === 1)
  expect([a.closed[0]?.code, b.closed[0]?.code]).toEqual([
    'SESSIONMESH_FRAME_TOO_LARGE',
    'SESSIONMESH_FRAME_TOO_LARGE',
  ])
  cb.send(bytes('alive'))
  await until(() => b.frames.length === 1)
  expect(b.frames).toEqual(['alive'])
})

test('a dialler obeys its limit too', async () => {
  const [a, b] = [await startMember({ maxFrameBytes: 1000 }), await startMember()]
  const [, ba] = await linkUp(a, b)
  ba.send(new Uint8Array(1001))
  await until(() => a.closed.length === 1 && b.closed.length === 1)
  expect(a.closed[0]?.code).toBe('SESSIONMESH_FRAME_TOO_LARGE')
})

test('close sends what is buffered, and both sides learn the reason', async () => {
  const [a, b] = [await startMember(), await startMember()]
  const [ab, ba] = await linkUp(a, b)
  const reason = `leaving ${'ä'.repeat(200)}`
  let handed = 0
  for (let n = 0; n < 16; n++) {
    ab.send(new Uint8Array(2 ** 20).fill(120))
    ab.onHanded(() => handed++)
  }
  ab.close(reason)
  ab.close('again')
  ab.send(bytes('too late'))
  ab.onHanded(() => handed++)
  await until(() => a.closed.length === 1 && b.closed.length === 1 && handed === 17)
  expect(b.frames.length).toBe(16)
  expect(a.closed).toEqual([{ link: ab, reason, code: undefined }])
  expect(b.closed[0]).toMatchObject({ link: ba, code: undefined })
  // A close frame has room for 123 bytes, which must not end within a character.
  expect(b.closed[0]?.reason).toBe(`leaving ${'ä'.repeat(57)}`)
})

test('terminate ends a link at once, and its waiters with it', async () => {
  const [a, b] = [await startMember(), await startMember()]
  const [ab] = await linkUp(a, b)
  let handed = 0
  for (let n = 0; n < 64; n++) {
    ab.send(new Uint8Array(2 ** 20))
    ab.onHanded(() => handed++)
  }
  ab.terminate()
  expect(a.closed).toEqual([])
  ab.send(bytes('too late'))
  ab.onHanded(() => handed++)
  await until(() => a.closed.length === 1 && b.closed.length === 1 && handed === 65)
  expect([a.closed[0]?.code, b.closed[0]?.code]).toEqual([undefined, undefined])
  expect(b.closed[0]?.reason).toBe('the connection was lost')
})

test('no frame comes after a link was ended here, not even one that had arrived', async () => {
  const [a, b] = [await startMember(), await startMember()]
  const [ab, ba] = await linkUp(a, b)
  const seen: string[] = []
  vi.spyOn(b.frames, 'push').mockImplementation((frame) => {
    if (seen.push(frame) === 2) ba.terminate()
    return seen.length
  })
  // The first leaves at once, and those that follow in the same turn leave and arrive together.
  for (const text of ['one', 'two', 'three', 'four']) ab.send(bytes(text))
  await until(() => b.closed.length === 1)
  expect(seen).toEqual(['one', 'two'])
})

test('text instead of bytes is a fault of the peer', async () => {
  const b = await startMember()
  const raw = await rawMember(b)
  raw.send('text')
  await until(() => b.closed.length === 1)
  expect(b.closed[0]?.code).toBe('SESSIONMESH_BAD_FRAME')
  expect(b.frames).toEqual([])
})

test('what a peer does not read stays buffered, is counted, and leaves when it reads again', async () => {
  const b = await startMember()
  const raw = await rawMember(b)
  raw.pause()
  const link = b.opened[0]!
  for (let n = 0; n < 32; n++) link.send(new Uint8Array(2 ** 20))
  // A round trip of another link: the loop has turned, and the kernel has taken what it takes.
  const a = await startMember()
  const [ab] = await linkUp(a, b)
  ab.send(bytes('there'))
  await until(() => b.frames.length === 1)
  expect(link.bufferedBytes).toBeGreaterThan(8 * 2 ** 20)
  raw.resume()
  await until(() => link.bufferedBytes === 0)
})

test('a peer that does not answer a close is cut', async () => {
  const b = await startMember()
  const raw = await rawMember(b)
  raw.pause()
  b.opened[0]!.send(new Uint8Array(32 * 2 ** 20))
  b.opened[0]!.close('leaving')
  await until(() => b.closed.length === 1)
  expect(b.closed[0]?.reason).toBe('leaving')
})

test('after a change of secrets, members link in both directions as long as they share one', async () => {
  const old = 'the old one: 4YhJ7sWc2KtM9xQa'
  const next = 'the next one: 6BrL8dPf3UvC5nZg'
  const ring = (...secrets: string[]) => ({ credentials: { keyring: createKeyring('shop', secrets) } })
  const before = await startMember(ring(old))
  const during = await startMember(ring(next, old))
  const after = await startMember(ring(next))
  for (const [a, b] of [
    [before, during],
    [during, before],
    [during, after],
    [after, during],
  ] as const) {
    await linkUp(a, b)
  }
  // A second attempt with another key is part of a rotation, and nothing to warn of.
  expect([before.refused, during.refused, after.refused]).toEqual([[], [], []])
  before.links.dial(after.address)
  await until(() => before.failed.length === 1 && after.refused.length === 1)
  expect(before.failed[0]).toMatchObject({ kind: 'rejected', code: 'SESSIONMESH_SECRET_MISMATCH' })
})

test.each(['dialled', 'accepted'] as const)(
  'a link that was %s goes with its key, after what waits for the peer, and one with another key stays',
  async (which) => {
    const old = 'the old one: 4YhJ7sWc2KtM9xQa'
    const next = 'the next one: 6BrL8dPf3UvC5nZg'
    const ring = (...secrets: string[]) => ({ keyring: createKeyring('shop', secrets) })
    const member = await startMember({ credentials: ring(next, old) })
    const former = await startMember({ credentials: ring(old) })
    const fresh = await startMember({ credentials: ring(next) })
    const [toFormer] =
      which === 'dialled' ? await linkUp(member, former) : (await linkUp(former, member)).reverse()
    const [toFresh] =
      which === 'dialled' ? await linkUp(member, fresh) : (await linkUp(fresh, member)).reverse()
    member.links.rekey(ring(next, old))
    toFormer!.send(new TextEncoder().encode('the last'))
    member.links.rekey(ring(next))
    await until(() => former.closed.length === 1)
    expect(former.frames).toEqual(['the last'])
    expect(former.closed[0]).toMatchObject({ reason: 'its key is not accepted any more', code: undefined })
    expect(member.closed.map(({ link }) => link)).toEqual([toFormer])
    toFresh!.send(new TextEncoder().encode('on we go'))
    await until(() => fresh.frames.length === 1)
  },
)

test('another secret, or another cluster name, fails on both sides, and both learn which it was', async () => {
  const b = await startMember()
  const wrong = {
    SESSIONMESH_SECRET_MISMATCH: createKeyring('shop', [
      'another: 3TnB9yHc6GsF1wJe',
      'a third: 5VxN2qRk8DmZ7bPu',
    ]),
    SESSIONMESH_CLUSTER_MISMATCH: createKeyring('bank', [secret]),
  }
  for (const [code, keyring] of Object.entries(wrong)) {
    const a = await startMember({ credentials: { keyring } })
    b.refused.length = 0
    a.links.dial(b.address)
    await until(() => a.failed.length === 1 && b.refused.length === 1)
    expect(a.failed[0]).toMatchObject({ address: b.address, kind: 'rejected', code })
    expect(b.refused[0]?.code).toBe(code)
    expect(a.failed[0]?.message + b.refused[0]!.message).not.toContain(secret)
  }
  expect(b.opened).toEqual([])
})

test('without a secret the links work alike, and do not meet those with one', async () => {
  const [a, b] = [
    await startMember({ credentials: { keyring: createKeyring('shop', []) } }),
    await startMember({ credentials: { keyring: createKeyring('shop', []) } }),
  ]
  await linkUp(a, b)
  const c = await startMember()
  c.links.dial(a.address)
  a.links.dial(c.address)
  await until(() => [a, c].every(({ failed, refused }) => failed.length + refused.length === 2))
  const code = 'SESSIONMESH_SECRET_MISMATCH'
  const said = (message: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(message) })
  expect(c.failed[0]).toEqual(said(/another secret, or none/))
  expect(a.refused[0]).toEqual(said(/with a secret, and this one has none/))
  expect(a.failed[0]).toEqual(said(/has a secret, and this member has none/))
  expect(c.refused[0]).toEqual(said(/without a secret/))
})

test('close leaves no handle behind, ends every dial and link once, and may be repeated', async () => {
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'))
  expect(sockets()).toEqual([])
  const [a, b] = [await startMember(), await startMember()]
  await linkUp(a, b)
  a.links.dial(b.address)
  const third = await startMember()
  a.links.dial(third.address)
  await Promise.all([a.links.close(), a.links.close(), b.links.close(), third.links.close()])
  expect(a.closed.length).toBe(1)
  expect(b.closed.length).toBe(b.opened.length)
  a.links.dial(b.address)
  await until(() => a.opened.length + a.failed.length === 4)
  expect(a.failed.map(({ kind }) => kind)).toEqual(['other', 'other', 'other'])
  await until(() => sockets().length === 0)
})
