/** The peer range says Express 4 as well: the main job once more, there. */
import { createRequire } from 'node:module'
import type express from 'express'
import { expect, test } from 'vitest'
import { session } from './session.js'
import { Client, collectErrors, DEFAULTS, join, serve } from './testing/harness.js'

const express4: typeof express = createRequire(import.meta.url)('express4')

test('on Express 4: login on one member, redirect, read on the other; errors go to the error middleware', async () => {
  const members = await join(2)
  const errors: unknown[][] = []
  const origins: string[] = []
  for (const cluster of members) {
    const app = express4()
    app.use(session({ ...DEFAULTS, cluster }))
    app.get('/login', (req, res, next) => {
      req.session.regenerate((error) => {
        if (error) return next(error)
        req.session.user = 'ada'
        res.redirect('/')
      })
    })
    app.get('/', (req, res) => {
      res.send(req.session.user)
    })
    app.get('/bad', (req, res) => {
      req.session.value = () => 1
      res.send('answered')
    })
    errors.push(collectErrors(app))
    origins.push(await serve(app))
  }
  const client = new Client()
  expect(await client.get(`${origins[0]}/login`)).toMatchObject({ status: 302 })
  expect(await client.get(`${origins[1]}/`)).toMatchObject({ text: 'ada' })
  await client.get(`${origins[1]}/bad`)
  expect(errors).toEqual([[], [expect.objectContaining({ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' })]])
})
