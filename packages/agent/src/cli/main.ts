/** `sessionmesh`, in a terminal: one file for each command. */

import { readFileSync } from 'node:fs'
import { codeOf } from '../errors.js'
import { type Command, FAILED, UsageError, WELL } from './command.js'
import { DashboardError } from './dashboard.js'
import { secret } from './secret.js'
import { status } from './status.js'
import { pad, plain } from './text.js'
import { top } from './top.js'

const commands: ReadonlyMap<string, Command> = new Map(Object.entries({ status, top, secret }))

const HELP = `sessionmesh COMMAND

${[...commands].map(([name, { args, summary }]) => `  ${pad(`${name} ${args}`, 14)}${summary}`).join('\n')}
  help COMMAND  what a command takes

  --help, --version
`

/** Whoever reads the output may stop reading, as `head` does, and a terminal may be closed. */
process.stdout.on('error', (error) => {
  if (!['EPIPE', 'EIO'].includes(codeOf(error) ?? '')) throw error
  process.exit()
})

process.exitCode = await main(process.argv.slice(2))

async function main([name, ...args]: readonly string[]): Promise<number> {
  try {
    if (name === '--version') return print(`${versionHere()}\n`)
    if (name === '--help' || name === '-h') return print(HELP)
    if (name === 'help') return print(helpOf(args))
    const command = named(name)
    const isHelp = args.some((arg) => arg === '--help' || arg === '-h')
    return isHelp ? print(command.help) : await command.run(args, process)
  } catch (error) {
    process.stderr.write(`${explained(error, name)}\n`)
    return FAILED
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return WELL
}

function helpOf([name]: readonly string[]): string {
  return name === undefined ? HELP : named(name).help
}

function named(name: string | undefined): Command {
  if (name === undefined)
    throw new UsageError(`A command is missing. There are: ${[...commands.keys()].join(', ')}`)
  const command = commands.get(name)
  if (command !== undefined) return command
  throw new UsageError(`There is no command ${plain(name)}. There are: ${[...commands.keys()].join(', ')}`)
}

function explained(error: unknown, name: string | undefined): string {
  if (error instanceof DashboardError) return error.message
  if (!(error instanceof UsageError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  const more = commands.has(name ?? '') ? `sessionmesh help ${name}` : 'sessionmesh help'
  return `${plain(error.message)}. See: ${more}`
}

function versionHere(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return manifest.version
}
