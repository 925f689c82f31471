import { expect, test } from 'vitest'
import { paintFor } from './paint.js'

const isColoured = (isTerminal: boolean, env: NodeJS.ProcessEnv) =>
  paintFor(isTerminal, env)('bad', 'dead').includes('\x1b[')

test.each([
  [true, { TERM: 'xterm-256color' }, true],
  [true, { TERM: 'xterm-256color', NO_COLOR: '1' }, false],
  [true, { TERM: 'dumb' }, false],
  [true, { TERM: 'xterm-256color', FORCE_COLOR: '0' }, false],
  [false, { TERM: 'xterm-256color' }, false],
  [false, { FORCE_COLOR: '1' }, true],
  [false, { FORCE_COLOR: '0' }, false],
])('in a terminal: %s, with %j: %s', (isTerminal, env, expected) => {
  expect(isColoured(isTerminal, env)).toBe(expected)
})
