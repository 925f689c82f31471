import { expect, test } from 'vitest'
import { Admission, type AdmissionOptions, sourceOf, type Verdict } from './admission.js'

const options: AdmissionOptions = {
  perAddress: { burst: 12, perSecond: 2 },
  ofUnknown: { burst: 30, perSecond: 5 },
}

function verdicts(admission: Admission, host: string, count: number, nowMs: number): Verdict[] {
  return Array.from({ length: count }, () => admission.admit(host, nowMs))
}

function admitted(admission: Admission, host: string, count: number, nowMs: number): number {
  return verdicts(admission, host, count, nowMs).filter((verdict) => verdict === 'admitted').length
}

test('an address has a burst, then its rate, and never more than its burst again', () => {
  const admission = new Admission(options)
  expect(verdicts(admission, 'a', 14, 0)).toEqual([...Array(12).fill('admitted'), 'address', 'address'])
  expect(admitted(admission, 'a', 6, 499)).toBe(0)
  expect(admitted(admission, 'a', 6, 500)).toBe(1)
  expect(admitted(admission, 'a', 6, 1_500)).toBe(2)
  expect(admitted(admission, 'a', 100, 1_000_000)).toBe(12)
})

test('who floods from one address keeps no other out', () => {
  const admission = new Admission(options)
  for (let ms = 0; ms < 10_000; ms++) admission.admit('flood', ms)
  expect(admitted(admission, 'b', 12, 10_000)).toBe(12)
})

test('all unknown addresses together have a burst and a rate', () => {
  const admission = new Admission(options)
  let count = 0
  for (let i = 0; i < 60; i++) count += admitted(admission, `10.0.0.${i}`, 1, 0)
  expect(count).toBe(30)
  expect(admission.admit('b', 0)).toBe('all')
  expect(admitted(admission, 'b', 6, 1_000)).toBe(5)
})

test('who floods from several addresses leaves a reserve to those that come now and then', () => {
  const admission = new Admission(options)
  const perSecond: number[] = []
  for (let second = 0; second < 60; second++) {
    let count = 0
    for (let i = 0; i < 100; i++) count += admitted(admission, `10.0.0.${i % 8}`, 10, 1_000 * second + 10 * i)
    perSecond.push(count)
  }
  expect(Math.max(...perSecond.slice(1))).toBeLessThanOrEqual(6)
  expect(admitted(admission, 'newcomer', 8, 60_000)).toBe(8)
})

test('where a member came from the rate of the unknown does not count, and its own does', () => {
  const admission = new Admission(options)
  admission.admit('member', 0)
  admission.proven('member')
  for (let i = 0; i < 60; i++) admission.admit(`10.0.0.${i}`, 0)
  expect(admission.admit('stranger', 0)).toBe('all')
  expect(verdicts(admission, 'member', 13, 0)).toEqual([...Array(12).fill('admitted'), 'address'])
})

test('what becomes a link costs nothing, however many they are', () => {
  const admission = new Admission(options)
  for (let i = 0; i < 1_000; i++) {
    expect(admission.admit('a', 0)).toBe('admitted')
    admission.proven('a')
  }
  expect(admitted(admission, 'a', 99, 0)).toBe(12)
  expect(admitted(admission, 'b', 12, 0) + admitted(admission, 'c', 12, 0)).toBe(20)
})

test('a clock that goes back gives nothing and takes nothing', () => {
  const admission = new Admission(options)
  expect(admitted(admission, 'a', 99, 10_000)).toBe(12)
  expect(admitted(admission, 'a', 99, 0)).toBe(0)
  expect(admitted(admission, 'a', 99, 500)).toBe(1)
})

test('its memory is bounded, however many addresses come', () => {
  const admission = new Admission({ ...options, ofUnknown: { burst: 1e9, perSecond: 1e9 } })
  for (let i = 0; i < 20_000; i++) admission.admit(`10.${i >> 8}.${i & 255}.1`, i)
  for (let i = 0; i < 5_000; i++) admission.proven(`11.${i >> 8}.${i & 255}.1`)
  expect(admission.size).toBeLessThanOrEqual(2_048)
})

test('who goes on is not forgotten for others that come, or he would have his burst again', () => {
  const admission = new Admission({ ...options, ofUnknown: { burst: 1e9, perSecond: 1e9 } })
  let count = 0
  for (let i = 0; i < 5_000; i++) {
    count += admitted(admission, 'flood', 1, 0)
    admission.admit(`10.${i >> 8}.${i & 255}.1`, 0)
  }
  expect(count).toBe(12)
})

test.each([
  ['10.0.0.7', '10.0.0.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
])('%s counts as %s', (host, source) => {
  expect(sourceOf(host)).toBe(source)
})
