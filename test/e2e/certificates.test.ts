/** Links that certificates authenticate, in place of a key from the secret. */

import type { X509Certificate } from 'node:crypto'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'
import { type CertificateOptions, type Cluster, type ClusterOptions, joinCluster } from 'sessionmesh'
import { beforeAll, describe, expect, test } from 'vitest'
import { Authority, type IssueOptions } from '../support/certificates.js'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { collect, freeAddresses, join, linked, SECRET, warningsInto } from '../support/local-cluster.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

const anywhere = { host: '127.0.0.1', port: 0 }
let authority: Authority
let other: Authority

beforeAll(async () => {
  authority = await Authority.create()
  other = await Authority.create('another one')
})

/** What a member of the shop is given. */
async function tlsOf(name: string, more: Partial<CertificateOptions> = {}): Promise<CertificateOptions> {
  const { cert, key } = await authority.issue(name)
  return { cert, key, ca: authority.ca, ...more }
}

async function pemOf(issuer: Authority, options: IssueOptions = {}): Promise<{ cert: string; key: string }> {
  const { cert, key } = await issuer.issue('b', options)
  return { cert, key }
}

/** Two members that name each other. */
async function pair(a: ClusterOptions, b: ClusterOptions): Promise<[Cluster, Cluster]> {
  const [one, two] = await freeAddresses(2)
  const at = (port: number) => ({ host: '127.0.0.1', port })
  return Promise.all([
    join({ memberName: 'a', listen: at(one!.port), peers: [two!.address], joinTimeoutMs: 500, ...a }),
    join({ memberName: 'b', listen: at(two!.port), peers: [one!.address], joinTimeoutMs: 500, ...b }),
  ])
}

test('members with certificates of one authority are linked, and share sessions', async () => {
  const [a, b] = await pair({ tls: await tlsOf('a') }, { tls: await tlsOf('b') })
  await linked([a, b])
  a.sessions.write('s', { user: 'ada' })
  await until('b has it', () => b.sessions.has('s'))
  // What clients carry is signed with the secret, and read on either.
  await b.sessions.catchUp('s', a.sessions.token('s', undefined))
  expect(b.sessions.load('s')?.data).toEqual({ user: 'ada' })
})

test.each<[what: string, options: () => Promise<ClusterOptions>, said: string]>([
  [
    'a certificate of another authority',
    async () => ({ tls: { ...(await pemOf(other)), ca: other.ca } }),
    'CERTIFICATE_REFUSED',
  ],
  [
    'a certificate of another authority, and trust in ours',
    async () => ({ tls: { ...(await pemOf(other)), ca: [authority.ca, other.ca] } }),
    'CERTIFICATE_REFUSED',
  ],
  [
    'a certificate that has expired',
    async () => ({ tls: { ...(await pemOf(authority, { validForMs: -1_000 })), ca: authority.ca } }),
    'CERTIFICATE_REFUSED',
  ],
  [
    'another secret',
    async () => ({ tls: await tlsOf('b'), secret: 'another: 3TnB9yHc6GsF1wJe' }),
    'SECRET_MISMATCH',
  ],
  ['another cluster', async () => ({ tls: await tlsOf('b'), name: 'bank' }), 'CLUSTER_MISMATCH'],
])('who has %s is not linked, and it is said why', async (_, options, said) => {
  const lines: string[] = []
  const logger = warningsInto(lines)
  const members = await pair({ tls: await tlsOf('a'), logger }, { logger, ...(await options()) })
  await until('it is said why', () => lines.some((line) => line.startsWith(`SESSIONMESH_${said}: `)), {
    dump: () => lines,
  })
  for (const member of members) expect(member.members()).toHaveLength(1)
})

test.each([
  [
    'dials',
    [/refused: It is a member of this cluster that goes by the shared secret alone/],
    [/shows a certificate: /],
  ],
  // (Who has a certificate to show names no key: he cannot be told from a browser.)
  ['is dialled', [/shows no certificate: /], []],
])(
  'who has the secret alone and %s is not linked with who has certificates, and it is said why',
  async (how, ...said) => {
    const lines: [string[], string[]] = [[], []]
    const [one, two] = await freeAddresses(2)
    const member = async (index: 0 | 1, options: ClusterOptions) =>
      join({
        listen: { host: '127.0.0.1', port: [one, two][index]!.port },
        logger: warningsInto(lines[index]),
        ...options,
      })
    const [first, second] = how === 'dials' ? ([0, 1] as const) : ([1, 0] as const)
    const options = [{ tls: await tlsOf('a') }, {}]
    const dialled = await member(first, options[first]!)
    const dialler = await member(second, { ...options[second], peers: [[one, two][first]!.address] })
    for (const [index, messages] of said.entries()) {
      for (const message of messages) {
        const told = () => lines[index]!.find((line) => message.test(line))
        await until('it is said why', () => told() !== undefined, { dump: () => lines })
        expect(told()).toMatch(
          /^SESSIONMESH_CERTIFICATE_REFUSED: .* Give all members certificates \(tls\), or none/,
        )
      }
    }
    expect([dialled, dialler].map((each) => each.members().length)).toEqual([1, 1])
    expect(lines.flat().join()).not.toContain('JOIN_TIMEOUT')
  },
)

describe('authorizePeer', () => {
  test('is asked on both ends, with the certificate, and keeps out whom it does not name', async () => {
    const asked: string[][] = [[], []]
    const allows =
      (names: readonly string[], seen: string[]) =>
      ({ subjectAltName = '' }: X509Certificate) => {
        seen.push(subjectAltName)
        return names.some((name) => subjectAltName === `DNS:${name}`)
      }
    const [a, b] = await pair(
      { tls: await tlsOf('a', { authorizePeer: allows(['b'], asked[0]!) }) },
      { tls: await tlsOf('b', { authorizePeer: allows(['a', 'c'], asked[1]!) }) },
    )
    await linked([a, b])
    const heard = collect(a, 'warning')
    // (Let in by b, which tells it of a: and a will not have it, whoever dials.)
    const c = await join({
      memberName: 'c',
      tls: await tlsOf('c'),
      listen: anywhere,
      peers: [b.self.address],
    })
    await until('a is told', () => heard.some(({ code }) => code === 'SESSIONMESH_CERTIFICATE_REFUSED'))
    expect(
      a
        .members()
        .filter(({ state }) => state === 'alive')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'b'])
    expect(c.members().find(({ name }) => name === 'a')?.state).not.toBe('alive')
    expect([...new Set(asked.flat())].sort()).toEqual(['DNS:a', 'DNS:b', 'DNS:c'])
  })

  test.each<[string, () => unknown, RegExp]>([
    ['that says no', () => false, /authorizePeer refused it\. Give every member/],
    [
      'that throws',
      () => {
        throw new Error('no list')
      },
      /authorizePeer threw "no list"\. Mend that function/,
    ],
    ['that says something else', () => 'yes', /neither true nor false, but a value of type string\. Mend/],
    ['that says nothing', () => {}, /neither true nor false, but undefined\. Mend/],
    ['that has to be awaited', async () => true, /gave a promise.* at once/],
    ['that rejects', async () => Promise.reject(new Error('later')), /gave a promise.* at once/],
  ])('one %s lets nobody in, and that is said, whoever dials', async (_, rule, message) => {
    const [one, two] = await freeAddresses(2)
    const at = (port: number) => ({ host: '127.0.0.1', port })
    const lines: [string[], string[]] = [[], []]
    // (One that is dialled, and one that dials: each asks its own rule.)
    const tls = async (name: string) => tlsOf(name, { authorizePeer: rule as () => boolean })
    const a = await join({
      memberName: 'a',
      tls: await tls('a'),
      listen: at(one!.port),
      logger: warningsInto(lines[0]),
    })
    const b = await join({ memberName: 'b', tls: await tlsOf('b'), peers: [one!.address], listen: anywhere })
    const c = await join({ memberName: 'c', tls: await tlsOf('c'), listen: at(two!.port) })
    const d = await join({
      memberName: 'd',
      tls: await tls('d'),
      peers: [two!.address],
      listen: anywhere,
      logger: warningsInto(lines[1]),
    })
    for (const said of lines) {
      const told = () => said.filter((line) => line.startsWith('SESSIONMESH_CERTIFICATE_REFUSED: '))
      await until('it is told', () => told().length > 0)
      for (const line of told()) expect(line).toMatch(message)
    }
    expect([a, b, c, d].map((member) => member.members().length)).toEqual([1, 1, 1, 1])
  })
})

describe('certificates that are replaced', () => {
  test('a member with a new one goes on, linked to all, and loses nothing', async () => {
    const [a, b] = await pair({ tls: await tlsOf('a') }, { tls: await tlsOf('b') })
    await linked([a, b])
    a.sessions.write('before', { n: 1 })
    a.rekey({ tls: await tlsOf('a') })
    const { acked } = a.sessions.write('during', { n: 2 }, { acks: 'all' })
    expect(await acked).toBe(1)
    await linked([a, b])
    expect([b.sessions.load('before')?.data, b.sessions.load('during')?.data]).toEqual([{ n: 1 }, { n: 2 }])
    expect(
      a
        .members()
        .concat(b.members())
        .filter(({ state }) => state === 'dead'),
    ).toEqual([])
  })

  test('an authority that is dropped: whose certificate was signed by it alone is out, at once', async () => {
    const both = [authority.ca, other.ca]
    const stray = await other.issue('b')
    const [a, b] = await pair(
      { tls: await tlsOf('a', { ca: both }) },
      { tls: { cert: stray.cert, key: stray.key, ca: both } },
    )
    await linked([a, b])
    a.rekey({ tls: await tlsOf('a') })
    await until('a gives b up', () =>
      a.members().some(({ name, state }) => name === 'b' && state !== 'alive'),
    )
    a.sessions.write('s', { n: 1 })
    const heard = collect(b, 'warning')
    await until('b is told', () => heard.some(({ code }) => code === 'SESSIONMESH_CERTIFICATE_REFUSED'))
    expect(b.sessions.has('s')).toBe(false)
  })

  test('a secret that is dropped: who has it alone is out, at once, whatever his certificate', async () => {
    const [OLD, NEW] = ['the old: 4YhJ7sWc2KtM9xQa', 'the new: 6BrL8dPf3UvC5nZg']
    const tls = await Promise.all(['a', 'b', 'c'].map((name) => tlsOf(name)))
    const [a, b] = await pair({ tls: tls[0], secret: [OLD, NEW] }, { tls: tls[1], secret: OLD })
    await join({
      memberName: 'c',
      tls: tls[2],
      secret: NEW,
      listen: anywhere,
      peers: [a.self.address],
    })
    const states = () => a.members().map(({ name, state }) => `${name} ${state}`)
    await until('a has both', () => states().includes('b alive') && states().includes('c alive'))
    const heard = collect(b, 'warning')
    a.rekey({ secret: NEW })
    await until('b is told', () => heard.some(({ code }) => code === 'SESSIONMESH_SECRET_MISMATCH'))
    expect(states()).toContain('c alive')
    expect(states()).not.toContain('b alive')
  })

  test('one that is withdrawn is out, at once', async () => {
    const lost = await authority.issue('b')
    const [a, b] = await pair(
      { tls: await tlsOf('a') },
      { tls: { cert: lost.cert, key: lost.key, ca: authority.ca } },
    )
    await linked([a, b])
    a.rekey({ tls: await tlsOf('a', { crl: await authority.revoke(lost) }) })
    const heard = collect(b, 'warning')
    await until('b is told', () => heard.some(({ code }) => code === 'SESSIONMESH_CERTIFICATE_REFUSED'))
    expect(a.members().find(({ name }) => name === 'b')?.state).not.toBe('alive')
  })

  test('mistakes change nothing', async () => {
    const a = await join({ listen: anywhere, tls: await tlsOf('a') })
    const b = await join({ listen: anywhere })
    const bad = (message: RegExp) =>
      expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION', message: expect.stringMatching(message) })
    const tls = await tlsOf('a')
    expect(() => a.rekey({ tls: { ...tls, cert: 'none' } })).toThrow(bad(/tls\.cert cannot be used/))
    expect(() => a.rekey({ tls: { ...tls, ca: 'none' } })).toThrow(bad(/tls\.ca cannot be used/))
    expect(() => a.rekey({ tls: { ...tls, ca: other.ca } })).toThrow(bad(/no authority in tls\.ca/))
    expect(() => a.rekey({ secret: '' })).toThrow(bad(/empty/))
    expect(() => a.rekey({})).toThrow(bad(/needs a secret, or tls/))
    expect(() => b.rekey({ tls: {} as never })).toThrow(bad(/joined without/))
    const c = await join({ listen: anywhere, tls: await tlsOf('c'), peers: [a.self.address] })
    await linked([a, c])
  })

  test('a member that has left takes none', async () => {
    const a = await join({ listen: anywhere, tls: await tlsOf('a') })
    const closed = a.close()
    const tls = await tlsOf('a')
    expect(() => a.rekey({ tls })).toThrow(expect.objectContaining({ code: 'SESSIONMESH_CLOSED' }))
    await closed
  })
})

test.each<[string, Partial<ClusterOptions>, string, RegExp]>([
  ['without a secret', { secret: '' }, 'SECRET_REQUIRED', /signs what clients carry/],
  ['that are none', { tls: [] as never }, 'BAD_OPTION', /tls.cert is missing/],
])('certificates %s are refused', async (_, options, code, message) => {
  const given = { secret: SECRET, peers: [], listen: anywhere, tls: await tlsOf('a'), ...options }
  const failure = joinCluster(given)
  await expect(failure).rejects.toMatchObject({ code: `SESSIONMESH_${code}` })
  await expect(failure).rejects.toThrow(message)
})

/** What is no authority; OpenSSL would take most of it, and trust nobody. */
const noAuthority = (key: string | Buffer, ca: string): [string, unknown, RegExp][] => [
  ['text', 'hello', /tls\.ca cannot be used: there is no certificate in it\. .*readFileSync/],
  ['a space', ' ', /there is no certificate in it/],
  ['bytes', Buffer.alloc(10), /there is no certificate in it/],
  ['a private key', key, /there is no certificate in it/],
  ['an empty text in a list', [''], /there is no certificate in it/],
  ['an empty text beside one', [ca, ''], /tls\.ca \(2 of 2\) cannot be used/],
  ['something unset beside one', [ca, undefined], /tls\.ca cannot be used/],
  ['a certificate that is cut off', ca.slice(0, 300), /is cut off, or damaged/],
  ['one that is cut off behind another one', `${ca}\n${ca.slice(0, 300)}`, /is cut off, or damaged/],
  ['one that is damaged', ca.replace(/[a-z]{2}/g, 'aa'), /is cut off, or damaged/],
  ['null', null, /tls\.ca is missing/],
]

test('what is no authority, or certificate, or key is refused, with what to give, and nothing of it is shown', async () => {
  const tls = await tlsOf('a')
  const key = tls.key
  const otherKey = (await authority.issue('x')).key
  const withCert = async (issuer: Authority, options?: IssueOptions) => ({
    ...tls,
    ...(await pemOf(issuer, options)),
  })
  const below = await authority.below('a part of the shop')
  const refused: [what: string, tls: unknown, message: RegExp][] = [
    ...noAuthority(key, authority.ca).map(([what, ca, message]): [string, unknown, RegExp] => [
      `as ca ${what}`,
      { ...tls, ca },
      message,
    ]),
    ['without a key', { ...tls, key: undefined }, /tls\.key is missing/],
    ['the path of a certificate', { ...tls, cert: '/etc/mesh/tls.crt' }, /tls\.cert cannot.*readFileSync/],
    ['the path of a key', { ...tls, key: '/etc/mesh/tls.key' }, /tls\.key cannot.*readFileSync/],
    ['the path of a list', { ...tls, crl: '/etc/mesh/crl' }, /tls\.crl cannot.*readFileSync/],
    ['a key of another one', { ...tls, key: otherKey }, /tls\.key cannot.*key of the first certificate/],
    ['an unknown field', { ...tls, pfx: '' }, /tls\.pfx is not an option/],
    ['a list of names', { ...tls, authorizePeer: ['b'] }, /must be a function/],
    ['one of another authority', await withCert(other), /no authority in tls\.ca/],
    // (Of the same name.)
    ['one of an authority that was made anew', await withCert(await Authority.create()), /no authority in/],
    ['one without what is between', await withCert(below), /no authority in tls\.ca/],
    ['one without the root', { ...(await withCert(below)), ca: below.ca }, /no authority in tls\.ca/],
    ['one for servers', await withCert(authority, { usages: ['serverAuth'] }), /not for clientAuth, by/],
    ['one for clients', await withCert(authority, { usages: ['clientAuth'] }), /not for serverAuth, by/],
    ['one for code', await withCert(authority, { usages: ['codeSigning'] }), /serverAuth and clientAuth, by/],
  ]
  const member = await join({ listen: anywhere, tls })
  for (const [what, given, message] of refused) {
    const bad = expect.objectContaining({
      code: 'SESSIONMESH_BAD_OPTION',
      message: expect.stringMatching(message),
    })
    const options = { secret: SECRET, peers: [], listen: anywhere, tls: given as CertificateOptions }
    const failure: Error = await joinCluster(options).then(
      (cluster) => cluster.close().then(() => new Error('it joined')),
      (error) => error,
    )
    expect(failure, what).toEqual(bad)
    expect(() => member.rekey({ tls: given as CertificateOptions }), what).toThrow(bad)
    expect(failure.message, what).not.toContain('PRIVATE')
    expect(failure.message, what).not.toContain(String(key).slice(60, 90))
  }
  const late = await join({ listen: anywhere, tls: await tlsOf('c'), peers: [member.self.address] })
  await linked([member, late])
})

test.each<[string, () => Promise<CertificateOptions>]>([
  ['several authorities in one text', async () => tlsOf('b', { ca: `${other.ca}\n${authority.ca}` })],
  ['lists of texts and bytes', async () => tlsOf('b', { ca: [other.ca, Buffer.from(authority.ca)] })],
  [
    'text around them, and ends of lines as on Windows',
    async () => {
      const { cert, key, ca } = await tlsOf('b')
      const among = (pem: unknown) => `Subject: CN=b\n${pem}\nend\n`.replaceAll('\n', '\r\n')
      return { cert: among(cert), key: among(key), ca: among(ca) }
    },
  ],
  [
    'certificate and key in one file',
    async () => {
      const { cert, key, ca } = await tlsOf('b')
      const all = `${key}\n${cert}`
      return { cert: all, key: all, ca: `${all}\n${ca}` }
    },
  ],
  [
    'an authority between, with the certificate',
    async () => {
      const below = await authority.below('a part of the shop')
      const { cert, key } = await below.issue('b')
      return { cert: `${cert}\n${below.ca}`, key, ca: authority.ca }
    },
  ],
  [
    'no uses in the certificate',
    async () => ({ ...(await pemOf(authority, { usages: [] })), ca: authority.ca }),
  ],
])('%s are taken as OpenSSL takes them', async (_, tls) => {
  await linked(await pair({ tls: await tlsOf('a') }, { tls: await tls() }))
})

test('authorities between are taken from ca as well, and a root is its own', async () => {
  const below = await authority.below('a part of the shop')
  const ca = [below.ca, authority.ca]
  await linked(await pair({ tls: { ...(await pemOf(below)), ca } }, { tls: { ...(await pemOf(below)), ca } }))
  await join({ listen: anywhere, tls: { ...(await other.own()), ca: other.ca } })
})

test('who was let in once does not come back without showing his certificate again', async () => {
  const { cert, key } = await authority.issue('b')
  const a = await join({ listen: anywhere, tls: await tlsOf('a') })
  const { session, answer } = await visit(a, { ca: authority.ca, cert, key })
  expect(answer).toBe('HTTP/1.1 404 Not Found')
  const back = await visit(a, { ca: authority.ca, session })
  expect([back.isReused, back.answer]).toEqual([false, ''])
})

test.each<[what: string, issued: () => Promise<{ cert: string; key: string }>, why: string]>([
  ['of another authority', async () => pemOf(other), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['that has expired', async () => pemOf(authority, { validForMs: -1_000 }), 'CERT_HAS_EXPIRED'],
  ['for servers alone', async () => pemOf(authority, { usages: ['serverAuth'] }), 'INVALID_PURPOSE'],
])(
  'who shows a certificate %s gets no answer, and is told of where he is refused',
  async (_, issued, why) => {
    const a = await join({ listen: anywhere, tls: await tlsOf('a') })
    const heard = collect(a, 'warning')
    expect((await visit(a, { ca: authority.ca })).answer).toBe('')
    expect((await visit(a, { ca: authority.ca, ...(await issued()) })).answer).toBe('')
    await until('it is told', () => heard.length > 0)
    expect(heard).toEqual([
      expect.objectContaining({
        code: 'SESSIONMESH_CERTIFICATE_REFUSED',
        address: '127.0.0.1',
        message: expect.stringContaining(`not accepted (${why})`),
      }),
    ])
  },
)

/** Asks a member for something as a client that has these: it is answered with a refusal, or not at all. */
async function visit(member: Cluster, options: ConnectionOptions) {
  const port = Number(member.self.address.split(':').at(-1))
  const socket = tlsConnect({ port, minVersion: 'TLSv1.3', checkServerIdentity: () => undefined, ...options })
  onCleanUp(() => socket.destroy())
  let session: Buffer | undefined
  let answer = ''
  let isReused: boolean | undefined
  socket.once('secureConnect', () => (isReused = socket.isSessionReused()))
  socket.on('session', (ticket) => (session = ticket))
  socket.on('data', (data) => (answer += data))
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()).on('error', () => {}))
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await within('the end of it', 10_000, ended)
  return { isReused, session, answer: answer.split('\r\n')[0] }
}
