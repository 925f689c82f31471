/** Programs that tests start as processes of their own. */

import type { ForkOptions } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where packages put programs; not all of these are on everybody's path. */
export const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin']

/** Debian's iproute2; the folder is not on everybody's path. */
export const IP = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'].find(existsSync) ?? 'ip'

/** Where that program is, if a package has brought it. */
export function installed(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find(existsSync)
}

/**
 * A compiled program beside the file that names it, whether that runs from `dist` (benches) or from its source (vitest).
 *
 * @param from `import.meta.url`
 */
export function compiled(from: string, path: string): string {
  const here = fileURLToPath(new URL(path, from))
  const program = here.includes('/dist/') ? here : here.replace('/test/', '/test/dist/')
  if (!existsSync(program)) throw new Error(`${program} is missing: run "tsc -b" first`)
  return program
}

/** What `fork` needs to run a program in a network namespace: `ip` enters it and becomes the program, so signals reach it. */
export function inNamespace(namespace: string | undefined, nodeOptions: readonly string[] = []): ForkOptions {
  if (namespace === undefined) return { execArgv: [...nodeOptions] }
  return { execPath: IP, execArgv: ['netns', 'exec', namespace, process.execPath, ...nodeOptions] }
}
