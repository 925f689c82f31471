/** The limits of what adapters share, with what goes wrong when one is too small or too big. */

/**
 * How far a lifetime may fall short of the one agreed and still be the same, in ms; a tenth of it at most.
 * Frameworks take the clock twice when they renew a cookie, so each renewal may lose a millisecond, or the
 * length of a pause of the process; and some time passes between the renewal and the save. Too small: renewals
 * turn into writes, and the lifetime shrinks with each. Too big: an app cannot shorten it by a little.
 */
export const MAX_DRIFT_MS = 1000
