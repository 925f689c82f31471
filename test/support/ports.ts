/**
 * Free ports, chosen before anything listens on them: a member that is killed has to come back at the address
 * its peers know, so "port 0" will not do.
 *
 * They are taken below the range from which the kernel serves outgoing connections, or a connection of
 * somebody else could sit on a member's port while it is restarted.
 */

import { createServer } from 'node:net'

const FIRST = 20_000
const LAST = 31_999
const given = new Set<number>()

/** `count` ports of the loopback address on which nothing listens now, never the same one twice. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > 1_000) throw new Error(`no ${count} free ports found between ${FIRST} and ${LAST}`)
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1))
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    ports.push(port)
  }
  return ports
}

/** True when a listener on the loopback address could be opened, and was closed again. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
