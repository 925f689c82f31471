/** The demo's mesh in a real browser: seen while users shop and servers die, and then in the hands of who looks. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { test } from 'vitest'
import { keepPicture, openTab, startBrowser, whyNoBrowser } from '../support/chromium.js'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { freePorts } from '../support/ports.js'
import { until } from '../support/wait.js'

const MAIN = fileURLToPath(new URL('../../examples/demo/dist/main.js', import.meta.url))
const SCENARIO_MS = 150_000

leaveNothingBehind()

// The demo stays up for a person at a terminal alone.
const whyNot =
  whyNoBrowser ?? (existsSync('/usr/bin/script') ? undefined : 'no `script`, which lends it a terminal')
if (whyNot !== undefined && process.env.SESSIONMESH_TEST_BROWSER === 'required')
  throw new Error(`SESSIONMESH_TEST_BROWSER says that a browser must be here: ${whyNot}`)

test.skipIf(whyNot !== undefined)(
  whyNot === undefined
    ? 'its page shows what the scenario does, and then its buttons kill, freeze and start servers'
    : `the mesh of the demo is skipped: ${whyNot}`,
  { timeout: 2 * SCENARIO_MS },
  async () => {
    const { address, output } = await startDemo()
    const browser = await startBrowser()
    onCleanUp(() => browser.close())
    const { page } = await openTab(browser, { viewport: { width: 1440, height: 900 } })
    await until('a server answers', async () => (await page.request.get(`${address}/mesh/about`)).ok(), {
      deadlineMs: 60_000,
    })
    await page.goto(`${address}/mesh/`)
    await seen(page, 'alive', 3)

    await clickUntil(page, 'Kill server-2', 'it says why not yet', async () =>
      /scenario is running/.test(await page.locator('#action-error').innerText()),
    )
    await page.locator('#members .dead').waitFor({ timeout: SCENARIO_MS })
    await keepPicture(page, 'demo-under-load')
    await until('the scenario is over', () => output().includes('kill the servers yourself'), {
      deadlineMs: SCENARIO_MS,
      dump: output,
    })

    await seen(page, 'alive', 3)
    await press(page, 'Kill server-2', 'dead', 1)
    await press(page, 'Start server-2', 'alive', 3)
    await press(page, 'Freeze server-3', 'dead', 1)
    await press(page, 'Start server-3', 'alive', 3)
    await press(page, 'Leave server-1', 'left', 1)
    await press(page, 'Start server-1', 'alive', 3)
    // The one that the page comes from is no exception.
    const teller = await page.locator('#members .member:has(.tells:not([hidden])) .name').innerText()
    await press(page, `Kill ${teller}`, 'dead', 1)
    await until('the page goes on', async () => /live/.test(await page.locator('#connection').innerText()))
  },
)

async function startDemo(): Promise<{ address: string; output: () => string }> {
  const ports = await freePorts(7)
  const child = spawn('/usr/bin/script', ['-qec', `'${process.execPath}' '${MAIN}'`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      DEMO_PORT: String(ports[0]),
      DEMO_SERVER_PORTS: ports.slice(1, 4).join(),
      DEMO_MESH_PORTS: ports.slice(4).join(),
      DEMO_USERS: '20',
    },
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (output += text))
  const closed = once(child, 'close')
  onCleanUp(async () => {
    child.stdin.write('\x03')
    await closed
  })
  return { address: `http://127.0.0.1:${ports[0]}`, output: () => output }
}

/** Until so many are in that state. */
function press(page: Page, name: string, state: string, count: number): Promise<void> {
  const members = page.locator(`#members .member.${state}`)
  return clickUntil(page, name, `${count} are ${state}`, async () => (await members.count()) === count)
}

/** A click that reached a server which had just been frozen or killed is made again, as a person would. */
async function clickUntil(
  page: Page,
  name: string,
  what: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const button = page.getByRole('button', { name, exact: true })
  const error = page.locator('#action-error:not([hidden])')
  await button.click()
  await until(
    `${name} is clicked and ${what}`,
    async () => {
      if (await isSo()) return true
      // (It may go at this very moment, since it has worked after all.)
      if ((await error.count()) > 0) await button.click({ timeout: 1_000 }).catch(() => {})
      return false
    },
    {
      deadlineMs: 30_000,
      dump: async () => [await page.locator('#members').innerText(), await error.allInnerTexts()],
    },
  )
}

async function seen(page: Page, state: string, count: number): Promise<void> {
  await until(
    `${count} ${state}`,
    async () => (await page.locator(`#members .member.${state}`).count()) === count,
    {
      deadlineMs: 30_000,
      dump: async () => [
        await page.locator('#members').innerText(),
        await page.locator('#action-error').innerText(),
      ],
    },
  )
}
