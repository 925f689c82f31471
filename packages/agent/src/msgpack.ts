/**
 * MessagePack as all here use it: the build that never makes code of what it reads (the usual one compiles readers from the
 * keys of objects that repeat), has no native part, and whose table of extensions is not that of the application.
 */

export { addExtension, Packr, Unpackr } from 'msgpackr/index-no-eval'
