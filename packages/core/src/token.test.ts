/** What a client is told to have seen. */

import { describe, expect, test } from 'vitest'
import { ahead, seenAt } from '../test/ahead.js'
import { Net } from '../test/harness.js'
import { resolveConfig } from './config.js'

const { waitMs, askTimeoutMs } = resolveConfig()

describe('the token', () => {
  test('names what the client has seen here, as long as not everybody has it', () => {
    const { net, a, b } = ahead()
    expect(a.token('s')).toEqual(seenAt(a, 's'))
    net.release(a, b)
    net.run(300)
    expect(a.token('s')).toEqual([])
  })

  test('joins what the request brought with what it saw here', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '0' })
    net.settle()
    net.hold(a, c)
    net.hold(b, c)
    a.write('s', { x: '1' })
    net.settle()
    const brought = seenAt(a, 's')
    b.write('s', { x: '2' })
    net.settle()
    const token = b.token('s', brought)
    expect(token.map(({ origin }) => origin).sort()).toEqual([a.id, b.id])
    // c has neither, and waits for both.
    expect(c.catchUp('s', token)).toBeDefined()
    net.release(b, c)
    expect(c.caughtUp).toEqual([])
    net.release(a, c)
    expect(c.caughtUp).toHaveLength(1)
  })

  test('is kept when its bearer met a member that could not catch up', () => {
    const { b, token } = ahead()
    expect(b.token('s', token)).toEqual(token)
  })

  test('forgets origins that nobody knows', () => {
    const net = new Net()
    const [a] = net.cluster('a', 'b')
    expect(a.token('s', [{ time: 5, counter: 0, origin: 'from before' }])).toEqual([])
  })

  test('keeps what is found lost between the read and its answer, until a read has counted it', () => {
    const { net, a, b, token } = ahead()
    b.catchUp('s', token)
    net.run(waitMs + askTimeoutMs)
    expect(b.caughtUp).toMatchObject([{ isStale: true }])
    net.kill(a)
    net.run(250)
    expect([b.peer(a).state, b.replica.counters.lostWrites]).toEqual(['dead', 0])
    const answer = b.token('s', token)
    expect(answer).toContainEqual(token[0])
    expect(b.catchUp('s', answer)).toBeUndefined()
    expect(b.replica.counters.lostWrites).toBe(1)
    expect(b.token('s', answer)).not.toContainEqual(token[0])
  })

  test('outlasts a partition: a member that is found dead may be asked when it is back', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    net.cut(a, b)
    net.run(3_000)
    expect(a.peer(b).state).toBe('dead')
    a.write('s', { x: '2' })
    expect(a.token('s')).toEqual(seenAt(a, 's'))
  })
})
