/** The dashboard in a real browser, on real servers: what a person sees when one of them dies, and may do. */

import { readFile } from 'node:fs/promises'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keepPicture, openTab, startBrowser, whyNoBrowser } from '../support/chromium.js'
import { type ExampleServer, startServers, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { until } from '../support/wait.js'

/** The goal for a death to be seen. */
const SEEN_MS = 1_000
const DESKTOP = { viewport: { width: 1440, height: 900 } }
const PHONE = { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true }

leaveNothingBehind()

// CI installs one. What it skipped all the same would look as if it had passed.
if (whyNoBrowser !== undefined && process.env.SESSIONMESH_TEST_BROWSER === 'required')
  throw new Error(`SESSIONMESH_TEST_BROWSER says that a browser must be here: ${whyNoBrowser}`)

describe.skipIf(whyNoBrowser !== undefined)(
  whyNoBrowser === undefined ? 'the dashboard' : `the dashboard is skipped: ${whyNoBrowser}`,
  () => {
    let browser: Browser

    beforeAll(async () => {
      browser = await startBrowser()
    })

    afterAll(() => browser?.close())

    /** The page of a server, once it shows so many members as alive. */
    async function opened(server: ExampleServer, alive: number, options: BrowserContextOptions = DESKTOP) {
      const tab = await openTab(browser, options)
      await tab.page.goto(`${server.origin}/mesh`)
      await expectCount(tab.page.locator('#members .member.alive'), alive)
      return tab
    }

    test('a server is killed, and its page shows it within a second; one that comes back takes its place', async () => {
      const [a, b, c] = await threeServers('dashboard')
      for (const [i, server] of [a, b, c, a, b, c].entries()) await login(server, `user-${i}`)
      const { page, complaints } = await opened(a, 3)
      await expectText(page.locator('#summary'), /3 members/)
      await expectCount(page.locator('#drawing .link'), 3)
      await until('their state is the same', async () =>
        (await verdicts(page)).every((each) => each === 'identical'),
      )
      await until(
        'owners share the ring',
        async () => /6\s*sessions/.test(await page.locator('#drawing').innerText()),
        {
          dump: () => page.locator('#drawing').innerText(),
        },
      )
      await keepPicture(page, 'three-members')

      // (A machine under load may take its time once.)
      let seenMs = Number.POSITIVE_INFINITY
      for (let attempt = 0; attempt < 3 && seenMs >= SEEN_MS; attempt++) {
        if (attempt > 0) {
          await b.start()
          await expectCount(page.locator('#members .member.alive'), 3)
        }
        const killedAt = performance.now()
        await b.kill('SIGKILL')
        await page.locator('#members .member.dead').waitFor()
        seenMs = performance.now() - killedAt
      }
      expect(seenMs).toBeLessThan(SEEN_MS)
      await expectText(page.locator('#summary'), /dead/)
      await expectText(page.locator('#notices'), /dead/)
      await expectText(page.locator('#timeline'), /dead/)
      await expectCount(page.locator('#drawing .link:not(.lost):not(.missing)'), 1)
      await keepPicture(page, 'one-killed')

      await b.start()
      await expectCount(page.locator('#members .member'), 3)
      await expectCount(page.locator('#members .member.alive'), 3)
      await until('their state is the same again', async () =>
        (await verdicts(page)).every((each) => each === 'identical'),
      )
      await expectCount(page.locator('#drawing .link:not(.lost):not(.missing)'), 3)
      expect(complaints).toEqual([])
    })

    test('the server that tells the page is killed: the page says so, and goes on when it is back', async () => {
      const [a] = await threeServers('dashboard')
      const { page } = await opened(a, 3)
      await expectText(page.locator('#connection'), /live/i)
      await a.kill('SIGKILL')
      await expectText(page.locator('#connection'), /reached|reconnecting/i)
      await a.start()
      await expectText(page.locator('#connection'), /live/i)
      await expectCount(page.locator('#members .member.alive'), 3)
    })

    test('a session is found by its user, looked into, and destroyed on every server', async () => {
      const [a, b] = await threeServers('dashboard')
      const cookie = await login(b, 'ada@example.org')
      const { page, complaints } = await opened(a, 3)
      await page.getByLabel('Find by').selectOption('user')
      await page.getByLabel('Value to find').fill('ada@example.org')
      await page.getByRole('button', { name: 'Find', exact: true }).click()
      const session = page.locator('article#session')
      await session.waitFor()
      await expectText(session, /user/)
      // On each member, the same, and masked.
      const text = await session.innerText()
      expect(text).toMatch(/••••/)
      expect(text).not.toContain('ada@example.org')
      expect(await page.content()).not.toContain(sidOf(cookie))
      await keepPicture(page, 'a-session')

      await page.getByRole('button', { name: 'Destroy…' }).click()
      await page.getByRole('dialog').waitFor()
      await page.keyboard.press('Escape')
      expect(await whoIs(b, cookie)).toBe('ada@example.org')
      await page.getByRole('button', { name: 'Destroy…' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Destroy' }).click()
      await expectText(session, /destroyed/i)
      await until('she is logged out', async () => (await whoIs(b, cookie)) === null)
      expect(complaints).toEqual([])
    })

    test('a session is found by its id, which stands in no address', async () => {
      const [a] = await startServers('dashboard', 1)
      const cookie = await login(a!, 'ada')
      const { page, complaints } = await opened(a!, 1)
      const asked: string[] = []
      page.on('request', (request) => asked.push(request.url()))
      await page.getByLabel('Value to find').fill(sidOf(cookie))
      await page.keyboard.press('Enter')
      await page.locator('article#session').waitFor()
      await page.getByLabel('Value to find').fill('nobody has this')
      await page.keyboard.press('Enter')
      await expectText(page.locator('#find-message'), /no member/i)
      expect(asked.filter((url) => url.includes(encodeURIComponent(sidOf(cookie))))).toEqual([])
      // (The browser says of itself that an answer was 404.)
      expect(complaints.filter((each) => !each.includes('404'))).toEqual([])
    })

    test('who is not let in sees nothing, and who logs in as an admin does', async () => {
      const [server] = await startServers('dashboard', 1, { DASHBOARD: 'admins' })
      const { page } = await openTab(browser, DESKTOP)
      const refused = await page.goto(`${server!.origin}/mesh/`)
      expect(refused?.status()).toBe(403)
      await expectText(page.locator('body'), /may not see/)
      for (const path of ['mesh.json', 'live', 'about', 'page/main.js'])
        expect((await page.request.get(`${server!.origin}/mesh/${path}`)).status()).toBe(403)
      await page.request.post(`${server!.origin}/login`, { data: { user: 'admin' } })
      await page.goto(`${server!.origin}/mesh/`)
      await expectCount(page.locator('#members .member.alive'), 1)
    })

    test('events are filtered, and exported as they are filtered', async () => {
      const [a, b] = await threeServers('dashboard')
      const cookie = await login(b, 'ada')
      const { page } = await opened(a, 3)
      const kinds = page.getByRole('group', { name: 'Kinds of events' })
      // Changes of sessions are many, and shown when they are asked for.
      await kinds.getByRole('button', { name: /sessions/i }).click()
      await expectText(page.locator('#timeline'), /created/)
      for (const name of [/members/i, /takeovers/i, /transfers/i, /warnings/i]) {
        const button = kinds.getByRole('button', { name })
        if ((await button.getAttribute('aria-pressed')) === 'true') await button.click()
      }
      await until('nothing else is shown', async () =>
        (await page.locator('#timeline li').allInnerTexts()).every((line) => /created|changed/.test(line)),
      )
      const downloading = page.waitForEvent('download')
      await page.getByRole('button', { name: 'Export' }).click()
      const exported: { event: string }[] = JSON.parse(
        await readFile(await (await downloading).path(), 'utf8'),
      )
      expect(exported.map(({ event }) => event)).toEqual(expect.arrayContaining(['session:created']))
      expect(exported.filter(({ event }) => !event.startsWith('session:'))).toEqual([])
      expect(JSON.stringify(exported)).not.toContain(sidOf(cookie))
    })

    test.each<[string, BrowserContextOptions]>([
      ['light', { ...DESKTOP, colorScheme: 'light' }],
      ['dark', { ...DESKTOP, colorScheme: 'dark' }],
      ['phone', { ...PHONE, colorScheme: 'light' }],
      ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
    ])('%s: it fits, is readable, and needs nothing from elsewhere', async (name, options) => {
      const [a, b] = await threeServers('dashboard')
      await login(b, 'ada')
      const { page, complaints } = await opened(a, 3, options)
      const hosts: string[] = []
      page.on('request', (request) => hosts.push(new URL(request.url()).origin))
      await page.reload()
      await expectCount(page.locator('#members .member.alive'), 3)
      await page.locator('#plots canvas').first().waitFor()
      const { wide, inner } = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        inner: window.innerWidth,
      }))
      expect(wide).toBeLessThanOrEqual(inner)
      await keepPicture(page, name)
      expect(new Set(hosts)).toEqual(new Set([a.origin]))
      expect(complaints).toEqual([])
    })

    test('by keyboard alone: from the top to a session and out of its dialog', async () => {
      const [server] = await startServers('dashboard', 1)
      await login(server!, 'ada')
      const { page } = await opened(server!, 1)
      const focused = () =>
        page.evaluate(() => document.activeElement?.id || document.activeElement?.className || '')
      await page.keyboard.press('Tab')
      expect(await focused()).toBe('skip')
      let presses = 0
      while ((await focused()) !== 'find-by' && presses++ < 80) await page.keyboard.press('Tab')
      expect(await focused()).toBe('find-by')
      await page.keyboard.type('user')
      await page.keyboard.press('Tab')
      await page.keyboard.type('ada')
      await page.keyboard.press('Enter')
      await page.locator('article#session').waitFor()
      while ((await focused()) !== 'session-destroy' && presses++ < 160) await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').waitFor()
      await page.keyboard.press('Escape')
      await expectCount(page.locator('dialog[open]'), 0)
      expect(await focused()).toBe('session-destroy')
    })
  },
)

/** The cookie of somebody who has logged in there. */
async function login(server: ExampleServer, user: string): Promise<string> {
  const response = await fetch(`${server.origin}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user }),
  })
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0]!)
    .join('; ')
}

async function whoIs(server: ExampleServer, cookie: string): Promise<string | null> {
  return (await (await fetch(`${server.origin}/me`, { headers: { cookie } })).json()).user
}

function sidOf(cookie: string): string {
  return decodeURIComponent(/connect\.sid=s%3A([^.]+)/.exec(cookie)![1]!)
}

async function verdicts(page: Page): Promise<string[]> {
  return page.locator('#standings .verdict').allInnerTexts()
}

async function expectCount(locator: Locator, count: number): Promise<void> {
  await until(`there are ${count} of ${locator}`, async () => (await locator.count()) === count, {
    dump: () => locator.page().locator('body').innerText(),
  })
}

async function expectText(locator: Locator, text: RegExp): Promise<void> {
  await until(`${locator} says ${text}`, async () => text.test(await locator.innerText()), {
    dump: () => locator.innerText(),
  })
}
