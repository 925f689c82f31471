import type { Framework } from '../site.js'
import { ROTATION, serving } from './unstorage.js'

/** The driver that is told of the request: then it lacks hardly anything. */
export const framework: Framework = {
  name: 'unstorage-visits',
  lacks: { rotation: ROTATION },
  serve: serving(true),
}
