import { expect, test } from 'vitest'
import { newNotes } from './notes.js'

test('a note is of that object alone, and of these notes alone', () => {
  const [notes, others] = [newNotes<string>(), newNotes<string>()]
  const object = { user: 'ada' }
  expect(notes.get(object)).toBeUndefined()
  notes.set(object, 'first')
  notes.set(object, 'second')
  expect([notes.get(object), others.get(object)]).toEqual(['second', undefined])
  expect([{ ...object }, structuredClone(object)].map((copy) => notes.get(copy))).toEqual([
    undefined,
    undefined,
  ])
})

test('nobody sees it, and what is frozen takes it', () => {
  const notes = newNotes<string>()
  const object = Object.freeze({ user: 'ada' })
  notes.set(object, 'noted')
  expect(notes.get(object)).toBe('noted')
  expect([Reflect.ownKeys(object), JSON.stringify(object)]).toEqual([['user'], '{"user":"ada"}'])
})
