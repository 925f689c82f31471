/** A list of addresses that the user wrote: all of them are members, now or later. */

import { SessionMeshError } from '@sessionmesh/core'
import { canonical } from '../address.js'
import type { Discovery } from './discovery.js'

/** A typing error must not become thousands of dials. */
const MAX_RANGE = 64

/**
 * Each entry is `host:port`, or `host:first-last` for several processes on one host; IPv6 stands in brackets. A host
 * name is resolved at each attempt.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_ADDRESS`, naming the text and the mend.
 */
export function staticList(
  entries: readonly string[],
): Discovery & { readonly addresses: readonly string[] } {
  const addresses = [...new Set(entries.flatMap(expand))]
  return {
    name: 'the list of peers',
    source: 'named',
    addresses,
    start(_self, report) {
      for (const address of addresses) report.found(address)
      return { looked: Promise.resolve(), stop: () => Promise.resolve() }
    },
  }
}

function single(entry: string): string {
  try {
    return canonical(entry)
  } catch (error) {
    if (!(error instanceof SessionMeshError)) throw error
    throw new SessionMeshError(
      error.code,
      `${error.message} Besides addresses peers may name 'mdns', or 'dns:sessions.internal'.`,
    )
  }
}

function expand(entry: string): string[] {
  const [, host, first, last] = /^(.*):(\d{1,5})-(\d{1,5})$/.exec(String(entry).trim()) ?? []
  if (host === undefined) return [single(entry)]
  const count = Number(last) - Number(first) + 1
  if (count < 1 || count > MAX_RANGE) {
    throw new SessionMeshError(
      'SESSIONMESH_BAD_ADDRESS',
      `${JSON.stringify(entry)} is not a range of ports: write the lower one first, and at most ${MAX_RANGE} of ` +
        'them, as in web-1:7373-7376.',
    )
  }
  return Array.from({ length: count }, (_, i) => canonical(`${host}:${Number(first) + i}`))
}
