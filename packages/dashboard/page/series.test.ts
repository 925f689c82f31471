import { describe, expect, test } from 'vitest'
import { Model } from './model.js'
import { lagLines, memberLine, queuedBytes, rateOf, sentRate, type ValueOf } from './series.js'
import { AT_MS, link, member, picture, sample } from './test/pictures.js'

const WINDOW = { end: AT_MS / 1_000 + 5, seconds: 6 }
const sessions: ValueOf = (each) => each.sessions

function placesOf(...members: Parameters<typeof picture>[0]) {
  const model = new Model()
  model.merge(picture(members, { atMs: AT_MS + 5_000 }))
  return model.places
}

function lineOf(samples: ReturnType<typeof sample>[], measure: ValueOf) {
  const [place] = placesOf(member('a', { samples }))
  return memberLine(place!, measure, WINDOW)
}

describe('a line', () => {
  test('has each second in its place, and nothing before and after', () => {
    const samples = [1, 2, 3].map((second) => sample(second, { sessions: second }))
    expect(lineOf(samples, sessions)).toEqual([null, 1, 2, 3, null, null])
  })

  test('goes over a second that has none, and breaks where a member was away', () => {
    const late = [sample(0, { sessions: 1 }), sample(2, { sessions: 3 })]
    expect(lineOf(late, sessions)).toEqual([1, 1, 3, null, null, null])
    const away = [sample(0, { sessions: 1 }), sample(5, { sessions: 3 })]
    expect(lineOf(away, sessions)).toEqual([1, null, null, null, null, 3])
  })

  test('of a counter is what it grows by in a second, however far samples are apart', () => {
    const samples = [sample(0, { writes: 10 }), sample(1, { writes: 14 }), sample(3, { writes: 20 })]
    expect(lineOf(samples, rateOf('writes'))).toEqual([null, 4, 4, 3, null, null])
  })

  test('of a counter has no rate below nothing when a process begins anew', () => {
    const before = member('b/1', {
      state: 'dead',
      samples: [sample(0, { writes: 900 }), sample(1, { writes: 901 })],
    })
    const after = member('b/2', { samples: [sample(3, { writes: 2 }), sample(4, { writes: 7 })] })
    const place = placesOf(member('a'), before, after)[1]!
    expect(memberLine(place, rateOf('writes'), WINDOW)).toEqual([null, 1, null, null, 5, null])
  })

  test('of a counter that counts down all the same is left out', () => {
    const samples = [sample(0, { writes: 10 }), sample(1, { writes: 3 })]
    expect(lineOf(samples, rateOf('writes'))).toEqual([null, null, null, null, null, null])
  })
})

test('bytes sent are of all links, also when one of them is made anew', () => {
  const samples = [
    sample(0, { links: [link('b', 1_000), link('c', 500)] }),
    sample(1, { links: [link('b', 1_100), link('c', 520)] }),
    // c's link was made anew, and one to d is new.
    sample(2, { links: [link('b', 1_100), link('c', 30), link('d', 7)] }),
  ]
  expect(lineOf(samples, sentRate)).toEqual([null, 120, 37, null, null, null])
})

test('what waits is what is held and what is buffered on all links', () => {
  const links = [link('b', 0, { bufferedBytes: 5 }), link('c', 0, { bufferedBytes: 6 })]
  expect(lineOf([sample(0, { heldBytes: 100, links })], queuedBytes)[0]).toBe(111)
})

test('lag is from the writer to the one that measured it, over the runs of either', () => {
  const lag = (p99Ms: number) => ({ lag: { p50Ms: 1, p99Ms, deltas: 1 } })
  const a = member('a', {
    samples: [
      sample(0, { links: [link('b/1', 0, lag(5))] }),
      sample(1, { links: [link('b/1', 0), link('unknown', 0, lag(9))] }),
      sample(2, { links: [link('b/2', 0, lag(6))] }),
    ],
  })
  const lines = lagLines(placesOf(a, member('b/1', { state: 'left' }), member('b/2')), 'p99Ms', WINDOW)
  expect(lines).toEqual([{ from: 'b', to: 'a', line: [5, null, 6, null, null, null] }])
})
