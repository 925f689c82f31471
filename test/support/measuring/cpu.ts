/** User and system time of this process since it was started, all of its threads. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
