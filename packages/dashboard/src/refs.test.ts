import { expect, test } from 'vitest'
import { Refs } from './refs.js'

const holding = (...sids: string[]) => ({ keys: () => sids.values() }) as never

test('a reference is the same on all members, and gives nobody the id', async () => {
  const sid = 'a session id that is long enough'
  const ref = new Refs(holding()).of(sid)
  expect(ref).toMatch(/^[\w-]{12}$/)
  expect(new Refs(holding()).of(sid)).toBe(ref)
  expect(new Refs(holding()).of(`${sid}.`)).not.toBe(ref)
  expect(await new Refs(holding('x', sid)).find(ref)).toBe(sid)
  expect(await new Refs(holding('x')).find(ref)).toBeUndefined()
})

test('one that was shown is found when it lives no more, until ten thousand others were shown', async () => {
  const refs = new Refs(holding())
  const ref = refs.of('s')
  for (let i = 0; i < 9_999; i++) refs.of(`other ${i}`)
  expect(await refs.find(ref)).toBe('s')
  refs.of('one more')
  expect(await refs.find(ref)).toBeUndefined()
})

test('to look among many does not hold up the process', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => `s${i}`)
  let turns = 0
  const counting = setInterval(() => turns++, 0)
  const ref = new Refs(holding()).of('s9999')
  expect(await new Refs(holding(...many)).find(ref)).toBe('s9999')
  clearInterval(counting)
  expect(turns).toBeGreaterThan(0)
})
