/** The parts by name, in the order in which they run, and what each of them measures; `--help` tells it. */
export const PARTS = {
  finding: 'how long five hosts that are told a secret alone take to become one cluster',
  takeover:
    'how long after a kill or a freeze others answer for its sessions; how long a frozen peer holds up writes',
  consistency: 'wrong reads and lost sessions by round robin, in peace and with a kill every three seconds',
  http: 'what a request costs and how long it takes, beside other stores and Tomcat',
  strangers:
    'how long requests take while strangers flood the port of the members, and what one of those costs',
  memory: 'bytes that a session needs beyond its payload, and those of a destroyed one',
  store: 'CPU to load a session and to write it, without HTTP, beside other stores',
  flood: 'how many writes a second one member replicates to two peers, beside bare WebSockets',
  wire: 'bytes on the wire for a write',
  transfer: 'how long a joiner takes to get 100,000 sessions, and a million; what the giver notices of it',
  lag: 'how long after its response a write can be read on two peers, beside bare WebSockets',
  pauses: "the longest pause of a member's event loop under writes, beside an idle one",
  idle: 'CPU of ten members while nothing happens, beside bare WebSockets',
  growth: 'CPU of a write and of a heartbeat with 2 to 20 members',
} as const

export type PartName = keyof typeof PARTS
