/** `sessionmesh status`: the picture of this moment. */

import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Command, dashboardAt, lookOf, parsed, TROUBLE, WELL } from './command.js'
import type { Answer, Dashboard } from './dashboard.js'
import { figuresOf } from './figures.js'
import { statusLines } from './view.js'

const HELP = `sessionmesh status URL [--json] [--header 'name: value']...

Shows a cluster as the dashboard at URL (as in http://web-1:3000/mesh) sees it:
its members, links that are missing or slow, the latest events, and whether all
is well. It takes up to 2 s: what is on its way is given the time to arrive.

  MEMBER, ADDRESS  its name, and where the others reach it
  STATE, READY     as the member that tells sees it; whether it wants requests
  SESSIONS, OWNED  how many it holds; the share of them that it answers for
  WRITES/S         requests there that changed a session, in the last second
  LAG p50/p99      how long writes took to arrive, above the quickest there was,
                   on the link where that was longest
  LOOP             how late its event loop came round, the longest of the last second
  MEMORY, QUEUE    of the process; what waits to be sent
  CONVERGENCE      and for how long it has been so:
    identical      it holds all that anybody has
    following      it lacks what is on its way
    behind         it lacks something for longer than that takes, and whose
    differs        it has merged the same writes as another member, and holds
                   something else: a fault of sessionmesh
    unknown        it does not answer

A link is slow when writes take 250 ms, or 1 MiB waits.

  --json           print the dashboard's JSON instead
  --header         with each request, where the dashboard asks who you are;
                   may be repeated

Exit code:
  0  every member that has not left is alive, ready, identical or following, and
     below its limits
  1  somebody should look: one is suspect, dead, behind, differs, unknown or not
     ready, is at a limit or has refused writes by one in the last minute, or
     two of them have no link
  2  it was called wrongly, or the dashboard cannot be reached or refuses
`

const OPTIONS = {
  json: { type: 'boolean' },
  header: { type: 'string', multiple: true },
} as const

/** Of sessions, and as many others. */
const EVENTS = 50
const SETTLE_MS = 2_000
const AGAIN_MS = 300

export const status: Command = {
  args: 'URL',
  summary: 'members, links and events of a cluster, and whether all is well',
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
    )
    const dashboard = dashboardAt(positionals, values.header)
    const { picture, json } = await settled(dashboard)
    const text = values.json ? inert(json).trimEnd() : statusLines(picture, lookOf(terminal)).join('\n')
    terminal.stdout.write(`${text}\n`)
    return picture.troubles.length === 0 ? WELL : TROUBLE
  },
}

/** What is on its way arrives, or it is not on its way; and who has just joined, or was not asked for long, counts first. */
async function settled(dashboard: Dashboard): Promise<Answer> {
  const untilMs = performance.now() + SETTLE_MS
  for (;;) {
    const answer = await dashboard.ask({ samples: 2, events: EVENTS })
    const heard = figuresOf(answer.picture).filter(({ isHeard }) => isHeard)
    const isSettled = heard.every(
      ({ member, sessions, owned, writesPerS }) =>
        member.convergence.verdict !== 'following' &&
        writesPerS !== undefined &&
        (owned !== undefined || sessions === 0),
    )
    if (isSettled || performance.now() > untilMs) return answer
    await pause(AGAIN_MS)
  }
}

/** The same JSON: what terminals obey, which can stand in its texts alone, is written as an escape. */
function inert(json: string): string {
  return json.replace(/[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
