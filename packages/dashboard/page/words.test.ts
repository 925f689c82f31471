import { describe, expect, test } from 'vitest'
import type { ShownEvent } from '../src/api.js'
import { Model, type Told } from './model.js'
import { AT_MS, event, member, picture, told } from './test/pictures.js'
import { eventText, kindOf, lacksText, noticesOf, summaryOf, toneOf } from './words.js'

function modelOf(members: readonly Told[], events: readonly ShownEvent[] = []) {
  const model = new Model()
  const fresh = model.merge(picture(members, { events }))
  return { model, fresh }
}

describe('the summary', () => {
  const summary = (members: readonly Told[], given = {}) => {
    const model = new Model()
    model.merge(picture(members, { summary: 'as it is', ...given }))
    return summaryOf(model)
  }

  test('is what the picture says, in the tone of the worst', () => {
    expect(summary([member('a'), member('b')])).toEqual({ tone: 'good', text: 'as it is' })
    expect(summary([member('a')])).toEqual({ tone: 'none', text: 'as it is' })
    const troubles = [{ tone: 'bad', member: 'b', text: 'b has been dead for 3 s' }]
    expect(summary([member('a'), member('b')], { troubles }).tone).toBe('bad')
  })
})

describe('notices', () => {
  const texts = (members: readonly Told[], events: readonly ShownEvent[]) => {
    const { model, fresh } = modelOf(members, events)
    return noticesOf(fresh, model).map(({ text }) => text)
  }

  test('a death is told once, with who answers for the sessions', () => {
    const members = [member('a'), member('b', { state: 'dead' }), member('c')]
    const events = [
      event('a', 'member:dead', 'b'),
      event('c', 'member:dead', 'b'),
      event('a', 'takeover', 'b', { sessions: 4 }),
      event('c', 'takeover', 'b', { sessions: 5 }),
    ]
    expect(texts(members, events)).toEqual(['b is dead', 'sessions of b are answered for by a (4) and c (5)'])
  })

  test('who tells later of the same takeover is put into the same notice', () => {
    const { model } = modelOf([member('a'), member('c')], [event('a', 'takeover', 'b', { sessions: 4 })])
    const later = [event('c', 'takeover', 'b', { sessions: 5 })]
    const fresh = model.merge(picture([member('a'), member('c')], { events: later }))
    expect(noticesOf(fresh, model)).toEqual([
      { key: 'takeover b', tone: 'good', text: 'sessions of b are answered for by a (4) and c (5)' },
    ])
  })

  test('a takeover of nothing is none', () => {
    expect(texts([member('a')], [event('a', 'takeover', 'b', { sessions: 0 })])).toEqual([])
  })

  test('one that joins, and one that is back', () => {
    expect(texts([member('a'), member('b')], [event('a', 'member:alive', 'b')])).toEqual(['b has joined'])
    const heard = event('a', 'member:alive', 'b', { atMs: AT_MS - 60_000 })
    expect(texts([member('a'), member('b')], [heard, event('a', 'member:alive', 'b')])).toEqual(['b is back'])
    const old = member('b', { told: told({ upMs: 60_000 }) })
    expect(texts([member('a'), old], [event('a', 'member:alive', 'b')])).toEqual(['b is back'])
  })

  test('the former run of one that came back does not leave', () => {
    const members = [member('a'), member('b/1', { state: 'left' }), member('b/2')]
    expect(texts(members, [event('a', 'member:left', 'b/1')])).toEqual([])
    expect(texts(members.slice(0, 2), [event('a', 'member:left', 'b/1')])).toEqual(['b has left'])
  })

  test('what happened before somebody looked is no news', () => {
    expect(texts([member('a')], [event('a', 'member:dead', 'b', { atMs: AT_MS - 60_000 })])).toEqual([])
  })
})

test('what is lacked is told by names, each once', () => {
  const { model } = modelOf([member('a'), member('b/1', { state: 'left' }), member('b/2')])
  const lacks = (...origins: string[]) =>
    lacksText(
      {
        convergence: { verdict: 'behind', sinceMs: 0, lacks: origins.map((origin) => ({ origin, byMs: 0 })) },
      },
      model,
    )
  expect(lacks()).toBe('')
  expect(lacks('b/1', 'b/2')).toBe('lacks writes of b')
  expect(lacks('0123456789abcdef')).toBe('lacks writes of 01234567…')
  expect(lacks('a', 'b/1', 'x', 'y', 'z')).toBe('lacks writes of a, b, x and 2 more')
})

test.each<[Partial<ShownEvent> & { event: string }, string, string, string]>([
  [{ event: 'takeover', sessions: 1 }, 'answers for 1 session of b', 'takeovers', 'good'],
  [{ event: 'member:dead' }, 'gave up b: dead', 'members', 'bad'],
  [{ event: 'sync:end', complete: true, sessions: 1_200 }, 'got 1,200 records from b', 'transfers', 'none'],
  [{ event: 'sync:end', complete: false }, 'asked b in vain: the transfer broke off', 'transfers', 'warn'],
  [{ event: 'session:changed', changed: ['cart', 'user'] }, 'changed: cart, user', 'sessions', 'none'],
  [{ event: 'session:destroyed', changed: [] }, 'destroyed', 'sessions', 'none'],
  [{ event: 'warning', code: 'X', message: 'mind the gap' }, 'warns: mind the gap', 'warnings', 'warn'],
  [{ event: 'of a later version' }, 'of a later version', 'members', 'none'],
])('%o', (given, text, kind, tone) => {
  const happened = event('a', given.event, 'b', given)
  expect([eventText(happened), kindOf(happened.event), toneOf(happened)]).toEqual([text, kind, tone])
})
