/** `sessionmesh top`: the picture, again and again. */

import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  type Command,
  dashboardAt,
  FAILED,
  lookOf,
  parsed,
  secondsOf,
  type Terminal,
  TROUBLE,
  UsageError,
  WELL,
} from './command.js'
import { type Dashboard, DashboardError } from './dashboard.js'
import { History, identityOf, SECONDS } from './history.js'
import type { Picture } from './picture.js'
import { Screen } from './screen.js'
import { screenLines } from './top-view.js'
import { clock, duration } from './units.js'
import { statusLines } from './view.js'

const HELP = `sessionmesh top URL [--interval SECONDS] [--for SECONDS | --once]
                    [--header 'name: value']...

Shows what "sessionmesh status" shows, again each second, with the last minute
of sessions, writes and lag. When the dashboard cannot be reached it says so,
and goes on asking: another member may answer. q or Ctrl-C ends it.

Where the output is no terminal, each interval is a block of plain lines.

  --interval       between two pictures, 0.2 to 3600 seconds; default 1
  --for            end after so many seconds
  --once           one picture, as plain lines
  --header         with each request, where the dashboard asks who you are;
                   may be repeated

Exit code:
  0  it was ended by q, Ctrl-C or a signal; with --for or --once: all was well
     in the last picture
  1  with --for or --once: somebody should look, as "sessionmesh help status"
     says
  2  it was called wrongly, or the dashboard refused the first time; with --for
     or --once: it could not be reached in the end
`

const OPTIONS = {
  interval: { type: 'string', default: '1' },
  for: { type: 'string' },
  once: { type: 'boolean' },
  header: { type: 'string', multiple: true },
} as const

export const top: Command = {
  args: 'URL',
  summary: 'the same, again each second',
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
    )
    if (values.once && values.for !== undefined) throw new UsageError('Give --once or --for, and not both')
    const seconds = values.for === undefined ? undefined : secondsOf('for', values.for, 0, 31_536_000)
    const watching: Watching = {
      dashboard: dashboardAt(positionals, values.header),
      intervalMs: secondsOf('interval', values.interval, 0.2, 3_600) * 1_000,
      forMs: values.once ? 0 : seconds === undefined ? Number.POSITIVE_INFINITY : seconds * 1_000,
    }
    const isOnScreen = terminal.stdout.isTTY === true && !values.once
    return isOnScreen ? onScreen(watching, terminal) : inBlocks(watching, terminal)
  },
}

interface Watching {
  readonly dashboard: Dashboard
  readonly intervalMs: number
  readonly forMs: number
}

// ---- two ways to show it ----

async function onScreen(watching: Watching, terminal: Terminal): Promise<number> {
  const history = new History()
  const quit = new AbortController()
  let outage: string | undefined
  let newMs = performance.now()
  const draw = () => {
    const { paint } = lookOf(terminal)
    screen.draw(screenLines(history, outage, { width: screen.width, height: screen.height, paint }))
  }
  const screen = new Screen(terminal.stdin, terminal.stdout, {
    resize: draw,
    key: (key) => {
      if (key === 'q' || key === '\x03') quit.abort()
    },
  })
  const signals = endedBySignals(quit)
  try {
    screen.open()
    draw()
    return await watch(watching, history, quit.signal, (failure) => {
      if (failure === undefined) newMs = performance.now()
      const since = duration(performance.now() - newMs)
      outage = failure && `${failure}\nNothing is new for ${since}. Asking again …`
      draw()
    })
  } finally {
    screen.close()
    signals.ignore()
  }
}

async function inBlocks(watching: Watching, terminal: Terminal): Promise<number> {
  const history = new History()
  const quit = new AbortController()
  const signals = endedBySignals(quit)
  let isFirst = true
  let told = new Set<string>()
  try {
    return await watch(watching, history, quit.signal, (failure) => {
      const { picture } = history
      const lines =
        failure !== undefined || picture === undefined
          ? [`${clock(Date.now())}  ${failure}`]
          : statusLines(
              { ...picture, events: picture.events.filter((event) => !told.has(identityOf(event))) },
              lookOf(terminal),
            )
      terminal.stdout.write(`${isFirst ? '' : '\n'}${lines.join('\n')}\n`)
      isFirst = false
      if (failure === undefined) told = new Set(picture?.events.map(identityOf))
    })
  } finally {
    signals.ignore()
  }
}

// ---- asking ----

/**
 * Calls `show` after each attempt, with why it failed if it did.
 *
 * @returns the exit code
 * @throws DashboardError when the first answer is a refusal that will stay one
 */
async function watch(
  { dashboard, intervalMs, forMs }: Watching,
  history: History,
  quit: AbortSignal,
  show: (failure: string | undefined) => void,
): Promise<number> {
  const startedMs = performance.now()
  let failure: string | undefined
  for (;;) {
    const askedMs = performance.now()
    try {
      history.add((await dashboard.ask(wanted(history.picture, intervalMs, failure), quit)).picture)
      failure = undefined
    } catch (error) {
      if (quit.aborted) return WELL
      if (!(error instanceof DashboardError) || (error.isLasting && history.picture === undefined))
        throw error
      failure = error.message
    }
    show(failure)
    const nowMs = performance.now()
    if (nowMs + intervalMs - startedMs > forMs) break
    await pause(Math.max(0, askedMs + intervalMs - nowMs), undefined, { signal: quit }).catch(() => {})
    if (quit.aborted) return WELL
  }
  if (failure !== undefined || history.picture === undefined) return FAILED
  return history.picture.troubles.length === 0 ? WELL : TROUBLE
}

/** Once all of the last minute, and then what is new, with some to spare. */
function wanted(known: Picture | undefined, intervalMs: number, failure: string | undefined) {
  if (known === undefined || failure !== undefined) return { samples: SECONDS, events: 500 }
  return { samples: Math.min(SECONDS, Math.ceil(intervalMs / 1_000) + 3), events: 200 }
}

function endedBySignals(quit: AbortController): { ignore(): void } {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const end = () => quit.abort()
  for (const signal of signals) process.on(signal, end)
  return {
    ignore() {
      for (const signal of signals) process.off(signal, end)
    },
  }
}
