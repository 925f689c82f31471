/** The peer range says React Router 8 as well: all that the tests beside say, there. */

import { createRequire } from 'node:module'
import * as reactRouter from 'react-router'
import { expect, test, vi } from 'vitest'
import './framework.test.js'
import './storage.test.js'

vi.mock('react-router', () => import('react-router8'))

test('that was React Router 8', async () => {
  expect(createRequire(import.meta.url)('react-router8/package.json').version).toMatch(/^8\./)
  expect(reactRouter.createCookie).toBe((await import('react-router8')).createCookie)
})
