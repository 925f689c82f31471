/**
 * The demo: three Express servers behind a round-robin proxy, users who fill their carts, and servers that are
 * killed, frozen and sent away meanwhile. Nobody may notice.
 *
 *   node dist/main.js           the scenario, then the servers stay up for you to kill
 *   node dist/main.js --once    the scenario only; exit code 0 if nothing was lost
 *
 * DEMO_HOST, DEMO_PORT, DEMO_SERVER_PORTS, DEMO_MESH_PORTS and DEMO_USERS change the defaults (settings.ts).
 */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { constants } from 'node:os'
import { Crowd } from './crowd.js'
import { ActionError, Fleet } from './fleet.js'
import { type Progress, takePicture } from './picture.js'
import { Balancer } from './proxy.js'
import { runScenario } from './scenario.js'
import { Screen } from './screen.js'
import { checkPorts, readSettings, type Settings, SettingsError } from './settings.js'
import type { Offence } from './shopper.js'
import { type Action, createSite } from './site.js'
import { clock, statusLine, summaryLine, table } from './table.js'

const DRAW_EVERY_MS = 250
const LOG_EVERY_MS = 5_000
const NEWS_KEPT = 30
const OFFENCES_SHOWN = 5
const IS_RUNNING = 'the scenario is running; the buttons work when it is over'
/** What an answer needs to reach the page through a server that is about to be killed. */
const BEFORE_ACT_MS = 100

async function demo(settings: Settings): Promise<void> {
  const address = addressOf(settings)
  const fleet = new Fleet(settings.servers, { secret: random(), cookieSecret: random() })
  const balancer = new Balancer(settings.servers.map(({ port }) => `http://127.0.0.1:${port}`))
  const crowd = new Crowd(address, settings.users)
  const progress: Progress = { isOver: false, step: 'starting', startedAt: performance.now(), news: [] }
  const picture = () => takePicture(fleet, crowd, balancer, progress)
  const site = createSite(balancer, { state: picture, act })
  const screen = new Screen(!settings.once)
  let exitCode = 1

  endWithEverything()
  fleet.on('news', say)
  fleet.on('switch', onSwitch)
  site.listen(settings.port, settings.host)
  await once(site, 'listening')
  const show = screen.isLive
    ? setInterval(() => screen.draw(table(picture(), address, screen.width)), DRAW_EVERY_MS)
    : setInterval(() => screen.say(statusLine(picture())), LOG_EVERY_MS)

  step(`three servers start behind ${address}; ${address}/mesh/ shows the mesh`)
  await Promise.all(fleet.servers.map((server) => fleet.start(server.number)))
  let isComplete = false
  try {
    await runScenario(fleet, crowd, step)
    isComplete = true
    exitCode = crowd.isHappy ? 0 : 1
  } catch (error) {
    say(`the scenario broke off: ${error instanceof Error ? error.message : error}`)
    await crowd.leave().catch(() => {})
  }
  if (crowd.offences.size > 0) screen.say(offenceText([...crowd.offences.values()]))
  say(summaryLine(picture(), isComplete))
  if (settings.once) return end(exitCode)

  progress.isOver = true
  step(
    `open ${address} to shop and ${address}/mesh/ to see the mesh, and kill the servers yourself; Ctrl-C ends the demo`,
  )

  function say(text: string): void {
    progress.news = [`${clock(picture().seconds)} ${text}`, ...progress.news].slice(0, NEWS_KEPT)
    screen.say(text)
  }

  function step(what: string): void {
    progress.step = what
    say(`== ${what}`)
  }

  async function act(server: number, action: Action): Promise<void> {
    if (!progress.isOver) throw new ActionError(IS_RUNNING)
    await fleet[action](server)
  }

  /** A server is answered before it is killed: its page waits for that. */
  function onSwitch(action: Action, number: number, answer: (error?: string) => void): void {
    const isFrozen = fleet.server(number).state === 'frozen'
    const wanted = action === 'start' && isFrozen ? 'thaw' : action
    if (!progress.isOver) return answer(IS_RUNNING)
    answer()
    setTimeout(() => act(number, wanted).catch((error) => say(error.message)), BEFORE_ACT_MS)
  }

  async function end(code: number): Promise<void> {
    clearInterval(show)
    site.close()
    site.closeAllConnections()
    crowd.close()
    balancer.close()
    fleet.off('news', say)
    await fleet.stop()
    process.exit(code)
  }

  /** However this process ends, the servers end with it. */
  function endWithEverything(): void {
    let isEnding = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        // Asked twice: at once.
        if (isEnding) process.exit(1)
        isEnding = true
        void end(progress.isOver ? exitCode : 128 + constants.signals[signal])
      })
    }
    process.on('uncaughtException', (error) => {
      process.stderr.write(`${error.stack}\n`)
      process.exit(1)
    })
    process.on('exit', () => {
      screen.close()
      fleet.killAll()
    })
  }
}

/** Where this machine reaches the proxy. */
function addressOf({ host, port }: Settings): string {
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function random(): string {
  return randomBytes(24).toString('base64url')
}

function offenceText(offences: readonly Offence[]): string {
  const shown = offences
    .slice(0, OFFENCES_SHOWN)
    .flatMap(({ user, what, history }) => [
      `${user}: ${what.join('; ')}`,
      ...history.map((line) => `    ${line}`),
    ])
  const more = offences.length - OFFENCES_SHOWN
  return ['users who lost something:', ...shown, ...(more > 0 ? [`and ${more} more users`] : [])].join('\n')
}

try {
  const settings = readSettings(process.argv.slice(2), process.env, process.stdout.isTTY)
  await checkPorts(settings)
  await demo(settings)
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof ActionError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}
