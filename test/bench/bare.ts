/** Processes with links as the agent makes them, and nothing behind: what the machine and its TLS can do. */

import { onCleanUp } from '../support/cleanup.js'
import { MemberProcess } from '../support/member-process.js'

/** One that sends to two. */
export async function startBare(): Promise<{ sender: MemberProcess; receivers: MemberProcess[] }> {
  const [sender, ...receivers] = (await start(3)) as [MemberProcess, ...MemberProcess[]]
  await sender.ask('bareDial', await Promise.all(receivers.map((each) => each.ask('bareListen'))))
  return { sender, receivers }
}

/** Each linked with each. */
export async function startBareMesh(count: number): Promise<MemberProcess[]> {
  const processes = await start(count)
  const ports: number[] = []
  for (const process of processes) {
    await process.ask('bareDial', ports)
    ports.push(await process.ask('bareListen'))
  }
  return processes
}

async function start(count: number): Promise<MemberProcess[]> {
  const processes = Array.from({ length: count }, (_, i) => new MemberProcess({ name: `bare${i + 1}` }))
  onCleanUp(() => Promise.all(processes.map((process) => process.end())))
  await Promise.all(processes.map((process) => process.start()))
  return processes
}
