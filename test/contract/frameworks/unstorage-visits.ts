import type { Framework } from '../site.js'
import { serving } from './unstorage.js'

/** The driver that is told of the request: then it lacks nothing. */
export const framework: Framework = { name: 'unstorage-visits', lacks: {}, serve: serving(true) }
