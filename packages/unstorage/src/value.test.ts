/** What is stored comes back, as it does from unstorage's own memory driver, or better. */

import { createStorage, type Storage } from 'unstorage'
import { expect, test } from 'vitest'
import { meshDriver } from './driver.js'
import { coded, join } from './testing/harness.js'

async function twoStorages(): Promise<[Storage, Storage]> {
  const [cluster] = await join(1)
  return [createStorage({ driver: meshDriver({ cluster: cluster! }) }), createStorage()]
}

test.each<[unknown]>([
  [{ user: 'ada', cart: [{ id: 1 }], nested: { deep: { deeper: null } } }],
  [{}],
  [{ $value: 1 }],
  [{ $value: { a: 1 }, other: 2 }],
  [{ '': 'a field without a name' }],
  [[]],
  [[1, { a: 2 }]],
  [null],
  [true],
  [0],
  [-1.5],
  [''],
  ['text'],
  ['123'],
  ['007'],
  ['true'],
  ['null'],
  ['undefined'],
  ['{"a":1}'],
  [' {"a":1}'],
  ['{"a":1'],
  ['{not JSON}'],
  ['[1,2]'],
  ['"quoted"'],
  ['{"a":{"__proto__":{"polluted":1},"b":2},"__proto__":{"polluted":1}}'],
  ['{"a":{"\\u005f_proto__":{"polluted":1},"b":2}}'],
  ['{"a":{"constructor":{"prototype":{"polluted":1}},"b":2}}'],
  [{ text: 'the constructor of __proto__' }],
  [new Date(0)],
])('setItem(%j), then getItem', async (value) => {
  const [mesh, memory] = await twoStorages()
  for (const storage of [mesh, memory]) await storage.setItem('key', value as never)
  expect(await mesh.getItem('key')).toStrictEqual(await memory.getItem('key'))
  expect(await mesh.hasItem('key')).toBe(true)
})

test('a value of another kind takes the place of the one before', async () => {
  const [mesh] = await twoStorages()
  for (const value of [{ a: 1, b: 2 }, 'text', { a: 3 }, [4], { $value: 5 }, { c: 6 }]) {
    await mesh.setItem('key', value)
    expect(await mesh.getItem('key')).toStrictEqual(value)
  }
})

test('setItemRaw keeps what has no JSON', async () => {
  const [mesh] = await twoStorages()
  const rich = {
    date: new Date(1_700_000_000_000),
    map: new Map([['a', new Set([1])]]),
    bytes: Buffer.from('bytes'),
    big: 2n ** 70n,
    nothing: undefined,
  }
  for (const value of [rich, rich.map, rich.bytes, rich.big, 'text', '123', [rich.date]]) {
    await mesh.setItemRaw('key', value)
    expect(await mesh.getItemRaw('key')).toStrictEqual(value)
  }
  expect(await mesh.getItemRaw('nobody')).toBe(null)
})

test('what was got may be changed, and is not changed in the cluster by that', async () => {
  const [mesh] = await twoStorages()
  await mesh.setItem('key', { cart: ['book'] })
  const got = await mesh.getItem<{ cart: string[] }>('key')
  got?.cart.push('pen')
  expect(await mesh.getItem('key')).toEqual({ cart: ['book'] })
})

test('what cannot be stored rejects, and what was there stays', async () => {
  const [mesh] = await twoStorages()
  await mesh.setItem('key', { user: 'ada' })
  await expect(mesh.setItemRaw('key', { user: () => {} })).rejects.toMatchObject(
    coded('SESSIONMESH_UNSERIALISABLE_ATTRIBUTE'),
  )
  await expect(mesh.setItem('key', { constructor: 'me' })).rejects.toMatchObject(
    coded('SESSIONMESH_FORBIDDEN_ATTRIBUTE'),
  )
  await expect(mesh.setItem('key', '{"a":{"constructor":"who built it"}}')).rejects.toMatchObject(
    coded('SESSIONMESH_UNSERIALISABLE_ATTRIBUTE'),
  )
  await expect(mesh.setItem('key', { big: 'x'.repeat(2 ** 21) })).rejects.toMatchObject(
    coded('SESSIONMESH_SESSION_TOO_LARGE'),
  )
  await expect(mesh.setItem('k'.repeat(300), {})).rejects.toMatchObject(coded('SESSIONMESH_BAD_SESSION_ID'))
  expect(await mesh.getItem('key')).toEqual({ user: 'ada' })
})
