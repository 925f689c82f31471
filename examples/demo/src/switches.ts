/**
 * The buttons beside each member of the dashboard. Its page comes from one of the servers, but only the process that started
 * them can kill one or start it again: a server hands the click on to it, over IPC.
 */

import type { DashboardAction } from '@sessionmesh/dashboard'
import type { SwitchAnswer, SwitchReport } from './reports.js'

type Action = SwitchReport['action']

export function switches(tell: (report: SwitchReport) => void): Record<string, DashboardAction> {
  const waiting = new Map<number, (error: string | undefined) => void>()
  let last = 0
  process.on('message', ({ number, error }: SwitchAnswer) => {
    waiting.get(number)?.(error)
    waiting.delete(number)
  })

  const flip = (action: Action): DashboardAction['run'] => {
    return ({ name }) =>
      new Promise<void>((resolve, reject) => {
        const number = ++last
        waiting.set(number, (error) => (error === undefined ? resolve() : reject(new Error(error))))
        tell({ kind: 'switch', number, action, member: name })
      })
  }

  return {
    kill: { label: 'Kill', run: flip('kill') },
    freeze: { label: 'Freeze', states: ['alive'], run: flip('freeze') },
    leave: { label: 'Leave', states: ['alive'], run: flip('leave') },
    // (The others cannot tell a process that stands still from one that is gone.)
    start: { label: 'Start', states: ['suspect', 'dead', 'left'], run: flip('start') },
  }
}
