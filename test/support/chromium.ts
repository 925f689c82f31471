/** A real browser, of the system's own: Debian's package `chromium`, or what CHROMIUM names. */

import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { onCleanUp } from './cleanup.js'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = process.env.CHROMIUM ?? PATHS.find(existsSync)

/** What is missing here; `undefined` when nothing is. */
export const whyNoBrowser =
  executablePath === undefined ? `no Chromium at ${PATHS.join(', ')}, and CHROMIUM names none` : undefined

const ARTEFACTS = fileURLToPath(new URL('../artefacts/dashboard/', import.meta.url))

export async function startBrowser(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0
  // (As root it refuses its sandbox, which is for pages of strangers.)
  const browser = await chromium.launch({
    executablePath: executablePath!,
    args: isRoot ? ['--no-sandbox'] : [],
  })
  return browser
}

/** A tab without cookies, and all that the page complains of. It is closed at the end of the test. */
export async function openTab(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext(options)
  onCleanUp(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, complaints }
}

/** Kept with the results of the tests, in test/artefacts. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  await mkdir(ARTEFACTS, { recursive: true })
  await page.screenshot({ path: `${ARTEFACTS}${name}.png`, fullPage: true })
}
