import { onCleanUp } from '../support/cleanup.js'
import { MemberProcess } from '../support/member-process.js'

/** Three processes with links as the agent makes them, and nothing behind: what the machine and the TLS can do. */
export async function startBare(): Promise<{ sender: MemberProcess; receivers: MemberProcess[] }> {
  const processes = ['sender', 'receiver1', 'receiver2'].map((name) => new MemberProcess({ name }))
  onCleanUp(() => Promise.all(processes.map((process) => process.end())))
  await Promise.all(processes.map((process) => process.start()))
  const [sender, ...receivers] = processes as [MemberProcess, ...MemberProcess[]]
  await sender.ask('bareDial', await Promise.all(receivers.map((each) => each.ask('bareListen'))))
  return { sender, receivers }
}
