import { expect, test } from 'vitest'
import { event } from './test/pictures.js'
import { filtered } from './timeline.js'
import { KINDS, type Kind } from './words.js'

const death = event('shop-1', 'member:dead', 'shop-2')
const takeover = event('shop-3', 'takeover', 'shop-2', { sessions: 4 })
const change = event('shop-3', 'session:changed', undefined, { ref: 'aBc123', changed: ['cart'] })
const warning = event('shop-1', 'warning', undefined, {
  code: 'SESSIONMESH_ALONE',
  message: 'alone',
  address: '10.0.0.9:7373',
})
const all = [death, takeover, change, warning]

test.each<[string, { kinds?: Kind[]; member?: string; text?: string }, unknown[]]>([
  ['everything', {}, all],
  ['of some kinds', { kinds: ['takeovers', 'sessions'] }, [takeover, change]],
  ['of no kind', { kinds: [] }, []],
  ['by a member, or about it', { member: 'shop-2' }, [death, takeover]],
  ['of a session, in any case', { text: ' abc123 ' }, [change]],
  ['by what is read on the page', { text: 'answers for 4' }, [takeover]],
  ['by the code of a warning', { text: 'sessionmesh_alone' }, [warning]],
  ['by an address', { text: '10.0.0.9' }, [warning]],
  ['by all of it', { kinds: ['members'], member: 'shop-1', text: 'dead' }, [death]],
])('%s', (_, { kinds = [...KINDS], member = '', text = '' }, expected) => {
  expect(filtered(all, { kinds: new Set(kinds), member, text })).toEqual(expected)
})
