/** Each input in each state of a member, exhaustively. */

import { describe, expect, test } from 'vitest'
import { stamp } from '../test/arbitraries.js'
import { Net } from '../test/harness.js'
import { config, DEAD, MemberTable, SUSPECT } from '../test/member-table.js'
import type { Peer } from './members.js'
import type { MemberState } from './messages.js'

type Input = (world: MemberTable, peer: Peer) => void
const inputs = {
  established: (world, { name, id }) => world.link(name, { id, link: 7 }),
  heard: (world, peer) => world.members.heard(peer, world.now),
  'link lost': (world, peer) => world.members.linkLost(peer, world.now),
  'link lost as a duplicate': (world, peer) => world.members.linkLost(peer, world.now, true),
  'refused once': (world, peer) => world.members.refused(peer.address, world.now),
  'refused twice': (world, peer) => {
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
  },
  'refused elsewhere': (world) => {
    for (let i = 0; i < 3; i++) world.members.refused('elsewhere:1', world.now)
  },
  leave: (world, peer) => world.members.left(peer, world.now),
  'silent for suspectAfterMs': (world) => world.after(SUSPECT).tick(),
  'silent for deadAfterMs': (world) => world.after(DEAD).tick(),
  'others say alive': (world, { id }) =>
    world.tell(world.link('teller', { link: 9 }), { id, state: 'alive' }),
  'others say dead': (world, { id }) => world.tell(world.link('teller', { link: 9 }), { id, state: 'dead' }),
  'others say left': (world, { id }) => world.tell(world.link('teller', { link: 9 }), { id, state: 'left' }),
} satisfies Record<string, Input>

/** Ways into each state, and what each input makes of it. What is not named leaves it as it is. */
const states = {
  alive: {
    enter: (world: MemberTable) => world.link('peer'),
    state: 'alive',
    leads: {
      'link lost': 'suspect',
      leave: 'left',
      'silent for suspectAfterMs': 'suspect',
      'silent for deadAfterMs': 'dead',
    },
  },
  'alive, its link closed as one too many': {
    enter: (world: MemberTable) => {
      const peer = world.link('peer')
      world.members.linkLost(peer, world.now, true)
      return peer
    },
    state: 'alive',
    leads: {
      'link lost': 'suspect',
      'refused once': 'suspect',
      'refused twice': 'dead',
      leave: 'left',
      'silent for suspectAfterMs': 'suspect',
      'silent for deadAfterMs': 'dead',
      'others say left': 'left',
    },
  },
  'suspect, its link lost': {
    enter: (world: MemberTable) => {
      const peer = world.link('peer')
      world.members.linkLost(peer, world.now)
      return peer
    },
    state: 'suspect',
    leads: {
      established: 'alive',
      'refused twice': 'dead',
      leave: 'left',
      'silent for deadAfterMs': 'dead',
      'others say left': 'left',
    },
  },
  'suspect, silent on its link': {
    enter: (world: MemberTable) => {
      const peer = world.link('peer')
      world.after(SUSPECT).tick()
      return peer
    },
    state: 'suspect',
    leads: {
      established: 'alive',
      heard: 'alive',
      leave: 'left',
      'silent for deadAfterMs': 'dead',
    },
  },
  'known from others': {
    enter: (world: MemberTable) => {
      world.tell(world.link('teller', { link: 9 }), { id: 'peer', state: 'alive' })
      world.tell(world.link('teller', { link: 9 }), { id: 'peer', state: 'suspect' })
      return world.members.get('peer') as Peer
    },
    state: 'suspect',
    leads: {
      established: 'alive',
      'refused twice': 'dead',
      leave: 'left',
      'silent for deadAfterMs': 'dead',
      'others say left': 'left',
    },
  },
  dead: {
    enter: (world: MemberTable) => {
      const peer = world.link('peer')
      world.members.linkLost(peer, world.now)
      world.after(DEAD).tick()
      return peer
    },
    state: 'dead',
    leads: { established: 'alive', leave: 'left', 'others say left': 'left' },
  },
  left: {
    enter: (world: MemberTable) => {
      const peer = world.link('peer')
      world.members.left(peer, world.now)
      world.members.linkLost(peer, world.now)
      return peer
    },
    state: 'left',
    // A hello of one that was taken for replaced shows that it was not.
    leads: { established: 'alive' },
  },
} as const satisfies Record<
  string,
  {
    enter: (world: MemberTable) => Peer
    state: MemberState
    leads: Partial<Record<keyof typeof inputs, MemberState>>
  }
>

const transitions = Object.entries(states).flatMap(([from, { enter, state, leads }]) =>
  Object.entries(inputs).map(([input, apply]) => {
    const next = (leads as Partial<Record<string, MemberState>>)[input] ?? state
    return { from, state, input, enter, apply: apply as Input, next }
  }),
)

test('all that a member wrote who is gone is here once nobody may have more of it', () => {
  const net = new Net()
  const [a, b, c] = net.cluster('a', 'b', 'c')
  for (const other of [a, c]) net.cut(b, other)
  net.run(5_000)
  a.write('s', { x: '1' })
  net.settle()
  a.act(a.replica.leave(a.now))
  net.kill(a)
  net.run(1_000)
  // b may not know of it, and c may have what b lacks, as it has.
  expect([b.replica.hasAllOf(a.id), c.replica.hasAllOf(a.id)]).toEqual([false, false])
  net.heal(b, c)
  net.connect(b, c)
  net.hold(c, b)
  net.run(100)
  expect([b.read('s'), b.replica.hasAllOf(a.id)]).toEqual([undefined, false])
  net.release(c, b)
  net.run(1_000)
  expect([b.read('s'), b.replica.hasAllOf(a.id), c.replica.hasAllOf(a.id)]).toEqual([{ x: '1' }, true, true])
})

test('of one that is gone more may come to who has not found that yet, or joins', () => {
  const world = new MemberTable()
  const [gone, peer] = [world.link('gone'), world.link('peer', { link: 2 })]
  world.members.linkLost(gone, world.now)
  world.members.left(gone, world.now)
  world.after(1).members.toldDigest(peer, [], world.now.monoMs)
  const isAll = (state: MemberState) => {
    world.tell(peer, { id: 'gone', state })
    return world.members.hasNobodyMoreOf('gone', undefined)
  }
  expect((['alive', 'suspect', 'dead', 'left'] as const).map(isAll)).toEqual([false, false, true, true])
  peer.isJoining = true
  expect(isAll('left')).toBe(false)
})

describe('the states', () => {
  test.each(transitions)('$from, $input: $next', ({ enter, state, apply, next }) => {
    const world = new MemberTable()
    const peer = enter(world)
    expect(peer.state).toBe(state)
    apply(world, peer)
    expect(peer.state).toBe(next)
    expect(world.members.isGone(peer.id)).toBe(next === 'dead' || next === 'left')
  })

  test('a change is told once, when it happens', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    world.members.heard(peer, world.now)
    world.members.linkLost(peer, world.now)
    world.tick()
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    world.link('peer', { link: 2 })
    world.members.left(peer, world.now)
    world.members.left(peer, world.now)
    expect(world.changes).toEqual([
      'peer: suspect -> alive',
      'peer: alive -> suspect',
      'peer: suspect -> dead',
      'peer: dead -> alive',
      'peer: alive -> left',
    ])
  })

  test('refusals count in a row: a link in between starts anew', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    world.members.linkLost(peer, world.now)
    world.members.refused(peer.address, world.now)
    world.link('peer', { link: 2 })
    world.members.linkLost(peer, world.now)
    world.members.refused(peer.address, world.now)
    expect(peer.state).toBe('suspect')
  })

  test('a silent link is named, once it has to go', () => {
    const world = new MemberTable()
    world.link('peer')
    expect(world.after(config.deadAfterMs).tick()).toEqual([])
    expect(world.after(1).tick()).toEqual([1])
  })
})

describe('the next verdict', () => {
  const next = (world: MemberTable) => world.members.nextVerdictMs()

  test('comes when the first one is silent for too long, later with all that is heard', () => {
    const world = new MemberTable()
    expect(next(world)).toBe(Number.POSITIVE_INFINITY)
    const peer = world.link('peer')
    expect(next(world)).toBe(SUSPECT)
    world.after(500).link('other', { link: 2 })
    expect(next(world)).toBe(SUSPECT)
    world.members.heard(peer, world.now)
    expect(next(world)).toBe(500 + SUSPECT)
    world.after(SUSPECT).tick()
    expect(next(world)).toBe(500 + DEAD)
  })

  test('waits for what may lie on the links when the tick that is due for it comes late', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    const late = () => {
      world.after(SUSPECT + 30).members.tick(world.now)
      return [peer.state, next(world) - world.nowMs]
    }
    expect(late()).toEqual(['alive', 1])
    world.members.heard(peer, world.now)
    world.after(1).members.tick(world.now)
    expect([peer.state, next(world) - world.nowMs]).toEqual(['alive', SUSPECT - 1])
    expect(late()).toEqual(['alive', 1])
    world.after(1).members.tick(world.now)
    expect(peer.state).toBe('suspect')
  })

  test('is that of a suspect that has no link, from when it was heard last, here or by who vouches for it', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    world.members.linkLost(peer, world.now)
    expect(next(world)).toBe(DEAD)
    const teller = world.after(2 * SUSPECT).link('teller', { link: 9 })
    world.tell(teller, { id: 'peer', state: 'alive' })
    world.members.left(teller, world.now)
    world.members.linkLost(teller, world.now)
    expect(next(world)).toBe(2 * SUSPECT + DEAD)
  })

  test('is that on the link of a member that said goodbye, and does not close it', () => {
    const world = new MemberTable()
    world.members.left(world.link('peer'), world.now)
    expect(next(world)).toBe(DEAD)
  })

  // Else the member would tick without end.
  test('is none of a silence that was found by the last tick, be it without a verdict', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    const teller = world.link('teller', { link: 9 })
    world.after(DEAD)
    world.members.heard(teller, world.now)
    world.tell(teller, { id: 'peer', state: 'alive' })
    expect(world.tick()).toEqual([peer.link])
    world.members.linkLost(peer, world.now)
    expect(peer.state).toBe('suspect')
    expect(next(world)).toBe(DEAD + SUSPECT)
  })
})

describe('a stall of our own', () => {
  test('is credited to every peer', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    world.after(5_000)
    world.members.creditStall(4_750, world.now)
    expect(world.tick()).toEqual([])
    expect(peer.state).toBe('alive')
    world.after(DEAD - 250).tick()
    expect(peer.state).toBe('dead')
  })

  // What it sent meanwhile is still to be read.
  test('gives a peer that was silent right before it the time of two heartbeats', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    world.after(config.deadAfterMs).tick()
    world.after(5_000).members.creditStall(5_000, world.now)
    expect(world.after(2 * config.heartbeatMs).tick()).toEqual([])
    expect(peer.state).toBe('suspect')
    expect(world.after(1).tick()).toEqual([peer.link])
    expect(peer.state).toBe('dead')
  })
})

describe('a write', () => {
  const write = stamp(5, 'writer')

  test('is nowhere once its writer is gone and every living peer has told since that it lacks it', () => {
    const world = new MemberTable()
    const [writer, peer] = [world.link('writer'), world.link('peer', { link: 2 })]
    const isNowhere = () => world.members.isNowhere(write)
    world.after(1)
    for (const each of [writer, peer]) world.members.toldDigest(each, [], world.now.monoMs)
    const whileAlive = isNowhere()
    world.after(1).members.linkLost(writer, world.now)
    const whileSuspect = isNowhere()
    world.members.left(writer, world.now)
    const untold = isNowhere()
    // It comes late, and was said before.
    world.members.toldDigest(peer, [], world.now.monoMs - 1)
    expect(isNowhere()).toBe(false)
    world.after(1).members.toldDigest(peer, [], world.now.monoMs)
    expect([whileAlive, whileSuspect, untold, isNowhere()]).toEqual([false, false, false, true])
    world.members.toldDigest(peer, [write], world.now.monoMs)
    expect(isNowhere()).toBe(false)
    world.members.left(peer, world.now)
    expect(isNowhere()).toBe(true)
  })

  test('of a writer that was never known here is nowhere as soon as every living peer has told', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    expect(world.members.isNowhere(write)).toBe(false)
    world.members.toldDigest(peer, [], world.now.monoMs)
    expect(world.members.isNowhere(write)).toBe(true)
  })
})

test('one whose heartbeats come more slowly is given as many of them, here and as a witness', () => {
  const world = new MemberTable()
  const [slow, other] = [world.link('slow', { link: 7 }), world.link('other', { link: 8 })]
  slow.heartbeatMs = 4 * config.heartbeatMs
  world.tell(slow, { id: other.id, state: 'alive' })
  world.after(DEAD - 4 * config.heartbeatMs)
  world.members.heard(slow, world.now)
  world.after(4 * config.heartbeatMs).tick()
  // It should say so again within a beat of its own.
  expect([slow.state, other.state]).toEqual(['alive', 'suspect'])
  world.after(4 * SUSPECT - 4 * config.heartbeatMs).tick()
  expect([slow.state, other.state]).toEqual(['suspect', 'dead'])
  world.after(4 * DEAD - 4 * SUSPECT).tick()
  expect(slow.state).toBe('dead')
})

test('one whose heartbeats come more quickly is vouched for as long as it is heard by its own', () => {
  const world = new MemberTable()
  const quick = world.link('quick')
  quick.heartbeatMs = config.heartbeatMs / 4
  world.members.heard(quick, world.now, world.now.monoMs)
  const told = () => world.members.roster('heartbeat', world.now).map(({ state }) => state)
  world.after(config.deadAfterMs / 4)
  expect(told()).toEqual(['alive'])
  world.after(1)
  expect(told()).toEqual(['suspect'])
})
