/**
 * What must hold, by name. A violation says which of these it broke. (That merge is commutative, associative and idempotent is
 * checked at the core itself, by its own tests.)
 */

export const invariants = {
  convergence:
    'Once all are linked again they hold identical state within 2 s of virtual time, tombstones and idle times included.',
  survival:
    'A write that k peers acknowledged survives the crash of any k members of those that hold it, as long as one holder lives.',
  destroyed:
    'A destroyed session is never read again on a member that merged the destroy, and nowhere after the heal.',
  causality:
    'With tokens a client reads what it wrote, never older than it read before, and writes after what it read; exceptions are counted, and there is none while a member that has what is needed can be reached.',
  writes:
    'A write is made, and claimed by its member, or dropped: when its session is gone, and for no other reason.',
  expiry:
    'No session expires early by more than the touch interval under any skew; none outlives its ttl by more than the interval and deadAfterMs.',
  expiryEvents: 'At least one event for each expired session; exactly one without faults.',
  freshness:
    'A member that stood still serves no read before it has heard what was written meanwhile on peers that it can reach.',
  joining: 'A member is ready with all that each member had that it found at first and could reach.',
  leaving: 'A member that says goodbye has handed over, to all that it can reach, what it alone may hold.',
  events:
    'A member tells of each session that it shows, of each change and of each end, once it is ready; takeovers name the sessions that it answers for now.',
  regenerate: 'On every member that has merged the session under its new id, the old id is dead.',
  limits:
    'Queues stay within their limits; tombstones, dead origins in digests and pending requests go back to none.',
  verdicts:
    'An own stall never makes a member accuse others; no death verdict on a member that answered in time; none comes late.',
  partings:
    'A member begins anew, and loses what it alone has, only where it was with those that go on and has missed what they removed; and not all give way.',
  stamps: 'Stamps are monotonic, and never more than the allowed drift ahead.',
  exactness:
    "Digests are exact: a member's state is the merge of precisely the writes that its digest claims, by attribute the one with the highest stamp. Looked at each 200 ms, in all that changed and some ten sessions more, and in all of them in the end.",
  liveness:
    'Once the faults are over all members link within 7 s, and as long as discovery looks twice, answer and end what they have begun; reads and acks are never waited for longer than configured.',
} as const

export type Invariant = keyof typeof invariants
