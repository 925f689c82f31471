/** The peer range says Koa 2 as well: the main job once more, there. */

import { createRequire } from 'node:module'
import type Koa from 'koa'
import { expect, test } from 'vitest'
import { Client, type Handler, join, serve } from './testing/harness.js'

const require = createRequire(import.meta.url)
const Koa2: typeof Koa = require('koa2')

test('on Koa 2: login on one member, redirect, read on the other; errors go to the app', async () => {
  expect(require('koa2/package.json').version).toMatch(/^2\./)
  const handlers: Record<string, Handler> = {
    async login(ctx) {
      await ctx.session!.regenerate()
      ctx.session!.user = 'ada'
      ctx.redirect('/me')
    },
    me(ctx) {
      ctx.body = ctx.session!.user
    },
    bad(ctx) {
      ctx.session!.value = [() => 1]
      ctx.body = 'answered'
    },
  }
  const members = await join(2)
  const [a, b] = await Promise.all(members.map((member) => serve(member, handlers, {}, Koa2)))
  const client = new Client()
  expect(await client.get(a!, 'login')).toMatchObject({ status: 302 })
  expect(await client.get(b!, 'me')).toMatchObject({ text: 'ada' })
  expect(await client.get(b!, 'bad')).toMatchObject({ status: 500 })
  expect([a!.errors, b!.errors]).toEqual([[], ['SESSIONMESH_UNSERIALISABLE_ATTRIBUTE']])
})
