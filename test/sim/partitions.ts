/** Who cannot reach whom. (The shapes are those that Jepsen's nemeses have made usual.) */

import type { Host } from './host.js'
import type { Random } from './random.js'

export type Pair = readonly [Host, Host]

export const shapes = ['pair', 'island', 'halves', 'bridge', 'ring', 'random'] as const
export type Shape = (typeof shapes)[number]

/** The pairs that are cut. */
export function partition(shape: Shape, hosts: readonly Host[], random: Random): Pair[] {
  const all = hosts.flatMap((a, i) => hosts.slice(i + 1).map((b): Pair => [a, b]))
  const [first] = hosts
  if (first === undefined) return []
  const start = random.integer(0, hosts.length - 1)
  const turned = [...hosts.slice(start), ...hosts.slice(0, start)]
  const place = new Map(turned.map((host, i) => [host, i]))
  const half = Math.ceil(turned.length / 2)
  const side = (host: Host) => (place.get(host) as number) < half
  switch (shape) {
    // Both reach all others, and not each other.
    case 'pair':
      return [random.pick(all)]
    case 'island': {
      const island = random.pick(hosts)
      return all.filter(([a, b]) => a === island || b === island)
    }
    case 'halves':
      return all.filter(([a, b]) => side(a) !== side(b))
    // One member reaches both halves.
    case 'bridge':
      return all.filter(([a, b]) => side(a) !== side(b) && a !== turned[0] && b !== turned[0])
    // Each reaches its neighbours on both sides: a majority, and everybody another one.
    case 'ring': {
      const reach = Math.ceil((hosts.length - 1) / 4)
      return all.filter(([a, b]) => {
        const apart = Math.abs((place.get(a) as number) - (place.get(b) as number))
        return Math.min(apart, hosts.length - apart) > reach
      })
    }
    case 'random':
      return all.filter(() => random.chance(0.5))
  }
}
