import { expect, test } from 'vitest'
import { asNoted, Journal, Ring } from './journal.js'

test('a ring keeps the latest, in their order', () => {
  const ring = new Ring<number>(3)
  expect(ring.latest(() => true)).toEqual([])
  for (let i = 1; i <= 3; i++) ring.push(i)
  expect(ring.latest(() => true)).toEqual([1, 2, 3])
  ring.push(4)
  expect(ring.latest(() => true)).toEqual([2, 3, 4])
  expect(ring.latest((value) => value > 3)).toEqual([4])
})

test('who comes later gets what is new, and is told how much he missed', () => {
  const journal = new Journal()
  journal.add({ event: 'joined' }, 1)
  journal.add({ event: 'session:created', sid: 's' }, 2)
  expect(journal.after(0)).toMatchObject({
    events: [
      { number: 1, event: 'joined' },
      { number: 2, event: 'session:created' },
    ],
    omitted: 0,
  })
  for (let i = 0; i < 700; i++) journal.add({ event: 'session:changed', sid: 's' }, 3)
  const { events, omitted } = journal.after(2)
  expect({ first: events[0]!.number, count: events.length, omitted }).toEqual({
    first: 203,
    count: 500,
    omitted: 200,
  })
  expect(journal.after(journal.last)).toEqual({ events: [], omitted: 0 })
  expect(journal.after(10_000).events).toHaveLength(501)
})

test('many changes of sessions do not push out what happened to the cluster', () => {
  const journal = new Journal()
  journal.add({ event: 'member:dead', peer: { id: 'b', name: 'b' } }, 1)
  for (let i = 0; i < 5_000; i++) journal.add({ event: 'session:changed', sid: 's' }, 2)
  const { events, omitted } = journal.after(0)
  expect(events[0]).toMatchObject({ number: 1, event: 'member:dead' })
  expect({ events: events.length, omitted }).toEqual({ events: 501, omitted: 4_500 })
})

test('of a session each change is noted where it was made, and an end by time by who tells of it', () => {
  const change = { sid: 's', changed: ['a'], owned: true }
  expect(asNoted('session:changed', { ...change, local: true })).toEqual({
    event: 'session:changed',
    sid: 's',
    changed: ['a'],
  })
  expect(asNoted('session:changed', { ...change, local: false })).toBeUndefined()
  expect(asNoted('session:expired', { ...change, local: false })).toMatchObject({ event: 'session:expired' })
})
