import { expect, test } from 'vitest'
import { LinkMeter } from './link-meter.js'

const at = (monoMs: number) => ({ wallMs: 0, monoMs })

test('counts what goes over the link', () => {
  const meter = new LinkMeter()
  meter.sent(10)
  meter.sent(5)
  meter.received(7)
  expect(meter.report('b', 3, 0)).toEqual({
    peer: 'b',
    sentBytes: 15,
    receivedBytes: 7,
    sentFrames: 2,
    receivedFrames: 1,
    bufferedBytes: 3,
  })
})

test('the lag of a delta is what it took above the quickest frame, whatever the clocks say, and its merge', () => {
  const meter = new LinkMeter()
  // The peer's clock is 1,000 ms behind, and the wire takes 2 ms.
  meter.arrived(0, false, at(1_002), 1_002)
  meter.arrived(100, true, at(1_102), 1_102.5)
  meter.arrived(200, true, at(1_252), 1_252.5)
  expect(meter.report('b', 0, 1_000).lag).toEqual({
    p50Ms: expect.closeTo(50.5, 0),
    p99Ms: expect.closeTo(50.5, 0),
    deltas: 2,
  })
  // Only those of the time asked for.
  expect(meter.report('b', 0, 1_200).lag?.deltas).toBe(1)
  expect(meter.report('b', 0, 2_000).lag).toBeUndefined()
})

test('a peer whose clock says what cannot be has no lag', () => {
  const meter = new LinkMeter()
  meter.arrived(-1.5e308, true, at(1_000), 1_000)
  meter.arrived(0, true, at(1_001), 1_001)
  meter.arrived(1.5e308, true, at(1_002), 1_002)
  const { lag } = meter.report('b', 0, 0)
  expect(lag === undefined || Number.isFinite(lag.p99Ms)).toBe(true)
})

test('heartbeats tell how far the clocks are apart, and are no lag of writes', () => {
  const meter = new LinkMeter()
  for (let ms = 0; ms < 1_000; ms += 250) meter.arrived(ms, false, at(ms + 40), ms + 40)
  expect(meter.report('b', 0, 0).lag).toBeUndefined()
})

test('a link of many writes is told of by its latest', () => {
  const meter = new LinkMeter()
  for (let ms = 0; ms < 1_000; ms++) meter.arrived(ms, true, at(ms), ms)
  expect(meter.report('b', 0, 0).lag).toEqual({ p50Ms: 0, p99Ms: 0, deltas: 512 })
})
