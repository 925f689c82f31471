/** Work that is shared among threads of one module, each of which tells now and then what its part came to. (Here, so that mutants take it along.) */

import { parentPort, Worker } from 'node:worker_threads'

const TOLD_EVERY_MS = 2_000

export class Threads<Part> {
  readonly #workers: readonly Worker[]
  /** Rejects with what a thread throws. */
  readonly ended: Promise<void>

  /** @param module its `import.meta.url`, which finds its share in `workerData` */
  constructor(module: string, shares: readonly unknown[], onPart: (part: Part) => void) {
    this.#workers = shares.map((share) => new Worker(new URL(module), { workerData: share }))
    const ends = this.#workers.map(
      (worker) =>
        new Promise<void>((resolve, reject) => {
          worker.on('message', onPart)
          worker.once('error', reject)
          worker.once('exit', () => resolve())
        }),
    )
    this.ended = Promise.all(ends).then(() => {})
  }

  /** That one, or all. */
  stop(nth?: number): void {
    const workers = nth === undefined ? this.#workers : this.#workers.slice(nth, nth + 1)
    for (const worker of workers) void worker.terminate()
  }
}

/** On the thread: what has come together since the last time that it was told. */
export class Parts<Part> {
  readonly #newPart: () => Part
  part: Part
  #toldMs = performance.now()

  constructor(newPart: () => Part) {
    this.#newPart = newPart
    this.part = newPart()
  }

  tell(): void {
    parentPort?.postMessage(this.part)
    this.part = this.#newPart()
    this.#toldMs = performance.now()
  }

  tellWhenDue(isUrgent: boolean): void {
    if (isUrgent || performance.now() - this.#toldMs > TOLD_EVERY_MS) this.tell()
  }
}
