/** What the user gave as `sessions` to `joinCluster`, checked. */

import { FORBIDDEN_NAMES } from '@sessionmesh/core'
import { badOption, checkNames, isObject } from './errors.js'
import type { Merge } from './siblings.js'
import type { SessionsOptions } from './types.js'
import { SEPARATOR } from './values.js'

export interface ResolvedSessionsOptions {
  readonly indexBy: readonly string[]
  readonly localAttributes: readonly string[]
  readonly merge: ReadonlyMap<string, Merge>
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function resolveSessionsOptions(options: SessionsOptions = {}): ResolvedSessionsOptions {
  if (!isObject(options) || Array.isArray(options))
    throw badOption("sessions must be an object, as in { indexBy: ['userId'] }")
  checkNames(options, ['indexBy', 'localAttributes', 'merge'], 'sessions.')
  const indexBy = namesOf('indexBy', options.indexBy)
  const localAttributes = namesOf('localAttributes', options.localAttributes)
  const whole = [...localAttributes, ...Object.keys(options.merge ?? {})].find((name) => name.includes('.'))
  if (whole !== undefined)
    throw badOption(
      `${whole} is in sessions.localAttributes or sessions.merge, which take whole attributes: ${whole.split('.')[0]}`,
    )
  const merge = mergesOf(options.merge)
  const indexed = indexBy.map((path) => path.split('.')[0]!)
  for (const name of localAttributes) {
    if (merge.has(name))
      throw badOption(`sessions.localAttributes has ${name}, which stays here: nothing to merge`)
    if (indexed.includes(name))
      throw badOption(`sessions.localAttributes has ${name}, by which no other member finds it`)
  }
  const both = indexed.find((name) => merge.has(name))
  if (both !== undefined)
    throw badOption(
      `sessions.indexBy has ${both}, which is merged: index an attribute of which one write wins`,
    )
  return { indexBy, localAttributes, merge }
}

function namesOf(option: string, names: unknown = []): readonly string[] {
  if (!Array.isArray(names)) throw badOption(`sessions.${option} must be a list of names, as in ['userId']`)
  for (const name of names) {
    const isName = typeof name === 'string' && name.split('.').every((part) => part !== '') && isAllowed(name)
    if (!isName)
      throw badOption(`sessions.${option} has ${JSON.stringify(name)}, which is no attribute's name`)
  }
  return [...new Set(names as string[])]
}

function mergesOf(merge: unknown = {}): ReadonlyMap<string, Merge> {
  if (!isObject(merge) || Array.isArray(merge))
    throw badOption('sessions.merge must be an object, as in { cart: (a, b) => … }')
  for (const [name, each] of Object.entries(merge)) {
    if (typeof each !== 'function') throw badOption(`sessions.merge.${name} must be a function of two values`)
    if (!isAllowed(name))
      throw badOption(`sessions.merge has ${JSON.stringify(name)}, which is no attribute's name`)
  }
  return new Map(Object.entries(merge) as [string, Merge][])
}

function isAllowed(name: string): boolean {
  return name !== '' && !name.includes(SEPARATOR) && !FORBIDDEN_NAMES.has(name)
}
