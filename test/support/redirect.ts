/**
 * Sends the connections that this process dials through other addresses, so that a test can put a wire
 * (tcp-proxy.ts) between one pair of members and cut that pair alone.
 *
 * A proxy in front of a member would not do: it cannot tell who dials it, and members tell each other their
 * addresses, so a proxy's address would have to be advertised. Here the members know only real addresses.
 */

import { Socket } from 'node:net'

/**
 * `routes` maps the port that is dialled to the port that is connected to, both on the loopback address.
 *
 * @param from the address of loopback from which all is connected, as from another host
 */
export function redirectDials(routes: Record<string, number>, from?: string): void {
  const original = Socket.prototype.connect
  function connect(this: Socket, ...args: unknown[]): unknown {
    // Node passes either the options, or the options wrapped in its own normalised array.
    const options: unknown = Array.isArray(args[0]) ? args[0][0] : args[0]
    if (isDial(options)) {
      options.port = routes[String(options.port)] ?? options.port
      if (from !== undefined) options.localAddress = from
    }
    return Reflect.apply(original, this, args)
  }
  Object.defineProperty(Socket.prototype, 'connect', { value: connect, configurable: true, writable: true })
}

function isDial(options: unknown): options is { port: unknown; localAddress?: string } {
  return typeof options === 'object' && options !== null && 'port' in options
}
