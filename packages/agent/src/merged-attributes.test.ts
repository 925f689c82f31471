/** Members that write one attribute at once, over links that deliver in any order; and what each of them then sees. */

import { type Base, type Packed, sameValue, type Value } from '@sessionmesh/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { counter } from './counter.js'
import { attributeOf, MergedAttributes } from './merged-attributes.js'
import type { Merge } from './siblings.js'
import { packAttributes, packValue, unpackAttributes } from './values.js'

const union: Merge = (a: number[], b: number[]) => [...new Set([...a, ...b])].sort((x, y) => x - y)

interface Held {
  readonly value: Value | undefined
  readonly stamp: number
}

/** As the core merges: of each name the higher stamp wins. */
class Member {
  readonly held = new Map<string, Held>()
  readonly merged: MergedAttributes
  readonly name: string

  readonly failures: string[] = []

  constructor(name: string, merge: Merge | null = union) {
    this.name = name
    const merges = merge === null ? new Map<string, Merge>() : new Map([['cart', merge]])
    this.merged = new MergedAttributes(merges, (_, cause) => this.failures.push(String(cause)))
  }

  load(): { data: Record<string, unknown>; base: Base } {
    const base = this.base()
    return { data: unpackAttributes(this.merged.view(base)), base }
  }

  base(): Base {
    const attributes = new Map<string, Value>()
    for (const [name, { value }] of this.held) if (value !== undefined) attributes.set(name, value)
    return { created: { time: 0, counter: 0, origin: '' }, attributes }
  }

  /** Returns what its peers are to be told, and the base of the request's next write. */
  write(
    data: Record<string, unknown>,
    base: Base | undefined,
    stamp: number,
    isGone = (_: string) => false,
  ): { delta: Map<string, Held>; base: Base } {
    const next = this.merged.write(
      this.name,
      packAttributes(data, base?.attributes),
      base,
      () => this.base(),
      isGone,
    )
    const before = (base ?? this.base()).attributes
    const delta = new Map<string, Held>()
    for (const [name, value] of next.attributes)
      if (!sameValue(before.get(name), value)) delta.set(name, { value, stamp })
    for (const name of before.keys())
      if (!next.attributes.has(name)) delta.set(name, { value: undefined, stamp })
    this.receive(delta)
    const after = { created: { time: 0, counter: 0, origin: '' }, attributes: next.attributes }
    next.note(after)
    return { delta, base: after }
  }

  receive(delta: ReadonlyMap<string, Held>): void {
    for (const [name, news] of delta) {
      const held = this.held.get(name)
      if (held === undefined || news.stamp > held.stamp) this.held.set(name, news)
    }
  }
}

describe('an attribute that is merged', () => {
  test('is replaced by one request after another, also by less, whichever member serves them', () => {
    const [a, b] = [new Member('a'), new Member('b')]
    const add = a.write({ cart: [1, 2], name: 'x' }, undefined, 1)
    b.receive(add.delta)
    const { data, base } = b.load()
    expect(data).toEqual({ cart: [1, 2], name: 'x' })
    a.receive(b.write({ cart: [2], name: 'x' }, base, 2).delta)
    expect([a.load().data, b.load().data]).toEqual(Array(2).fill({ cart: [2], name: 'x' }))
    const again = a.load()
    b.receive(a.write({ name: 'x' }, again.base, 3).delta)
    expect([a.load().data, b.load().data]).toEqual(Array(2).fill({ name: 'x' }))
  })

  test('has what both wrote of whom neither had seen the other, on one member or two', () => {
    for (const [a, b] of [[new Member('a'), new Member('b')] as const, sameTwice()]) {
      b.receive(a.write({ cart: [1] }, undefined, 1).delta)
      const [one, other] = [a.load(), b.load()]
      const left = a.write({ cart: [1, 2] }, one.base, 2)
      const right = b.write({ cart: [3] }, other.base, 3)
      a.receive(right.delta)
      b.receive(left.delta)
      expect([a.load().data, b.load().data]).toEqual(Array(2).fill({ cart: [1, 2, 3] }))
    }
  })

  test('keeps what others wrote meanwhile through all writes of one request', () => {
    const a = new Member('a')
    a.write({ cart: [1] }, undefined, 1)
    const [one, other] = [a.load(), a.load()]
    a.write({ cart: [1, 2] }, one.base, 2)
    const first = a.write({ cart: [1, 3] }, other.base, 3)
    // It saves again, as it was, and then less: what the other request put in stays.
    const second = a.write({ cart: [1, 3] }, first.base, 4)
    expect([...second.delta]).toEqual([])
    a.write({ cart: [] }, second.base, 5)
    expect(a.load().data).toEqual({ cart: [1, 2] })
  })

  test('loses nothing that is added while another request takes it away as a whole', () => {
    const [a, b] = [new Member('a'), new Member('b')]
    b.receive(a.write({ cart: [1] }, undefined, 1).delta)
    const [one, other] = [a.load(), b.load()]
    const left = a.write({}, one.base, 3)
    const right = b.write({ cart: [1, 2] }, other.base, 2)
    a.receive(right.delta)
    b.receive(left.delta)
    expect([a.load().data, b.load().data]).toEqual(Array(2).fill({ cart: [1, 2] }))
  })

  test('brings nothing back where an old value comes late of which all were seen that replaced it', () => {
    const [a, b, c] = [new Member('a'), new Member('b'), new Member('c')]
    const first = a.write({ cart: [1] }, undefined, 1).delta
    b.receive(first)
    a.receive(b.write({ cart: [2] }, b.load().base, 2).delta)
    b.receive(a.write({ cart: [3] }, a.load().base, 3).delta)
    c.receive(b.write({ cart: [4] }, b.load().base, 4).delta)
    // What a wrote since is still on its way to c.
    c.receive(first)
    expect(c.load().data).toEqual({ cart: [4] })
  })

  test('takes over what it held before it was merged', () => {
    const a = new Member('a')
    a.held.set('cart', { value: packValue('cart', [1]), stamp: 1 })
    expect(a.load().data).toEqual({ cart: [1] })
    const { base } = a.load()
    a.write({ cart: [2] }, base, 2)
    expect(a.load().data).toEqual({ cart: [2] })
  })

  test('is one of two, and the same everywhere, where there is no function for it; and who has one merges still', () => {
    const [a, b, c] = [new Member('a'), new Member('b'), new Member('c', null)]
    for (const other of [b, c]) other.receive(a.write({ cart: [1] }, undefined, 1).delta)
    const [one, other] = [a.load(), b.load()]
    const deltas = [a.write({ cart: [1, 2] }, one.base, 2), b.write({ cart: [1, 3] }, other.base, 3)]
    for (const { delta } of deltas) for (const member of [a, b, c]) member.receive(delta)
    expect(c.load().data).toEqual({ cart: [1, 2] })
    const third = c.load()
    const { delta } = c.write({ cart: [1, 2, 4] }, third.base, 4)
    for (const member of [a, b]) member.receive(delta)
    // What c was shown stands for all that it was made of.
    expect([a.load().data, b.load().data]).toEqual(Array(2).fill({ cart: [1, 2, 4] }))
  })

  test('leaves nothing of members that are gone, once it is written again', () => {
    const [a, b] = [new Member('a'), new Member('b')]
    a.receive(b.write({ cart: [1] }, undefined, 1).delta)
    const { base } = a.load()
    a.write({ cart: [1, 2] }, base, 2, (origin) => origin === 'b')
    expect([...a.base().attributes.keys()].map((name) => name.split('\0'))).toEqual([['cart', 'a']])
    expect(a.load().data).toEqual({ cart: [1, 2] })
  })

  test('is one of its values while its function throws, and tells why', () => {
    const failing = new Member('a', () => {
      throw new Error('no')
    })
    for (const [i, name] of ['b', 'c'].entries())
      failing.receive(new Member(name).write({ cart: [i] }, undefined, i).delta)
    expect([failing.load().data, failing.failures]).toEqual([{ cart: [1] }, ['Error: no']])
    failing.write({ cart: [7] }, failing.load().base, 3)
    expect(failing.load().data).toEqual({ cart: [7] })
  })

  test('takes up no more than a few values of requests that come at once, and loses none of them', () => {
    const a = new Member('a')
    const b = new Member('b')
    a.write({ cart: [0] }, undefined, 0)
    const requests = Array.from({ length: 60 }, () => a.load())
    for (const [i, { base }] of requests.entries()) {
      const { delta } = a.write({ cart: [0, i + 1] }, base, i + 1)
      for (const { value } of delta.values()) expect((value as Packed).latin1.length).toBeLessThan(2_000)
      b.receive(delta)
    }
    const all = { cart: Array.from({ length: 61 }, (_, i) => i) }
    expect([a.load().data, b.load().data]).toEqual([all, all])
    // Who has seen all of it replaces it.
    a.write({ cart: [5] }, a.load().base, 99)
    expect(a.load().data).toEqual({ cart: [5] })
  })

  test('keeps what a server writes that has no merge yet, also after one that has', () => {
    const a = new Member('a')
    a.held.set('cart', { value: packValue('cart', [1]), stamp: 1 })
    const { base } = a.load()
    a.held.set('cart', { value: packValue('cart', [1, 2]), stamp: 2 })
    a.write({ cart: [1, 3] }, base, 3)
    // (That it was taken away is older than what the other one has written since.)
    a.held.set('cart', { value: packValue('cart', [1, 2]), stamp: 4 })
    expect(a.load().data).toEqual({ cart: [1, 2, 3] })
  })

  test('can be read whatever it is made: a function of a counter, a counter of something else', () => {
    const counts = new Member('a', counter)
    const unions = new Member('b')
    const first = counts.write({ cart: 1 }, undefined, 1).delta
    const second = unions.write({ cart: [2] }, undefined, 2).delta
    for (const member of [counts, unions]) for (const delta of [first, second]) member.receive(delta)
    // Of two kinds at once one stands for both, and the next write replaces them.
    expect(counts.load().data.cart).toEqual([2])
    unions.write({ cart: [3] }, unions.load().base, 3)
    expect(unions.load().data).toEqual({ cart: [3] })

    const text = new Member('c', counter)
    text.held.set('cart', { value: packValue('cart', 'many'), stamp: 1 })
    expect(text.load().data).toEqual({ cart: 'many' })
    text.write({ cart: 4 }, text.load().base, 2)
    expect(text.load().data).toEqual({ cart: 4 })
    const list = new Member('d', counter)
    for (const [name, delta] of second) list.held.set(name, delta)
    expect(list.load().data).toEqual({ cart: [2] })
  })

  test('is at any time what those writes say of which none had seen another, whatever the order in which they come', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const world = new World()
        for (const each of steps) world.do(each)
        world.deliverAll()
        for (const { member, has } of world.places)
          expect(member.load().data.cart).toEqual(world.expected(has))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('an attribute that counts', () => {
  test('has all that was added at once, by requests of one member and of two, and by each of them twice', () => {
    const [a, b] = [new Member('a', counter), new Member('b', counter)]
    b.receive(a.write({ cart: 5 }, undefined, 1).delta)
    const [one, two, three] = [a.load(), a.load(), b.load()]
    const deltas = [a.write({ cart: 6 }, one.base, 2), a.write({ cart: 7 }, two.base, 3)]
    const third = b.write({ cart: 3 }, three.base, 4)
    for (const { delta } of deltas) b.receive(delta)
    const again = a.write({ cart: 16 }, deltas[0]!.base, 5)
    b.receive(again.delta)
    a.receive(third.delta)
    expect([a.load().data, b.load().data]).toEqual(Array(2).fill({ cart: 5 + 1 + 2 - 2 + 10 }))
  })

  test('is what it was when one request adds what another takes away', () => {
    const a = new Member('a', counter)
    const b = new Member('b', counter)
    b.receive(a.write({ cart: 5 }, undefined, 1).delta)
    const requests = [1, -1, 2, -2].map((add) => ({ add, ...a.load() }))
    for (const [i, { add, base }] of requests.entries())
      b.receive(a.write({ cart: 5 + add }, base, i + 2).delta)
    expect([a.load().data, b.load().data]).toEqual(Array(2).fill({ cart: 5 }))
  })

  test('goes on from the number that it was before, is 0 once it is removed, and stays one where nobody says so', () => {
    const [a, b] = [new Member('a', counter), new Member('b', null)]
    a.held.set('cart', { value: packValue('cart', 5), stamp: 1 })
    const first = a.write({ cart: 7 }, a.load().base, 2)
    expect(a.load().data).toEqual({ cart: 7 })
    b.held.set('cart', { value: packValue('cart', 5), stamp: 1 })
    b.receive(first.delta)
    const [left, right] = [a.load(), b.load()]
    expect(right.data).toEqual({ cart: 7 })
    const deltas = [a.write({ cart: 8 }, left.base, 3), b.write({ cart: 8 }, right.base, 4)]
    b.receive(deltas[0]!.delta)
    a.receive(deltas[1]!.delta)
    expect([a.load().data, b.load().data]).toEqual(Array(2).fill({ cart: 9 }))
    a.write({}, a.load().base, 5)
    expect(a.load().data).toEqual({ cart: 0 })
  })

  test('is the same everywhere, fractions too', () => {
    const members = ['a', 'b', 'c'].map((name) => new Member(name, counter))
    const deltas = members.map((member, i) => member.write({ cart: [0.7, 0.1, 0.3][i] }, undefined, i).delta)
    for (const member of members) for (const delta of deltas) member.receive(delta)
    expect(new Set(members.map((member) => member.load().data.cart)).size).toBe(1)
  })

  test.each(['many', Number.NaN, null])('is no %o', (value) => {
    const a = new Member('a', counter)
    expect(() => a.write({ cart: value }, undefined, 1)).toThrow(
      expect.objectContaining({
        code: 'SESSIONMESH_MERGE_FAILED',
        message: expect.stringContaining('"cart" is a counter: give a finite number'),
      }),
    )
    expect(a.load().data).toEqual({})
  })

  test('is the sum of all that was added, wherever and in whatever order it comes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const places = ['a', 'b', 'c'].map((name) => ({
          member: new Member(name, counter),
          inbox: [] as Map<string, Held>[],
        }))
        const requests = new Map<number, { place: number; base: Base; count: number }>()
        let [stamp, total] = [0, 0]
        for (const each of steps) {
          if (each.type === 'load') {
            const { data, base } = places[each.place]!.member.load()
            requests.set(each.request, { place: each.place, base, count: Number(data.cart ?? 0) })
          } else if (each.type === 'deliver') {
            const delta = places[each.place]!.inbox.shift()
            if (delta !== undefined) places[each.place]!.member.receive(delta)
          } else {
            const request = requests.get(each.request)
            if (request === undefined) continue
            const add = each.drops ? -1 : (stamp % 3) + 1
            total += add
            request.count += add
            const { member } = places[request.place]!
            const { delta, base } = member.write({ cart: request.count }, request.base, ++stamp)
            request.base = base
            for (const [i, { inbox }] of places.entries()) if (i !== request.place) inbox.push(delta)
          }
        }
        for (const { member, inbox } of places) {
          for (const delta of inbox) member.receive(delta)
          expect(member.load().data.cart ?? 0).toBe(total)
        }
      }),
      { numRuns: 500 },
    )
  })
})

/** Two requests on one member. */
function sameTwice(): readonly [Member, Member] {
  const member = new Member('a')
  return [member, member]
}

type Step =
  | { type: 'load'; place: number; request: number }
  | { type: 'write'; request: number; drops: boolean }
  | { type: 'deliver'; place: number; from: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('load' as const),
    place: fc.integer({ min: 0, max: 2 }),
    request: fc.integer({ min: 0, max: 3 }),
  }),
  fc.record({
    type: fc.constant('write' as const),
    request: fc.integer({ min: 0, max: 3 }),
    drops: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('deliver' as const),
    place: fc.integer({ min: 0, max: 2 }),
    from: fc.integer({ min: 0, max: 2 }),
  }),
)

interface Write {
  readonly value: number[]
  /** Ids of all writes that its request had seen, its own included. */
  readonly seen: ReadonlySet<number>
}

interface Request {
  readonly place: number
  base: Base
  cart: number[]
  seen: Set<number>
}

/** Members, requests on them, and what ought to come of it, worked out from who had seen what. */
class World {
  readonly places = ['a', 'b', 'c'].map((name) => ({
    member: new Member(name),
    /** By sender: what it wrote comes in its order. */
    inboxes: [[], [], []] as { delta: Map<string, Held>; id: number }[][],
    /** Writes that are merged here. */
    has: new Set<number>(),
  }))
  readonly #requests = new Map<number, Request>()
  readonly #writes = new Map<number, Write>()
  #last = 0

  do(each: Step): void {
    switch (each.type) {
      case 'load': {
        const { member, has } = this.places[each.place]!
        const { data, base } = member.load()
        expect(data.cart).toEqual(this.expected(has))
        const seen = new Set([...has].flatMap((id) => [...this.#writes.get(id)!.seen]))
        this.#requests.set(each.request, {
          place: each.place,
          base,
          cart: (data.cart as number[] | undefined) ?? [],
          seen,
        })
        return
      }
      case 'write': {
        const request = this.#requests.get(each.request)
        if (request === undefined) return
        const place = this.places[request.place]!
        const id = ++this.#last
        const value = each.drops ? [id] : [...request.cart, id]
        const { delta, base } = place.member.write({ cart: value }, request.base, id)
        request.seen.add(id)
        this.#writes.set(id, { value, seen: new Set(request.seen) })
        place.has.add(id)
        Object.assign(request, { base, cart: value })
        for (const other of this.places)
          if (other !== place) other.inboxes[request.place]!.push({ delta, id })
        return
      }
      case 'deliver': {
        const place = this.places[each.place]!
        const next = place.inboxes[each.from]!.shift()
        if (next === undefined) return
        place.member.receive(next.delta)
        place.has.add(next.id)
      }
    }
  }

  deliverAll(): void {
    for (const [place, { inboxes }] of this.places.entries())
      for (const [from, inbox] of inboxes.entries())
        while (inbox.length > 0) this.do({ type: 'deliver', place, from })
  }

  /** What is to be seen where these writes are. */
  expected(has: ReadonlySet<number>): number[] | undefined {
    const writes = [...this.#writes].filter(([id]) => has.has(id))
    const last = writes.filter(([id]) => !writes.some(([other, { seen }]) => other !== id && seen.has(id)))
    if (last.length === 0) return undefined
    if (last.length === 1) return last[0]![1].value
    return [...new Set(last.flatMap(([, { value }]) => value))].sort((x, y) => x - y)
  }
}

test('a name of the core belongs to an attribute', () => {
  expect([attributeOf('cart'), attributeOf('cart\0member')]).toEqual(['cart', 'cart'])
})
