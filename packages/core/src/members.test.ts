import { describe, expect, test } from 'vitest'
import { at, stamp } from '../test/arbitraries.js'
import { resolveConfig } from './config.js'
import { type LinkId, type MemberChange, Members, type Peer } from './members.js'
import type { MemberState, RosterEntry } from './messages.js'

const config = resolveConfig()
const SUSPECT = config.suspectAfterMs + 1
const DEAD = config.deadAfterMs + 1

class World {
  nowMs = 0
  readonly changes: string[] = []
  readonly members = new Members('self', config, ({ peer, from, to }: MemberChange) => {
    this.changes.push(`${peer.id}: ${from} -> ${to}`)
  })

  get now() {
    return at(this.nowMs)
  }

  after(ms: number): this {
    this.nowMs += ms
    return this
  }

  /** An established member, heard now. */
  link(name: string, { link = 1, id = name, address = `${name}:1` } = {}): Peer {
    return this.members.established({ id, name, address }, link, this.now)
  }

  /** What `teller` says of others. */
  tell(teller: Peer, ...entries: (Partial<RosterEntry> & { id: string; state: MemberState })[]): void {
    const roster = entries.map(({ id, ...rest }) => ({ id, name: id, address: `${id}:1`, ...rest }))
    this.members.toldRoster(teller, roster, this.now)
  }

  tick(): LinkId[] {
    return this.members.tick(this.now)
  }
}

type Input = (world: World, peer: Peer) => void
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
    enter: (world: World) => world.link('peer'),
    state: 'alive',
    leads: {
      'link lost': 'suspect',
      leave: 'left',
      'silent for suspectAfterMs': 'suspect',
      'silent for deadAfterMs': 'dead',
    },
  },
  'suspect, its link lost': {
    enter: (world: World) => {
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
    enter: (world: World) => {
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
    enter: (world: World) => {
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
    enter: (world: World) => {
      const peer = world.link('peer')
      world.members.linkLost(peer, world.now)
      world.after(DEAD).tick()
      return peer
    },
    state: 'dead',
    leads: { established: 'alive', leave: 'left', 'others say left': 'left' },
  },
  left: {
    enter: (world: World) => {
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
    enter: (world: World) => Peer
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

describe('the states', () => {
  test.each(transitions)('$from, $input: $next', ({ enter, state, apply, next }) => {
    const world = new World()
    const peer = enter(world)
    expect(peer.state).toBe(state)
    apply(world, peer)
    expect(peer.state).toBe(next)
    expect(world.members.isGone(peer.id)).toBe(next === 'dead' || next === 'left')
  })

  test('a change is told once, when it happens', () => {
    const world = new World()
    const peer = world.link('peer')
    world.members.heard(peer, world.now)
    world.members.linkLost(peer, world.now)
    world.tick()
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    world.link('peer', { link: 2 })
    expect(world.changes).toEqual([
      'peer: suspect -> alive',
      'peer: alive -> suspect',
      'peer: suspect -> dead',
      'peer: dead -> alive',
    ])
  })

  test('refusals count in a row: a link in between starts anew', () => {
    const world = new World()
    const peer = world.link('peer')
    world.members.linkLost(peer, world.now)
    world.members.refused(peer.address, world.now)
    world.link('peer', { link: 2 })
    world.members.linkLost(peer, world.now)
    world.members.refused(peer.address, world.now)
    expect(peer.state).toBe('suspect')
  })

  test('a silent link is named, once it has to go', () => {
    const world = new World()
    world.link('peer')
    expect(world.after(config.deadAfterMs).tick()).toEqual([])
    expect(world.after(1).tick()).toEqual([1])
  })
})

describe('vouching', () => {
  /** A member whose link to us is cut, and another that vouches for it. */
  function asymmetric() {
    const world = new World()
    const peer = world.link('peer', { link: 1 })
    const teller = world.link('teller', { link: 2 })
    world.members.linkLost(peer, world.now)
    return { world, peer, teller }
  }

  test('keeps a member that we cannot reach suspect, as long as it goes on', () => {
    const { world, peer, teller } = asymmetric()
    for (let i = 0; i < 20; i++) {
      world.after(config.heartbeatMs)
      world.members.heard(teller, world.now)
      world.tell(teller, { id: 'peer', state: 'alive' })
      world.members.refused(peer.address, world.now)
      world.tick()
      expect(peer.state).toBe('suspect')
    }
    world.tell(teller, { id: 'peer', state: 'suspect' })
    expect(peer.state).toBe('dead')
  })

  test('ends with the silence of who vouched', () => {
    const { world, peer, teller } = asymmetric()
    world.tell(teller, { id: 'peer', state: 'alive' })
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    expect(peer.state).toBe('suspect')
    world.after(SUSPECT).tick()
    world.tick()
    expect([teller.state, peer.state]).toEqual(['suspect', 'dead'])
  })

  test('ends with the link of who vouched', () => {
    const { world, peer, teller } = asymmetric()
    world.tell(teller, { id: 'peer', state: 'alive' })
    world.members.linkLost(teller, world.now)
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    expect(peer.state).toBe('dead')
  })

  test('raises the dead to suspect, unless who vouches may not have noticed the death yet', () => {
    const { world, peer, teller } = asymmetric()
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    world.after(config.suspectAfterMs)
    world.tell(teller, { id: 'peer', state: 'alive' })
    expect(peer.state).toBe('dead')
    world.after(1)
    world.members.heard(teller, world.now)
    world.tell(teller, { id: 'peer', state: 'alive' })
    expect(peer.state).toBe('suspect')
    world.tick()
    expect(peer.state).toBe('suspect')
    world.after(DEAD).tick()
    world.tick()
    expect(peer.state).toBe('dead')
  })
})

describe('what others tell', () => {
  test('makes a member known that we never met: suspect, and living', () => {
    const world = new World()
    world.tell(world.link('teller'), { id: 'new', state: 'alive' })
    expect(world.members.get('new')).toMatchObject({ state: 'suspect', announced: false, address: 'new:1' })
    expect(world.members.living).toEqual(new Set(['self', 'teller', 'new']))
  })

  test('is nothing to us when it is about ourselves', () => {
    const world = new World()
    world.tell(world.link('teller'), { id: 'self', state: 'dead' })
    expect(world.members.get('self')).toBeUndefined()
    expect(world.members.isGone('self')).toBe(false)
  })

  test('makes no member known that has left', () => {
    const world = new World()
    world.tell(world.link('teller'), { id: 'gone', state: 'left' })
    expect(world.members.get('gone')).toBeUndefined()
  })

  test('makes the dead known with what they had merged: tombstones wait for them', () => {
    const world = new World()
    const entry = { id: 'gone', state: 'dead' as const, digest: [stamp(5)] }
    world.tell(world.link('teller'), entry)
    expect(world.members.get('gone')?.state).toBe('dead')
    for (const peer of world.members.all()) if (peer.id === 'teller') peer.digest.raise(stamp(9))
    expect([world.members.isSettled(stamp(5)), world.members.isSettled(stamp(6))]).toEqual([true, false])
  })

  test('adds the digest of one that was known as dead without it', () => {
    const world = new World()
    const teller = world.link('teller')
    teller.digest.raise(stamp(9))
    world.tell(teller, { id: 'gone', state: 'dead' })
    world.tell(teller, { id: 'gone', state: 'dead', digest: [stamp(5)] })
    expect(world.members.isSettled(stamp(5))).toBe(true)
  })

  test('counts for nothing against a link of our own', () => {
    const world = new World()
    const peer = world.link('peer')
    world.tell(world.link('teller', { link: 2 }), { id: 'peer', state: 'left' })
    expect(peer.state).toBe('alive')
  })
})

describe('a stall of our own', () => {
  test('is credited to every peer', () => {
    const world = new World()
    const peer = world.link('peer')
    world.after(5_000)
    world.members.creditStall(4_750)
    expect(world.tick()).toEqual([])
    expect(peer.state).toBe('alive')
    world.after(DEAD - 250).tick()
    expect(peer.state).toBe('dead')
  })
})

describe('a new run of a member', () => {
  test('takes the place of the former one at the same name and address', () => {
    const world = new World()
    const former = world.link('peer', { id: 'peer1' })
    world.members.linkLost(former, world.now)
    world.link('peer', { id: 'peer2', link: 2 })
    expect(former.state).toBe('left')
    expect([...world.members.living]).toEqual(['self', 'peer2'])
  })

  test('does so when the former link closes only afterwards', () => {
    const world = new World()
    const former = world.link('peer', { id: 'peer1' })
    world.link('peer', { id: 'peer2', link: 2 })
    expect(former.state).toBe('alive')
    world.members.linkLost(former, world.now)
    expect(former.state).toBe('left')
  })

  test('leaves another name, or another address, alone', () => {
    const world = new World()
    const named = world.link('peer', { id: 'peer1' })
    const addressed = world.link('other', { id: 'other1', address: 'peer:2' })
    world.members.linkLost(named, world.now)
    world.members.linkLost(addressed, world.now)
    world.link('peer', { id: 'peer2', address: 'peer:2', link: 3 })
    expect([named.state, addressed.state]).toEqual(['suspect', 'suspect'])
  })
})

describe('what is settled', () => {
  test('is what everybody has merged who is known and has not left, the dead included', () => {
    const world = new World()
    const [dead, living, left] = ['dead', 'living', 'left'].map((name, i) => world.link(name, { link: i }))
    world.members.toldDigest(living as Peer, [stamp(5)], world.now)
    world.members.left(left as Peer, world.now)
    world.members.linkLost(dead as Peer, world.now)
    world.members.refused('dead:1', world.now)
    world.members.refused('dead:1', world.now)
    expect([dead?.state, world.members.isSettled(stamp(5))]).toEqual(['dead', false])
    world.members.toldDigest(dead as Peer, [stamp(6)], world.now)
    expect([world.members.isSettled(stamp(5)), world.members.isSettled(stamp(6))]).toEqual([true, false])
  })

  test('the dead are forgotten after forgetDeadAfterMs, and only they', () => {
    const world = new World()
    const dead = world.link('dead')
    world.members.linkLost(dead, world.now)
    world.after(DEAD).tick()
    const living = world.link('living', { link: 2 })
    world.after(config.forgetDeadAfterMs - 1)
    world.members.heard(living, world.now)
    world.tick()
    expect(world.members.get('dead')).toBe(dead)
    world.after(2).tick()
    expect(world.members.get('dead')).toBeUndefined()
    expect(world.members.get('living')).toBe(living)
    expect(world.members.isSettled(stamp(1))).toBe(false)
  })

  test('a member that was forgotten is not learned of again from who has not forgotten it yet', () => {
    const world = new World()
    const dead = world.link('dead')
    world.members.linkLost(dead, world.now)
    world.after(DEAD).tick()
    world.after(config.forgetDeadAfterMs + 1).tick()
    expect(world.members.isForgotten('dead')).toBe(true)
    world.tell(world.link('teller', { link: 2 }), { id: 'dead', state: 'dead' })
    expect(world.members.get('dead')).toBeUndefined()
    world.link('dead', { link: 3 })
    expect(world.members.isForgotten('dead')).toBe(false)
  })
})
