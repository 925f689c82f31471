/** What a member makes of attributes that are not like the others, beside the core's records: for one run of the core. */

import type { RecordObserver } from '@sessionmesh/core'
import { AttributeIndex } from './attribute-index.js'
import { LocalAttributes } from './local-attributes.js'
import { MergedAttributes } from './merged-attributes.js'
import type { ResolvedSessionsOptions } from './session-options.js'

export class SpecialAttributes implements RecordObserver {
  readonly index: AttributeIndex
  readonly local: LocalAttributes
  readonly merged: MergedAttributes

  constructor(
    { indexBy, localAttributes, merge }: ResolvedSessionsOptions,
    mergeFailed: (name: string, cause: unknown) => void,
  ) {
    this.index = new AttributeIndex(indexBy)
    this.local = new LocalAttributes(localAttributes)
    this.merged = new MergedAttributes(merge, mergeFailed)
  }

  changed(...news: Parameters<RecordObserver['changed']>): void {
    this.index.changed(...news)
  }

  ended(sid: string): void {
    this.index.ended(sid)
    this.local.ended(sid)
  }
}
