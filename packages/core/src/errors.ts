/**
 * Every error a user can meet has a stable code, says what is wrong, and says what to do about it.
 */

/** When each comes, and what to do. "Thrown" is to whoever called; "warned" is the cluster's `warning` event. */
const codes = {
  SESSIONMESH_SECRET_REQUIRED:
    'Thrown by joinCluster: without a secret a member listens on and links to loopback only, and with `tls` it signs what clients carry. Give all members the same `secret`.',
  SESSIONMESH_NO_SECRET:
    'Warned: `secret` is given and empty, as with a variable that is not set, so every process of this machine may join. Set it, or leave the option out.',
  SESSIONMESH_WEAK_SECRET:
    'Thrown by joinCluster: a secret is too easy to guess, by its characters (commas separate several). `npx sessionmesh secret` makes one.',
  SESSIONMESH_SECRET_MISMATCH:
    'Warned: a member of a cluster of this name has another secret, and is not linked. Give all members the same one.',
  SESSIONMESH_CERTIFICATE_REFUSED:
    'Warned: a member has a certificate that is not accepted, or this one has: of no authority in `tls.ca`, expired, withdrawn, or refused by `authorizePeer`; or one of both goes by certificates and the other by the secret alone. The message says whose, and what to do.',
  SESSIONMESH_CLUSTER_MISMATCH:
    'Warned: a member of a cluster with another name was dialled, or dials here. Mend `name`, or the list of peers.',
  SESSIONMESH_PROTOCOL_MISMATCH:
    'Warned: a member has a version that speaks another protocol, and is not linked. Upgrade the older one.',
  SESSIONMESH_FLOODED:
    'Warned: more connections come from an address, or from all without a member, than members open; those above are cut unread. Let only the servers of the cluster reach `listen.port`.',
  SESSIONMESH_CLOCK_DRIFT:
    'Warned: the clock of a member is ahead of this one (so one of both is off); beyond `maxClockDriftMs`, either way, its link is cut. Set the clocks by NTP.',
  SESSIONMESH_SAME_ADDRESS:
    'Warned: two members are at the same address, as containers behind one host, so that only one of them can be dialled. Give each an `advertise` of its own.',
  SESSIONMESH_BAD_OPTION:
    'Thrown: an option is unknown or has no such value; the message names it and what to give.',
  SESSIONMESH_BAD_ADDRESS: 'Thrown by joinCluster: an address is not host:port.',
  SESSIONMESH_PORT_IN_USE:
    'Thrown by joinCluster: another process listens on `listen.port`, or others on all that are tried without it. Stop it, or choose another port.',
  SESSIONMESH_LISTEN_FAILED:
    'Thrown by joinCluster: `listen` cannot be listened on. It must be an address of this machine.',
  SESSIONMESH_UNSERIALISABLE_ATTRIBUTE:
    'Thrown by a write: an attribute holds a function, a symbol, a RegExp or Error (see `allowTypes`) or the like, or an object with a key `__proto__`, `constructor` or `prototype`. Nothing is written; store plain data.',
  SESSIONMESH_FORBIDDEN_ATTRIBUTE:
    'Thrown by a write: an attribute is named `__proto__`, `constructor` or `prototype`, its name is longer than `maxNameLength`, has a NUL in it, or is cut in the middle of a character. Nothing is written.',
  SESSIONMESH_MERGE_FAILED:
    'Warned: a function of `sessions.merge` threw, or gave what cannot be stored, and one of the values is shown. Mend the function; `checkMerge`, which throws this, finds most mistakes. Thrown by a write: a counter is to be something else than a finite number.',
  SESSIONMESH_SESSION_TOO_LARGE:
    'Thrown by a write: the session would pass `maxSessionBytes` or `maxAttributes`. Nothing is written; store less.',
  SESSIONMESH_TOO_MANY_SESSIONS:
    'Thrown by a write: it would begin a session beyond `maxSessions`, or make all together larger than `maxTotalBytes`, or there is no memory for it. Nothing is written, and all sessions that there are go on. Raise the limit on every member, shorten `ttlMs`, or find out who begins so many. Warned when one is reached, or `maxTombstones` is: members that died are remembered for half a minute from then on. Warned of a peer: it brings so many beyond it that its link is cut.',
  SESSIONMESH_SHORT_OF_MEMORY:
    'Warned when the heap is at four fifths of its limit; from nine tenths on no session begins, and a write that would is refused with `SESSIONMESH_TOO_MANY_SESSIONS`. Give the processes more memory (`--max-old-space-size`), shorten `ttlMs`, or keep less in sessions.',
  SESSIONMESH_STALLED:
    'Warned: this process stood still for longer than `suspectAfterMs`, so others could not hear it. Look for long synchronous work, long collections of garbage, and what stops the process or its host.',
  SESSIONMESH_BAD_SESSION_ID:
    'Thrown by a write or a destroy: a session id is no well-formed text of 1 to `maxNameLength` characters.',
  SESSIONMESH_BAD_FRAME:
    'Warned: a peer sent what is no message of the protocol; its link is cut and made anew. Report it if it comes again.',
  SESSIONMESH_TOO_MANY_MEMBERS:
    'Warned: a member linked with this one, which has links to 1,200 already; its link is cut. A cluster is made for dozens: see who joins it, and split it.',
  SESSIONMESH_FRAME_TOO_LARGE:
    'Warned: a frame was larger than its receiver takes; the link is cut. Give all members the same `maxFrameBytes`.',
  SESSIONMESH_LINK_TOO_SLOW:
    'Warned: more than `maxLinkBufferBytes` wait for a peer; its link is cut, and the next one repairs. Look at that peer and the network.',
  SESSIONMESH_ACK_TIMEOUT:
    'Rejects `acked`: the write is made here and goes on replicating, but too few peers held it within `ackTimeoutMs`. Warned when a member that leaves could not hand over all it had.',
  SESSIONMESH_NO_PEER:
    "Rejects `acked`: there was no other member to hold the write, which is made here. Start one, or ask for acks: 'none'. Warned when a member leaves with sessions while those that it knew are dead; one that was always alone says nothing.",
  SESSIONMESH_NO_ANSWER:
    'Rejects what is asked of another member for diagnostics: it is not linked, or did not answer in time. See its state in `members()`.',
  SESSIONMESH_JOIN_TIMEOUT:
    'Warned: a peer was not linked within `joinTimeoutMs`, or could not give its state in ten attempts, and this member serves without it. See whether it is up, `peers` right, and the network between them.',
  SESSIONMESH_LOST_WRITE:
    "Warned: a write that a client had seen is held by no member that can be reached, and its writer is dead or cut off. If it is cut off, the write comes back with it; if it died, `acks: 'one'` would have saved the write.",
  SESSIONMESH_STALE_READ:
    'Warned: a read was served without all that its client had seen, since nobody who has it could be reached in time.',
  SESSIONMESH_WRITE_DROPPED:
    'Warned: a request saved a session that was destroyed or had expired meanwhile. What is gone stays gone; nothing is to be done. Thrown by the unstorage driver when a key is stored again that was removed: use a new, random one.',
  SESSIONMESH_FORGOTTEN_MEMBER:
    'Warned, and rejects what is waited for: this member was away for longer than `forgetDeadAfterMs` and has missed what was destroyed meanwhile, so it starts afresh; or a peer has to.',
  SESSIONMESH_CLOSED:
    'Thrown by a write, or by `rekey`, after `close()`, and rejects acks that it cut short. Close the HTTP server before the cluster.',
  SESSIONMESH_UNREADABLE_ATTRIBUTE:
    'Thrown by a load: a member of another version wrote an attribute that this one cannot read, or one that calls `allowTypes` where this one does not. Upgrade the older one.',
  SESSIONMESH_DISCOVERY_FAILED:
    'Warned: mDNS or DNS cannot look for members, or not everywhere; the message says why. Who is linked stays linked; others are looked for again.',
  SESSIONMESH_ALONE:
    'Warned once, after joining: none of the `peers` was linked, or nobody was found. All is well if this is the first member; else the message says why.',
} as const

export type ErrorCode = keyof typeof codes

/** A reason that came over the wire may be any text. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(codes, text)
}

/** An error with a stable `code`. The message names the values that were wrong and the mend. */
export class SessionMeshError extends Error {
  override readonly name = 'SessionMeshError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
