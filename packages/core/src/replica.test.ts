import { expect, test } from 'vitest'
import { Net } from '../test/harness.js'

test('smoke', () => {
  const net = new Net()
  const [a, b, c] = net.cluster('a', 'b', 'c')
  a.write('s', { x: '1' })
  net.settle()
  expect(b.read('s')).toEqual({ x: '1' })
  expect(c.state()).toEqual(a.state())
  expect(net.linksBetween(a, b)).toBe(1)
  expect(net.linksBetween(c, b)).toBe(1)
  expect(net.linksBetween(a, c)).toBe(1)
})
