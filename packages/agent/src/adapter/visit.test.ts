/** What an answer has when it leaves later than its session has ended, or its member's run. */

import { expect, test } from 'vitest'
import type { Cluster } from '../types.js'
import { Visits } from './visit.js'

const has = (sid: string) => sid === 'alive'
const cluster = { self: { name: 'here' }, sessions: { has, load: () => undefined } } as unknown as Cluster
const visit = new Visits({ cluster }, 'session()', { cookie: 'sid', own: [] }).begin(undefined)

const given = [
  'theme=dark; Path=/',
  'sid=1; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT; HttpOnly',
  'sid.sig=2; Max-Age=60',
  'sidecar=3',
]
const dropped = ['sid=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT', 'sid.sig=; Max-Age=0']

test('the cookie of a session that is gone does not leave, its dropping and all others do', () => {
  const lines = [...given, ...dropped]
  expect(visit.withoutDead('alive', lines, 'sid', 'sid.sig')).toEqual(lines)
  expect(visit.withoutDead('gone', lines, 'sid', 'sid.sig')).toEqual([
    'theme=dark; Path=/',
    'sidecar=3',
    ...dropped,
  ])
})

test('an answer of a run that is over does not leave as if all were well', async () => {
  const self = { name: 'here', id: 'first run' }
  const sessions = { has, load: () => undefined, flushed: () => undefined }
  const restarting = { self, sessions } as unknown as Cluster
  const before = new Visits({ cluster: restarting }, 'session()', { cookie: 'sid', own: [] }).begin(undefined)
  expect(before.flushed()).toBeUndefined()
  self.id = 'second run'
  await expect(before.flushed()).rejects.toMatchObject({ code: 'SESSIONMESH_FORGOTTEN_MEMBER' })
})
