import { describe, expect, test } from 'vitest'
import { isDrawn, KEPT_MS, MAX_OTHER_EVENTS, MAX_SESSION_EVENTS, Model } from './model.js'
import { AT_MS, event, member, picture, sample, told } from './test/pictures.js'

describe('places', () => {
  test('who comes back by the same name takes its place and its colour again', () => {
    const model = new Model()
    model.merge(picture([member('a'), member('b/1'), member('c')]))
    const [, before] = model.places
    model.merge(picture([member('a'), member('b/1', { state: 'left' }), member('b/2'), member('c')]))
    expect(model.places.map(({ key, run }) => `${key} ${run.id}`)).toEqual(['a a', 'b b/2', 'c c'])
    expect(model.places[1]!.colour).toBe(before!.colour)
    expect(model.places[1]!.runs.map(({ id }) => id)).toEqual(['b/1', 'b/2'])
    expect(model.placeOf('b/1')).toBe(model.places[1])
  })

  test('also when the one that tells has come back, and does not know of its former run', () => {
    const model = new Model()
    model.merge(picture([member('a/1', { samples: [sample(0)] }), member('b')]))
    model.merge(picture([member('a/2'), member('b')]))
    expect(model.places.map(({ key, run }) => `${key} ${run.id}`)).toEqual(['a a/2', 'b b'])
    expect(model.places[0]!.runs[0]!.samples).toEqual([sample(0)])
    model.merge(picture([member('b'), member('a/2', { state: 'dead' })]))
    expect(model.places[0]!.run).toMatchObject({ id: 'a/2', state: 'dead' })
  })

  test('who lives has it, wherever a picture names it', () => {
    const model = new Model()
    model.merge(picture([member('a'), member('b/2'), member('b/1', { state: 'dead' })]))
    expect(model.places[1]!.run.id).toBe('b/2')
  })

  test('of those that are gone the last one is shown', () => {
    const model = new Model()
    const gone = (atMs: number) => ({ state: 'dead', told: told({ atMs }) }) as const
    model.merge(picture([member('a'), member('b/2', gone(AT_MS)), member('b/1', gone(AT_MS - 9_000))]))
    expect(model.places[1]!.run.id).toBe('b/2')
  })

  test('two that live by one name have two places, which tell them apart', () => {
    const model = new Model()
    const [one, other] = [
      member('a/1', { address: '10.0.0.1:7373' }),
      member('a/2', { address: '10.0.0.2:7373' }),
    ]
    model.merge(picture([one, other]))
    expect(model.places.map(({ name }) => name)).toEqual(['a (10.0.0.1:7373)', 'a (10.0.0.2:7373)'])
    expect(new Set(model.places.map(({ colour }) => colour)).size).toBe(2)
  })

  test('are in the order of people', () => {
    const model = new Model()
    model.merge(picture([member('shop-10'), member('shop-2')]))
    expect(model.places.map(({ key }) => key)).toEqual(['shop-2', 'shop-10'])
  })

  test('a colour is free again when its member is shown no more', () => {
    const model = new Model()
    model.merge(picture([member('a'), member('b'), member('c')]))
    model.merge(picture([member('a'), member('c')]))
    model.merge(picture([member('a'), member('c'), member('d')]))
    expect(model.places.map(({ key, colour }) => [key, colour])).toEqual([
      ['a', 0],
      ['c', 2],
      ['d', 1],
    ])
  })

  test('are drawn for a minute after they left, and as long as there are any when they died', () => {
    const model = new Model()
    const convergence = { verdict: 'unknown', sinceMs: AT_MS, lacks: [] } as const
    const [left, dead] = (['left', 'dead'] as const).map((state) => member(state, { state, convergence }))
    model.merge(picture([member('a'), left!, dead!]))
    const drawn = (nowMs: number) =>
      model.places.filter((place) => isDrawn(place, nowMs)).map(({ key }) => key)
    expect(drawn(AT_MS + 59_000)).toEqual(['a', 'dead', 'left'])
    expect(drawn(AT_MS + 60_000)).toEqual(['a', 'dead'])
  })

  test('are gone since the member that tells says', () => {
    const model = new Model()
    const dead = member('b', { state: 'dead', sinceMs: AT_MS - 4_000 })
    model.merge(picture([member('a'), dead, member('c')]))
    expect(model.places.map(({ goneMs }) => goneMs)).toEqual([undefined, AT_MS - 4_000, undefined])
  })
})

describe('samples', () => {
  test('that come twice are there once', () => {
    const model = new Model()
    model.merge(picture([member('a', { samples: [sample(1), sample(2)] })]))
    model.merge(picture([member('a', { samples: [sample(1), sample(2), sample(3)] })]))
    model.merge(picture([member('a', { samples: [sample(4)] })]))
    expect(model.places[0]!.run.samples).toEqual([1, 2, 3, 4].map((second) => sample(second)))
  })

  test('older than the charts reach are dropped', () => {
    const model = new Model()
    model.merge(picture([member('a', { samples: [sample(-299), sample(0)] })]))
    model.merge(picture([member('a')], { atMs: AT_MS + 2_000 }))
    expect(model.places[0]!.run.samples).toEqual([sample(0)])
    model.merge(picture([member('a')], { atMs: AT_MS + KEPT_MS + 1_000 }))
    expect(model.places[0]!.run.samples).toEqual([])
  })
})

describe('events', () => {
  test('that come twice are news once', () => {
    const model = new Model()
    const [first, second] = [event('a', 'joined'), event('a', 'member:alive', 'b')]
    expect(model.merge(picture([member('a')], { events: [first] }))).toEqual([first])
    expect(model.merge(picture([member('a')], { events: [first, second] }))).toEqual([second])
    expect(model.events).toEqual([first, second])
  })

  test('of one number are two when two members tell them', () => {
    const model = new Model()
    const events = [
      event('a', 'joined', undefined, { number: 1 }),
      event('b', 'joined', undefined, { number: 1 }),
    ]
    model.merge(picture([member('a')], { events }))
    expect(model.events).toHaveLength(2)
  })

  test('of sessions push out none of the cluster', () => {
    const model = new Model()
    const death = event('a', 'member:dead', 'b', { atMs: AT_MS - 10_000 })
    const changes = Array.from({ length: MAX_SESSION_EVENTS + 10 }, () => event('a', 'session:changed'))
    model.merge(picture([member('a')], { events: [death, ...changes] }))
    expect(model.events).toHaveLength(MAX_SESSION_EVENTS + 1)
    expect(model.events[0]).toBe(death)
    const others = Array.from({ length: MAX_OTHER_EVENTS }, () => event('a', 'warning'))
    model.merge(picture([member('a')], { events: others }))
    expect(model.events).not.toContain(death)
  })

  test('name members that no picture has any more', () => {
    const model = new Model()
    model.merge(picture([member('a')], { events: [event('a', 'member:left', 'b/1')] }))
    expect(model.nameOf('b/1')).toBe('b')
  })
})

test('its clock goes on between pictures', () => {
  const model = new Model()
  model.merge(picture([member('a')]), 5_000)
  expect(model.nowMs(5_700)).toBe(AT_MS + 700)
})
