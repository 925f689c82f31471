/** Runs `task` for 0 … count-1 with so many at a time, as that many independent clients would. */
export async function spread(
  count: number,
  workers: number,
  task: (index: number, worker: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const work = async (worker: number) => {
    for (let index = next++; index < count; index = next++) await task(index, worker)
  }
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
}
