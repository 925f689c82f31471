/**
 * A frozen child cannot notice that its parent is gone, and would sit on its ports for ever. A shell can: the
 * input it reads ends with the parent, and it ends the child then.
 */

import { type ChildProcess, spawn } from 'node:child_process'

const guards = new Map<ChildProcess, ChildProcess>()

export function guard(frozen: ChildProcess): void {
  // A terminal that is closed hangs up on the shell as well, and Ctrl-C reaches it: it has to live on.
  const command = `trap '' HUP INT TERM; read _ || kill -9 ${frozen.pid}`
  const shell = spawn('sh', ['-c', command], { stdio: ['pipe', 'ignore', 'ignore'] })
  // Without a shell there is no guard; the demo works all the same.
  shell.on('error', () => {})
  guards.set(frozen, shell)
  frozen.once('exit', () => unguard(frozen))
}

/** When the child goes on, or has ended otherwise. */
export function unguard(child: ChildProcess): void {
  guards.get(child)?.kill('SIGKILL')
  guards.delete(child)
}
