/** The whole demo at one moment, as the terminal and the page show it. */

import type { Crowd } from './crowd.js'
import type { Fleet, ProcessState } from './fleet.js'
import type { Balancer } from './proxy.js'
import type { Totals } from './shopper.js'

export interface Picture {
  /** The scenario is over, and the switches work. */
  isOver: boolean
  step: string
  seconds: number
  users: number
  servers: ServerPicture[]
  totals: Totals
  takeovers: { events: number; sessions: number }
  /** Requests that another server answered than the first one asked. */
  movedOn: number
  news: string[]
  canFreeze: boolean
}

export interface ServerPicture {
  number: number
  name: string
  process: ProcessState
  /** What the others say of it. */
  verdict: string
  pid: number | null
  port: number
  sessions: number | null
  owned: number | null
  requestsPerSecond: number
}

export interface Progress {
  isOver: boolean
  step: string
  startedAt: number
  news: string[]
}

export function takePicture(fleet: Fleet, crowd: Crowd, balancer: Balancer, progress: Progress): Picture {
  return {
    isOver: progress.isOver,
    step: progress.step,
    seconds: Math.round((performance.now() - progress.startedAt) / 1000),
    users: crowd.size,
    servers: fleet.servers.map((server) => ({
      number: server.number,
      name: server.name,
      process: server.state,
      verdict: fleet.verdict(server),
      pid: server.pid ?? null,
      port: server.port,
      sessions: server.status?.sessions ?? null,
      owned: server.status?.owned ?? null,
      requestsPerSecond: server.requestsPerSecond,
    })),
    totals: { ...crowd.totals },
    takeovers: {
      events: fleet.takeovers.length,
      sessions: fleet.takeovers.reduce((sum, event) => sum + event.sessions, 0),
    },
    movedOn: balancer.movedOn,
    news: progress.news,
    canFreeze: process.platform !== 'win32',
  }
}
