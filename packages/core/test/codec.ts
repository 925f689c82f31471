/** As the agent encodes messages. */

import { addExtension, Packr } from 'msgpackr'
import { Packed } from '../src/value.js'

addExtension({
  Class: Packed,
  type: 1,
  pack: ({ latin1 }: Packed) => Buffer.from(latin1, 'latin1'),
  unpack: (bytes: Buffer) => new Packed(bytes.toString('latin1')),
})

export const packr = new Packr({ useRecords: false, variableMapSize: true })
