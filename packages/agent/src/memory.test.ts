import { expect, test } from 'vitest'
import { type Room, roomIn } from './memory.js'

function roomsAt(...percents: number[]): Room[] {
  let room: Room = 'enough'
  return percents.map((percent) => {
    room = roomIn(room, percent, 100)
    return room
  })
}

test('a heap that fills is short of room at 80 percent, and has none at 90', () => {
  expect(roomsAt(10, 79, 80, 89, 90, 100)).toEqual(['enough', 'enough', 'short', 'short', 'none', 'none'])
})

test('it has room again when it has fallen well below, and not when garbage is collected for a moment', () => {
  expect(roomsAt(91, 88, 81, 79, 91, 75, 71, 69)).toEqual([
    'none',
    'none',
    'none',
    'short',
    'none',
    'short',
    'short',
    'enough',
  ])
})
