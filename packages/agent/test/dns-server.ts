/** A name server on loopback, with the records that a test gives it. */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Answer, decode, encode, type Question } from 'dns-packet'

/** Text is an A or AAAA record; an object one of SRV. */
export type Record = string | { readonly target: string; readonly port: number }

const NXDOMAIN = 3

export class DnsServer {
  readonly records = new Map<string, Record[]>()
  /** It receives, and says nothing. */
  isSilent = false
  /** Of questions for such records: `'AAAA'`. */
  silentType: string | undefined
  questions = 0
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (packet, from) => {
      const { id, questions = [] } = decode(packet)
      this.questions++
      if (this.isSilent || questions.some(({ type }) => type === this.silentType)) return
      const answers = questions.flatMap((question) => this.#answers(question))
      const isUnknown = questions.every(({ name }) => !this.records.get(name)?.length)
      const flags = isUnknown ? NXDOMAIN : 0
      socket.send(
        encode({ type: 'response', id: id ?? 0, flags, questions, answers }),
        from.port,
        from.address,
      )
    })
  }

  static async start(): Promise<DnsServer> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new DnsServer(socket)
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  async close(): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }

  #answers({ name, type }: Question): Answer[] {
    return (this.records.get(name) ?? []).flatMap((record): Answer[] => {
      if (typeof record !== 'string') return type === 'SRV' ? [{ name, type, data: record }] : []
      const kind = record.includes(':') ? 'AAAA' : 'A'
      return type === kind ? [{ name, type: kind, data: record }] : []
    })
  }
}
