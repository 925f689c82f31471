/** What every adapter promises, whatever its framework: over real HTTP, with the real framework, on two members or more. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Cluster } from 'sessionmesh'
import { describe, expect, test } from 'vitest'
import { Client } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { freeAddresses, join, joinAll, linked } from '../support/local-cluster.js'
import { compiled } from '../support/program.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { until, within } from '../support/wait.js'
import type { Told } from './server.js'
import { doors, type Feature, type Framework, type SiteOptions } from './site.js'

interface Place {
  readonly cluster: Cluster
  readonly origin: string
}

let doorCount = 0

/** Runs the contract. To be called at the top of a test file. */
export function describeFramework(framework: Framework): void {
  const { lacks } = framework
  /** A test that is left out says why in its name. */
  const testOf = (feature: Feature, name: string, run: () => Promise<void>) => {
    const reason = lacks[feature]
    if (reason === undefined) test(name, run)
    else test.skip(`${name} (left out: ${reason})`, run)
  }

  async function places(count: number, options: SiteOptions = {}): Promise<Place[]> {
    const clusters = await joinAll(count)
    return Promise.all(clusters.map((cluster) => place(cluster, options)))
  }

  async function place(cluster: Cluster, options: SiteOptions): Promise<Place> {
    const { origin, close } = await framework.serve(cluster, options)
    onCleanUp(close)
    return { cluster, origin }
  }

  /** Where the client cannot tell what it has seen, the other member is given the time of a delta. */
  async function settled(...all: readonly Place[]): Promise<void> {
    if (lacks.readYourWrites === undefined) return
    await until('all have the same', () => {
      const digests = all.map(({ cluster }) => JSON.stringify(Object.entries(cluster.status().digest).sort()))
      return digests.every((digest) => digest === digests[0])
    })
  }

  describe(`${framework.name}: a session`, () => {
    leaveNothingBehind()

    test('that is changed on one member is so on the next request to another', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      await settled(a, b)
      expect(await client.ask(b, '/get?name=user')).toEqual({ value: 'ada' })
      await client.ask(b, '/set?name=city&value=paris')
      await settled(a, b)
      expect(await client.ask(a, '/get?name=city')).toEqual({ value: 'paris' })
      await client.ask(a, '/remove?name=city')
      await settled(a, b)
      expect(await client.ask(b, '/get?name=city')).toEqual({ value: null })
      expect(await client.ask(b, '/get?name=user')).toEqual({ value: 'ada' })
      expect(await new Client().ask(b, '/get?name=user')).toEqual({ value: null })
    })

    testOf('readYourWrites', 'is counted up by one, whichever of three members is asked', async () => {
      const three = await places(3)
      const client = new Client()
      for (let count = 1; count <= 60; count++) {
        expect(await client.ask(three[count % 3]!, '/count')).toEqual({ value: count })
      }
    })

    testOf(
      'readYourWrites',
      'is counted up by one where what one member writes comes late to the other',
      async () => {
        const two = await twoFarPlaces(20)
        const client = new Client()
        for (let count = 1; count <= 20; count++) {
          expect(await client.ask(two[count % 2]!, '/count')).toEqual({ value: count })
        }
        const waited = two.map(({ cluster }) => cluster.status().counters.waitedReads)
        expect(Math.min(...waited)).toBeGreaterThan(0)
      },
    )

    testOf('readYourWrites', 'is there behind a redirect to another member', async () => {
      const [a, b] = await twoFarPlaces(20)
      const client = new Client()
      for (let round = 0; round < 20; round++) {
        const to = encodeURIComponent(`${b.origin}/get?name=step`)
        expect(await client.ask(a, `/go?name=step&value=${round}&to=${to}`)).toEqual({ value: String(round) })
      }
    })

    test('keeps Date, Map, Set, Buffer and BigInt', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/set-rich')
      await settled(a, b)
      const rich = { date: 1_700_000_000_000, map: [['a', [1, 2]]], buffer: 'bytes', big: String(2n ** 70n) }
      expect(await client.ask(b, '/get-rich')).toEqual(rich)
      await client.ask(b, '/change-map')
      await settled(a, b)
      const changed = { ...rich, map: [...rich.map, ['b', [3]]] }
      expect(await client.ask(a, '/get-rich')).toEqual(changed)
    })

    test('that is destroyed on one member is gone on all', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      await settled(a, b)
      const thief = client.copy()
      await client.ask(b, '/logout')
      await settled(a, b)
      expect(await client.ask(a, '/get?name=user')).toEqual({ value: null })
      await until('both know', () => [a, b].every(({ cluster }) => cluster.sessions.size === 0))
      for (const place of [a, b])
        expect(await thief.copy().ask(place, '/get?name=user')).toEqual({ value: null })
    })

    test('that is destroyed stays so, whatever a request saves that had loaded it before', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      await settled(a, b)
      const late = client.copy()
      const door = newDoor()
      const answer = late.ask(a, `/slow?door=${door}&name=user&value=mallory`)
      await doors.waitsAt(door)
      await client.ask(b, '/logout')
      await until('both know', () => [a, b].every(({ cluster }) => cluster.sessions.size === 0))
      doors.open(door)
      await answer
      for (const place of [a, b]) {
        expect(place.cluster.sessions.size).toBe(0)
        expect(await late.copy().ask(place, '/get?name=user')).toEqual({ value: null })
      }
    })

    testOf(
      'rotation',
      'that is destroyed stays so, under whatever id a request goes on with what it had loaded before',
      async () => {
        const [a, b] = await twoPlaces()
        const client = new Client()
        await client.ask(a, '/login?user=ada')
        await settled(a, b)
        const late = client.copy()
        const door = newDoor()
        const answer = late.ask(a, `/rotate?door=${door}`)
        await doors.waitsAt(door)
        await client.ask(b, '/logout')
        await until('both know', () => [a, b].every(({ cluster }) => cluster.sessions.size === 0))
        doors.open(door)
        await answer
        for (const place of [a, b]) {
          expect(await late.copy().ask(place, '/get?name=user')).toEqual({ value: null })
          const { sessions } = place.cluster
          for (const sid of sessions.keys()) expect(attributesOf(place.cluster, sid).user).toBeUndefined()
        }
      },
    )

    testOf(
      'rotation',
      'that lives keeps what is in it under another id, and the old one is dead',
      async () => {
        const [a, b] = await twoPlaces()
        const client = new Client()
        await client.ask(a, '/login?user=ada')
        const planted = client.copy()
        const door = newDoor()
        doors.open(door)
        expect(await client.ask(b, `/rotate?door=${door}`)).toEqual({ value: 'ada' })
        for (const place of [a, b]) {
          expect(await client.ask(place, '/get?name=user')).toEqual({ value: 'ada' })
          expect(await planted.copy().ask(place, '/get?name=user')).toEqual({ value: null })
        }
      },
    )

    test('that is replaced by a login does not come back with the cookies of a late answer', async () => {
      const [a, b] = await twoPlaces({ ttlMs: 60_000, isRolling: true })
      const browser = new Client()
      await browser.ask(a, '/set?name=city&value=paris')
      await settled(a, b)
      const door = newDoor()
      const answer = browser.ask(a, `/slow?door=${door}&name=city&value=rome`)
      await doors.waitsAt(door)
      const [before = ''] = [...b.cluster.sessions.keys()]
      await browser.ask(b, '/login?user=ada')
      await until('the login is known', () => !a.cluster.sessions.has(before))
      doors.open(door)
      await answer
      await settled(a, b)
      for (const place of [a, b]) expect(await browser.ask(place, '/get?name=user')).toEqual({ value: 'ada' })
    })

    testOf('difference', 'that two members change at once has both changes', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      await settled(a, b)
      const [left, right] = [newDoor(), newDoor()]
      const answers = [
        client.copy().ask(a, `/slow?door=${left}&name=left&value=1`),
        client.copy().ask(b, `/slow?door=${right}&name=right&value=2`),
      ]
      await Promise.all([doors.waitsAt(left), doors.waitsAt(right)])
      doors.open(left)
      doors.open(right)
      await Promise.all(answers)
      const [sid] = [...a.cluster.sessions.keys()]
      for (const { cluster } of [a, b]) {
        await until('both changes are here', () => {
          const { left: one, right: two, user } = attributesOf(cluster, sid)
          return one === '1' && two === '2' && user === 'ada'
        })
      }
    })

    test('that gets another id is dead under the old one, on every member', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      const planted = client.copy()
      const [before] = [...a.cluster.sessions.keys()]
      await client.ask(b, '/login?user=grace')
      await until('there is one, and another one', () =>
        [a, b].every(({ cluster: { sessions } }) => {
          const sids = [...sessions.keys()]
          return sids.length === 1 && sids[0] !== before
        }),
      )
      for (const place of [a, b]) {
        expect(await client.ask(place, '/get?name=user')).toEqual({ value: 'grace' })
        expect(await planted.copy().ask(place, '/get?name=user')).toEqual({ value: null })
      }
    })

    test('that is only read is not written', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      await settled(a, b)
      const writes = () => a.cluster.status().counters.writes + b.cluster.status().counters.writes
      const before = writes()
      for (const place of [a, b, a, b]) await client.ask(place, '/get?name=user')
      expect(writes()).toBe(before)
    })

    test('ends when it was not used for its lifetime, on every member', async () => {
      const [a, b] = await twoPlaces({ ttlMs: 400 })
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      const kept = client.copy()
      await until('neither has it', () =>
        [a, b].every(({ cluster }) => [...cluster.sessions.keys()].length === 0),
      )
      for (const place of [a, b])
        expect(await kept.copy().ask(place, '/get?name=user')).toEqual({ value: null })
    })

    test('that is used lives on, and so does its cookie where that is asked for', async () => {
      const [a] = await twoPlaces({ ttlMs: 60_000, isRolling: true })
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      const [sid = ''] = [...a.cluster.sessions.keys()]
      const remainingMs = () => a.cluster.sessions.load(sid)?.remainingMs ?? 0
      await until('time has passed', () => remainingMs() < 60_000 - 50)
      const before = remainingMs()
      const { text, lines } = await client.visit(a, '/get?name=user')
      expect(JSON.parse(text)).toEqual({ value: 'ada' })
      expect(remainingMs()).toBeGreaterThan(before)
      expect(lines.some((line) => /expires=|max-age=/i.test(line))).toBe(true)
    })

    testOf('refusal', 'that cannot be stored is refused before the answer leaves', async () => {
      const [a] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      expect((await client.visit(a, '/bad')).status).toBe(500)
    })

    test('that cannot be stored stays as it was, for all other requests', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      await client.copy().visit(a, '/bad')
      await settled(a, b)
      expect(await client.ask(b, '/get?name=user')).toEqual({ value: 'ada' })
      expect(await client.ask(a, '/get?name=user')).toEqual({ value: 'ada' })
    })

    test('can be read on a member that has left the cluster, and is about to stop', async () => {
      const [a, b] = await twoPlaces()
      const client = new Client()
      await client.ask(a, '/login?user=ada')
      await a.cluster.close()
      expect(await client.ask(a, '/get?name=user')).toEqual({ value: 'ada' })
      await until('the other one has it', () => b.cluster.sessions.size === 1)
    })

    test('outlives the member that made it, killed between two requests', async () => {
      const here = await freeAddresses(3)
      const servers = here.map(
        ({ address }) =>
          new Server(
            framework.name,
            here.map((each) => each.address),
            address,
          ),
      )
      const [a, b, c] = await Promise.all(servers.map((server) => server.start()))
      const client = new Client()
      await client.ask(a!, '/login?user=ada')
      await client.ask(a!, '/set?name=city&value=paris')
      await servers[0]!.kill()
      for (const place of [b!, c!]) {
        const ask = async (name: string) => client.ask(place, `/get?name=${name}`)
        if (lacks.readYourWrites !== undefined)
          await until('it is here', async () => JSON.stringify(await ask('city')) === '{"value":"paris"}')
        expect(await ask('user')).toEqual({ value: 'ada' })
        expect(await ask('city')).toEqual({ value: 'paris' })
      }
    })
  })

  /** Two members with a wire between them that takes its time. */
  async function twoFarPlaces(delayMs: number): Promise<[Place, Place]> {
    const [inner, outer, nowhere] = await freeAddresses(3)
    const wire = new TcpProxy(outer!.port, inner!.port)
    onCleanUp(() => wire.cut())
    await wire.open()
    const listen = (port: number) => ({ host: '127.0.0.1', port })
    const a = await join({ listen: listen(inner!.port), advertise: outer!.address })
    // (Nobody can dial it: the one link goes through the wire.)
    const b = await join({ listen: listen(0), peers: [outer!.address], advertise: nowhere!.address })
    await linked([a, b])
    for (const direction of ['forward', 'backward'] as const) wire.delay(direction, delayMs)
    const [here, there] = await Promise.all([a, b].map((cluster) => place(cluster, {})))
    return [here!, there!]
  }

  async function twoPlaces(options: SiteOptions = {}): Promise<[Place, Place]> {
    const [a, b] = await places(2, options)
    return [a!, b!]
  }
}

function newDoor(): string {
  return `door-${++doorCount}`
}

function attributesOf(cluster: Cluster, sid: string | undefined): Record<string, unknown> {
  return (sid === undefined ? undefined : cluster.sessions.load(sid)?.data) ?? {}
}

/** A member in a process of its own. */
class Server {
  readonly #child

  constructor(framework: string, all: readonly string[], address: string) {
    const peers = all.filter((other) => other !== address)
    this.#child = fork(compiled(import.meta.url, './server.js'), [framework, address, ...peers], {
      execArgv: [],
    })
    onCleanUp(() => this.kill())
  }

  async start(): Promise<{ origin: string }> {
    const [told]: [Told] = (await within('the start', 30_000, once(this.#child, 'message'))) as [Told]
    return told
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
