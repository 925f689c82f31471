/** Which address is dialled when. */

import { beforeEach, describe, expect, test } from 'vitest'
import { at } from '../test/arbitraries.js'
import { resolveConfig } from './config.js'
import { Dialer, type Links } from './dialer.js'

const config = resolveConfig({ redialMs: 50, dialBackoffMs: 200, maxDialBackoffMs: 1_000 })
const links = {
  isLinked: (_address: string, _member: string | undefined): boolean => false,
  linkChanges: 0,
}
const link = (isLinked: Links['isLinked']) => {
  links.isLinked = isLinked
  links.linkChanges++
}
const unlinked = () => false
const linkedAt = (linkedTo: string) => link((address) => address === linkedTo)
const linkedTo = (id: string) => link((_, member) => member === id)
/** Jitter of nothing at all, unless given: a wait is its shortest. */
const dialerOf = (random = 0) => new Dialer(config, () => random, links)
const waiting = (dialer: Dialer, isAlone = true, isGone = (_: string) => false) =>
  dialer.waiting(isAlone, isGone)

beforeEach(() => link(unlinked))

describe('what is dialled', () => {
  test('is every address once, until its attempt has ended', () => {
    const dialer = dialerOf()
    dialer.add('x:1', 'named', at(0))
    dialer.tell('y:1', 'y', at(0))
    expect(dialer.due(at(0))).toEqual(['x:1', 'y:1'])
    expect(dialer.due(at(10_000))).toEqual([])
    dialer.failed('x:1', 'unreachable', at(10_000))
    expect(dialer.due(at(20_000))).toEqual(['x:1'])
  })

  test('is not what is linked, by its address or by who answered there', () => {
    const dialer = dialerOf()
    dialer.add('x:1', 'named', at(0))
    dialer.due(at(0))
    dialer.answered('x:1', 'b', false, at(0))
    linkedAt('x:1')
    expect(dialer.due(at(1_000))).toEqual([])
    linkedTo('b')
    expect(dialer.due(at(1_000))).toEqual([])
    link(unlinked)
    expect(dialer.due(at(1_000))).toEqual(['x:1'])
  })

  test('is our own address only now and then: it may be of somebody else by then', () => {
    const dialer = dialerOf()
    dialer.add('x:1', 'named', at(0))
    dialer.due(at(0))
    dialer.answered('x:1', 'a', true, at(0))
    expect([dialer.due(at(9_999)), dialer.nextMs()]).toEqual([[], 10_000])
    expect(waiting(dialer)).toEqual([])
    expect(dialer.due(at(10_000))).toEqual(['x:1'])
    dialer.answered('x:1', 'b', false, at(10_000))
    linkedTo('b')
    expect(dialer.due(at(20_000))).toEqual([])
  })

  test('an address learned from others goes with its member; one that the user named stays', () => {
    const dialer = dialerOf()
    for (const address of ['learned:1', 'its other:1', 'shared:1']) dialer.tell(address, 'b', at(0))
    dialer.tell('shared:1', 'c', at(0))
    dialer.add('named:1', 'named', at(0))
    dialer.tell('named:1', 'b', at(0))
    dialer.memberGone('b')
    expect(dialer.size).toBe(2)
    dialer.memberGone('c')
    expect(dialer.due(at(0))).toEqual(['named:1'])
  })

  test('a learned address that the user names too becomes a named one, and the reverse is no change', () => {
    const dialer = dialerOf()
    dialer.tell('x:1', 'b', at(0))
    dialer.add('x:1', 'named', at(0))
    dialer.tell('x:1', 'b', at(0))
    dialer.memberGone('b')
    expect(dialer.due(at(0))).toEqual(['x:1'])
  })
})

test('an address that the run before this one knew goes when this one has joined', () => {
  const dialer = dialerOf()
  for (const address of ['x:1', 'y:1']) dialer.add(address, 'former', at(0))
  dialer.tell('y:1', 'b', at(0))
  expect(dialer.due(at(0))).toEqual(['x:1', 'y:1'])
  dialer.joined()
  expect(dialer.size).toBe(1)
})

describe('the wait before the next attempt', () => {
  /** Waits after one failure after the other. */
  const waits = (dialer: Dialer, refusals: readonly boolean[]) => {
    let nowMs = 0
    dialer.add('x:1', 'named', at(nowMs))
    return refusals.map((wasRefused) => {
      dialer.due(at(nowMs))
      dialer.failed('x:1', wasRefused ? 'refused' : 'unreachable', at(nowMs))
      const waitMs = dialer.nextMs() - nowMs
      expect(dialer.due(at(nowMs + waitMs - 1))).toEqual([])
      nowMs += waitMs
      return waitMs
    })
  }

  test('is short after a first refusal, which decides over life and death', () => {
    expect(waits(dialerOf(), [true, true, true])).toEqual([50, 200, 400])
  })

  test('is short too after the first refusal that follows on a reset of a port being closed', () => {
    expect(waits(dialerOf(), [false, false, true, true])).toEqual([50, 200, 50, 800])
  })

  test('doubles up to its limit where nobody answers', () => {
    expect(waits(dialerOf(), [false, false, false, false, false])).toEqual([50, 200, 400, 800, 1_000])
  })

  test('is spread by up to a half', () => {
    expect(waits(dialerOf(1), [false, false])).toEqual([50, 300])
  })

  test('starts anew when the link has proven itself, not with the mere answer', () => {
    const dialer = dialerOf()
    waits(dialer, [true, true, true])
    dialer.due(at(100_000))
    dialer.answered('x:1', 'b', false, at(0))
    dialer.failed('x:1', 'rejected', at(200_000))
    expect(dialer.nextMs()).toBe(200_800)
    dialer.answered('x:1', 'b', false, at(0))
    dialer.proven('b')
    dialer.failed('x:1', 'refused', at(300_000))
    expect(dialer.nextMs()).toBe(300_050)
  })

  test('goes on growing where nobody answers, whoever else has proven himself', () => {
    const dialer = dialerOf()
    dialer.add('y:1', 'named', at(0))
    dialer.answered('y:1', 'b', false, at(0))
    waits(dialer, [false, false, false])
    dialer.proven('b')
    dialer.failed('x:1', 'unreachable', at(10_000))
    linkedAt('y:1')
    expect(dialer.nextMs()).toBe(10_800)
  })

  test('is never short for somebody who rejects us', () => {
    const dialer = dialerOf()
    dialer.add('x:1', 'named', at(0))
    dialer.failed('x:1', 'rejected', at(0))
    expect(dialer.nextMs()).toBe(200)
  })

  test('counts at each address of who rejects us, and leaves the dials there to end', () => {
    const dialer = dialerOf()
    for (const address of ['x:1', 'name:1', 'other:1']) dialer.add(address, 'named', at(0))
    dialer.due(at(0))
    dialer.answered('name:1', 'b', false, at(0))
    dialer.answered('other:1', 'c', false, at(0))
    dialer.rejected('x:1', 'b', at(0))
    expect(dialer.due(at(199))).toEqual(['other:1'])
    // (The dial of x:1 is under way.)
    expect(dialer.due(at(1_000))).toEqual(['name:1'])
    dialer.failed('x:1', 'unreachable', at(1_000))
    expect(dialer.nextMs()).toBe(1_200)
  })

  test('is over when a link closes', () => {
    const dialer = dialerOf()
    waits(dialer, [false, false, false, false])
    dialer.hurry('x:1', at(1_700))
    expect(dialer.due(at(1_700))).toEqual(['x:1'])
    dialer.failed('x:1', 'refused', at(1_700))
    expect(dialer.nextMs()).toBe(1_750)
  })

  test('stays within its limit after any number of failures', () => {
    expect(waits(dialerOf(), Array(2_000).fill(false)).at(-1)).toBe(1_000)
  })
})

describe('a joiner', () => {
  test('waits for each address to answer, to refuse or to reject; silence may be a slow peer', () => {
    const dialer = dialerOf()
    expect(waiting(dialer)).toEqual([])
    for (const address of ['x:1', 'y:1', 'z:1']) dialer.add(address, 'named', at(0))
    dialer.due(at(0))
    dialer.failed('x:1', 'refused', at(0))
    dialer.failed('y:1', 'unreachable', at(0))
    dialer.failed('z:1', 'rejected', at(0))
    expect(waiting(dialer)).toEqual(['y:1'])
    dialer.answered('y:1', 'b', false, at(0))
    expect(waiting(dialer)).toEqual([])
  })

  test('waits for what it only heard of while it has met nobody', () => {
    const dialer = dialerOf()
    dialer.add('x:1', 'heard', at(0))
    dialer.add('y:1', 'named', at(0))
    expect([waiting(dialer, true), waiting(dialer, false)]).toEqual([['x:1', 'y:1'], ['y:1']])
  })

  test('does not give up what it only heard of before it is over with waiting', () => {
    const dialer = dialerOf()
    dialer.add('x:1', 'heard', at(0))
    const fail = () => {
      dialer.due(at(60_000))
      dialer.failed('x:1', 'unreachable', at(0))
    }
    for (let i = 0; i < 9; i++) fail()
    expect(waiting(dialer)).toEqual(['x:1'])
    dialer.ready()
    fail()
    expect(dialer.size).toBe(0)
  })

  test('does not wait where members told of one who is dead by now, unless the user named it', () => {
    const dialer = dialerOf()
    for (const member of ['b', 'c']) dialer.tell('x:1', member, at(0))
    dialer.tell('y:1', 'b', at(0))
    dialer.tell('z:1', 'b', at(0))
    dialer.add('z:1', 'named', at(0))
    expect(waiting(dialer, false, (member) => member === 'b')).toEqual(['x:1', 'z:1'])
  })

  test('does not wait for an address that dialled us first', () => {
    const dialer = dialerOf()
    dialer.add('x:1', 'named', at(0))
    linkedAt('x:1')
    expect(waiting(dialer)).toEqual([])
  })
})

test('of a member that has another address every day the latest sixteen are dialled', () => {
  const dialer = dialerOf()
  for (let day = 0; day < 500; day++) {
    dialer.tell(`day-${day}:1`, 'b', at(day))
    dialer.tell('home:1', 'b', at(day))
  }
  expect([dialer.size, waiting(dialer).at(0), waiting(dialer).at(-1)]).toEqual([16, 'home:1', 'day-499:1'])
  dialer.memberGone('b')
  expect(dialer.size).toBe(0)
})

describe('of thousands of members that somebody makes up', () => {
  const made = (count: number) => {
    const dialer = dialerOf()
    for (let i = 0; i < count; i++) dialer.tell(`ghost${i}:1`, `ghost${i}`, at(0))
    return dialer
  }

  test('sixty-four are dialled at once, and the next when one has ended', () => {
    const dialer = made(3_000)
    expect(dialer.due(at(0)).length).toBe(64)
    expect([dialer.due(at(500)), dialer.nextMs()]).toEqual([[], Number.POSITIVE_INFINITY])
    dialer.failed('ghost0:1', 'unreachable', at(1_000))
    expect(dialer.due(at(1_000))).toEqual(['ghost64:1'])
  })

  test('sixty-four are dialled at once by a run that begins anew, too', () => {
    const dialer = dialerOf()
    for (let i = 0; i < 1_200; i++) dialer.add(`ghost${i}:1`, 'former', at(0))
    expect(dialer.due(at(0)).length).toBe(64)
    const heardAsWell = made(1_200)
    for (let i = 0; i < 64; i++) heardAsWell.add(`ghost${i}:1`, 'heard', at(0))
    expect(heardAsWell.due(at(0)).length).toBe(64)
  })

  test('none holds up what the user named, nor do those that were tried in vain who is told of later', () => {
    const dialer = made(3_000)
    const first = dialer.due(at(0))
    dialer.add('named:1', 'named', at(1))
    expect(dialer.due(at(1))).toEqual(['named:1'])
    const few = made(64)
    for (const address of few.due(at(0))) few.failed(address, 'unreachable', at(10))
    few.tell('newcomer:1', 'newcomer', at(2_000))
    expect([first.length, few.due(at(2_000))[0]]).toEqual([64, 'newcomer:1'])
  })
})

describe('an address that was only heard of', () => {
  const heard = (dialer: Dialer, count: number, nowMs = 0) => {
    for (let i = 0; i < count; i++) dialer.add(`forged:${i}`, 'heard', at(nowMs))
  }

  test('is given up after four attempts, until it is heard again', () => {
    const dialer = dialerOf()
    dialer.ready()
    dialer.add('x:1', 'heard', at(0))
    for (let i = 0; i < 4; i++) {
      expect(dialer.due(at(i * 10_000))).toEqual(['x:1'])
      dialer.failed('x:1', 'unreachable', at(i * 10_000))
    }
    expect(dialer.due(at(60_000))).toEqual([])
    dialer.add('x:1', 'heard', at(60_000))
    expect(dialer.due(at(60_000))).toEqual(['x:1'])
  })

  test('goes when discovery does not find it any more, unless it is named or told as well', () => {
    const dialer = dialerOf()
    for (const address of ['x:1', 'y:1', 'z:1']) dialer.add(address, 'heard', at(0))
    dialer.add('y:1', 'named', at(0))
    dialer.tell('z:1', 'c', at(0))
    for (const address of ['x:1', 'y:1', 'z:1']) dialer.remove(address, 'heard')
    expect(dialer.due(at(0))).toEqual(['y:1', 'z:1'])
  })

  test('is dialled at once, whatever the back-off of an address that others told of', () => {
    const dialer = dialerOf()
    dialer.tell('x:1', 'b', at(0))
    for (let i = 0; i < 9; i++) dialer.failed('x:1', 'unreachable', at(0))
    expect(dialer.due(at(100))).toEqual([])
    dialer.add('x:1', 'heard', at(100))
    expect(dialer.due(at(100))).toEqual(['x:1'])
  })

  test('is one of sixteen dialled at once, however many there are, and the next begins when one has ended', () => {
    const dialer = dialerOf()
    heard(dialer, 1_000)
    const due = dialer.due(at(0))
    expect([due.length, dialer.due(at(0)), dialer.nextMs()]).toEqual([16, [], Infinity])
    dialer.failed(due[0] as string, 'rejected', at(0))
    expect(dialer.due(at(0))).toHaveLength(1)
  })

  test('is one of sixteen until its attempt has ended, though it is found no more', () => {
    const dialer = dialerOf()
    heard(dialer, 16)
    expect(dialer.due(at(0))).toHaveLength(16)
    for (let i = 0; i < 16; i++) dialer.remove(`forged:${i}`, 'heard')
    dialer.add('new:1', 'heard', at(0))
    expect([dialer.size, dialer.due(at(10))]).toEqual([1, []])
    dialer.failed('forged:7', 'unreachable', at(20))
    expect([dialer.size, dialer.due(at(20))]).toEqual([1, ['new:1']])
  })

  test('is one of sixty-four at most: who floods the network takes no room from what the user named or members told', () => {
    const dialer = dialerOf(0.5)
    dialer.add('named:1', 'named', at(0))
    dialer.tell('told:1', 'b', at(0))
    heard(dialer, 5_000)
    const waited = waiting(dialer)
    expect(waited).toHaveLength(66)
    expect(waited).toEqual(expect.arrayContaining(['named:1', 'told:1', 'forged:63']))
  })

  test('stays until it was tried, and makes room then for what is heard later', () => {
    const dialer = dialerOf(0)
    dialer.add('x:1', 'heard', at(0))
    heard(dialer, 1_000)
    expect(waiting(dialer)).toContain('x:1')
    const [first = '', second = ''] = dialer.due(at(0))
    for (const address of [first, second]) dialer.failed(address, 'rejected', at(0))
    dialer.add('late:1', 'heard', at(0))
    expect([dialer.size, first, dialer.due(at(10))]).toEqual([64, 'x:1', ['forged:15', 'forged:16']])
    expect(dialer.due(at(60_000))).not.toContain('x:1')
  })

  test('makes room for itself where members were forgotten whose addresses are only heard of since', () => {
    const dialer = dialerOf(0)
    for (let i = 0; i < 8; i++) {
      dialer.tell(`told:${i}`, `m${i}`, at(0))
      dialer.add(`told:${i}`, 'heard', at(0))
    }
    heard(dialer, 64)
    for (let i = 0; i < 8; i++) dialer.memberGone(`m${i}`)
    for (const address of dialer.due(at(0))) dialer.failed(address, 'unreachable', at(0))
    dialer.add('late:1', 'heard', at(0))
    expect([dialer.size, waiting(dialer)]).toEqual([64, expect.arrayContaining(['late:1'])])
  })

  test('that leads to who is linked already takes no room from a newcomer', () => {
    const dialer = dialerOf(0.5)
    linkedTo('b')
    for (let i = 0; i < 64; i++) dialer.add(`forged:${i}`, 'heard', at(0), 'b')
    dialer.add('new:1', 'heard', at(0), 'c')
    expect([dialer.size, dialer.due(at(0))]).toEqual([64, ['new:1']])
  })

  test('backs off and is given up, under however many names', () => {
    const dialer = dialerOf()
    let dials = 0
    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) {
      dialer.add('x:1', 'heard', at(nowMs), `forged-${nowMs}`)
      for (const address of dialer.due(at(nowMs))) {
        dials++
        dialer.failed(address, 'unreachable', at(nowMs))
      }
    }
    // Three waits of 50, 200 and 400 ms, and then it begins anew.
    expect(dials).toBeLessThanOrEqual(7)
  })

  test('does not push out what is being dialled', () => {
    const dialer = dialerOf(0)
    dialer.add('x:1', 'heard', at(0))
    dialer.due(at(0))
    heard(dialer, 1_000)
    dialer.failed('x:1', 'unreachable', at(0))
    expect(waiting(dialer)).toContain('x:1')
  })
})

describe('of several addresses of one member', () => {
  const dialerWithTwo = () => {
    const dialer = dialerOf()
    dialer.add('lan:1', 'heard', at(0), 'b')
    dialer.add('vpn:1', 'heard', at(0), 'b')
    return dialer
  }

  test('the next is dialled when one has failed, and none when one has proven itself', () => {
    const dialer = dialerWithTwo()
    expect([dialer.due(at(0)), dialer.due(at(0))]).toEqual([['lan:1'], []])
    dialer.failed('lan:1', 'unreachable', at(10))
    expect(dialer.due(at(10))).toEqual(['vpn:1'])
    dialer.answered('vpn:1', 'b', false, at(0))
    linkedTo('b')
    expect([dialer.due(at(60_000)), waiting(dialer)]).toEqual([[], []])
  })

  test('one where nobody answers holds up the next for a moment', () => {
    const dialer = dialerWithTwo()
    dialer.due(at(0))
    expect([dialer.due(at(49)), dialer.nextMs()]).toEqual([[], 50])
    expect(dialer.due(at(50))).toEqual(['vpn:1'])
  })

  test('who makes up addresses of a member keeps nobody from dialling those that are named or told', () => {
    const dialer = dialerOf()
    for (let i = 0; i < 20; i++) dialer.add(`forged:${i}`, 'heard', at(0), 'b')
    expect(dialer.due(at(0))).toEqual(['forged:0'])
    dialer.tell('b:1', 'b', at(10))
    expect(dialer.due(at(10))).toEqual(['b:1'])
  })

  test('the one that waits for its first attempt comes before those that were tried in vain', () => {
    const dialer = dialerWithTwo()
    dialer.due(at(0))
    dialer.failed('lan:1', 'unreachable', at(0))
    expect(dialer.due(at(1_000))).toEqual(['vpn:1'])
  })

  test('one that has passed to another member is dialled, though who was there is linked elsewhere', () => {
    const dialer = dialerWithTwo()
    dialer.due(at(0))
    dialer.answered('lan:1', 'b', false, at(0))
    linkedTo('b')
    expect(dialer.due(at(10))).toEqual([])
    dialer.add('lan:1', 'heard', at(20), 'c')
    expect(dialer.due(at(20))).toEqual(['lan:1'])
    dialer.answered('lan:1', 'c', false, at(20))
    dialer.add('lan:1', 'heard', at(30), 'd')
    expect(dialer.due(at(30))).toEqual(['lan:1'])
  })

  test('who says again and again that somebody else is there now makes nobody dial again and again', () => {
    const dialer = dialerWithTwo()
    linkedTo('b')
    const dials: number[] = []
    for (let nowMs = 0; nowMs < 30_000; nowMs += 100) {
      dialer.add('lan:1', 'heard', at(nowMs), `forged-${nowMs}`)
      for (const address of dialer.due(at(nowMs))) {
        dialer.answered(address, 'b', false, at(nowMs))
        dials.push(nowMs)
      }
    }
    expect(dials).toEqual([0, 10_000, 20_000])
  })

  test('who says that somebody linked is at an address keeps nobody from dialling it', () => {
    const dialer = dialerOf()
    linkedTo('b')
    dialer.add('named:1', 'named', at(0))
    dialer.tell('told:1', 'c', at(0))
    for (const address of ['named:1', 'told:1']) dialer.add(address, 'heard', at(0), 'b')
    expect([waiting(dialer), dialer.due(at(0))]).toEqual([
      ['named:1', 'told:1'],
      ['named:1', 'told:1'],
    ])
  })

  test('who answers there counts, whoever was said to be there', () => {
    const dialer = dialerWithTwo()
    dialer.due(at(0))
    dialer.answered('lan:1', 'somebody else', false, at(0))
    linkedTo('somebody else')
    expect(dialer.due(at(0))).toEqual(['vpn:1'])
  })
})
