/** `@sessionmesh/metrics/opentelemetry`: a cluster's metrics as observable instruments of a meter. */

import {
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  type Observable,
  metrics as otel,
} from '@opentelemetry/api'
import type { Cluster } from 'sessionmesh'
import { type Definition, definitions } from './definitions.js'
import { checkArguments, Places, type Registered, Source } from './source.js'

export type { Registered } from './source.js'

export interface OpenTelemetryOptions {
  /**
   * Makes the instruments. Default: one named `@sessionmesh/metrics`, from the global meter provider, which has to be set
   * before: OpenTelemetry gives a meter that does nothing when there is none yet.
   */
  meter?: Meter | undefined
}

const places = new Places<Meter>()

/**
 * Makes the instruments, all named `sessionmesh.…`, and observes them whenever they are collected, from one
 * `cluster.status()`. The attributes `cluster` and `member` tell several clusters of one process apart.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION` for what is no cluster or meter, and when it is called twice for the same
 * member and meter
 */
export function metrics(cluster: Cluster, options: OpenTelemetryOptions = {}): Registered {
  checkArguments(
    cluster,
    options,
    'meter',
    isMeter,
    'a Meter, or left out for one from the global meter provider',
  )
  const meter = options.meter ?? otel.getMeter('@sessionmesh/metrics')
  const source = new Source(cluster)
  places.add(meter, source, 'meter')
  const instruments = new Map(definitions.map((definition) => [definition, instrument(meter, definition)]))
  const observables = [...instruments.values()]
  const callback = observer(source, instruments)
  meter.addBatchObservableCallback(callback, observables)
  return {
    stop() {
      if (places.of(meter).delete(source)) meter.removeBatchObservableCallback(callback, observables)
    },
  }
}

function instrument(meter: Meter, { name, unit, kind, help }: Definition): Observable {
  const options = { unit, description: help }
  if (kind === 'counter') return meter.createObservableCounter(name, options)
  if (kind === 'level') return meter.createObservableUpDownCounter(name, options)
  return meter.createObservableGauge(name, options)
}

function observer(source: Source, instruments: ReadonlyMap<Definition, Observable>): BatchObservableCallback {
  let before = new Map<string, { observable: Observable; attributes: Attributes }>()
  return (result) => {
    const view = source.read()
    const now: typeof before = new Map()
    for (const [definition, observable] of instruments)
      for (const { value, labels } of definition.read(view)) {
        const attributes = { ...source.identity, ...labels }
        result.observe(observable, value, attributes)
        if (definition.kind !== 'counter')
          now.set(JSON.stringify([definition.name, labels]), { observable, attributes })
      }
    // The SDK goes on telling the last value of what is observed no more, as of a link that is gone: it shall be 0.
    for (const [key, { observable, attributes }] of before)
      if (!now.has(key)) result.observe(observable, 0, attributes)
    before = now
  }
}

function isMeter(given: unknown): boolean {
  return typeof (given as Partial<Meter> | null)?.addBatchObservableCallback === 'function'
}
