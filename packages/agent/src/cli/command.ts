/** What the commands share: how they are called, and what they take. */

import { codeOf } from '../errors.js'
import { Dashboard } from './dashboard.js'
import { paintFor } from './paint.js'
import type { Look } from './view.js'

/** The parts of `process` that commands use. */
export type Terminal = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>

export interface Command {
  /** What it takes, and what it is for: one line of `sessionmesh help`. */
  readonly args: string
  readonly summary: string
  /** What `--help` prints. */
  readonly help: string
  /**
   * @returns the exit code
   * @throws UsageError
   */
  run(args: readonly string[], terminal: Terminal): Promise<number>
}

/** Exit codes. */
export const WELL = 0
export const TROUBLE = 1
export const FAILED = 2

/** It was called in a way that it does not know. */
export class UsageError extends Error {}

/**
 * What `parse`, which calls `parseArgs`, makes of the arguments.
 *
 * @throws UsageError
 */
export function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof Error) || !codeOf(error)?.startsWith('ERR_PARSE_ARGS_')) throw error
    // (What follows the first sentence speaks of arguments that begin with a dash.)
    throw new UsageError(error.message.split(/\. |\n/)[0]!)
  }
}

/**
 * Of the address and the headers that a command was given.
 *
 * @throws UsageError that repeats neither
 */
export function dashboardAt(positionals: readonly string[], headers: readonly string[] = []): Dashboard {
  const [address, ...others] = positionals
  if (address === undefined) throw new UsageError('The address of a dashboard is missing')
  if (others.length > 0) throw new UsageError('One address is enough: give no other arguments')
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new UsageError('That is no address of a dashboard: write http://host:port/mesh, or https://')
  return new Dashboard(new URL(address), headersOf(headers))
}

function headersOf(lines: readonly string[]): Headers {
  const headers = new Headers()
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/s.exec(line) ?? []
    try {
      headers.append(name.trim(), value)
    } catch {
      throw new UsageError("A --header is not understood: write it as in --header 'authorization: Bearer …'")
    }
  }
  return headers
}

/** Of seconds. */
export function secondsOf(option: string, given: string, least: number, most: number): number {
  const value = Number(given)
  if (given.trim() !== '' && value >= least && value <= most) return value
  throw new UsageError(`--${option} takes seconds, from ${least} to ${most}`)
}

/** As wide as the terminal; elsewhere nothing is cut, unless `COLUMNS` says where. */
export function lookOf({ stdout, env }: Terminal): Look {
  const said = Number(env.COLUMNS)
  const elsewhere = said >= 20 ? said : Number.POSITIVE_INFINITY
  return {
    width: stdout.isTTY ? stdout.columns || 80 : elsewhere,
    paint: paintFor(stdout.isTTY === true, env),
  }
}
