/** What the agent does with frames, and does not export: the fuzzer goes the way of a frame, without its sockets. */

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { resolveConfig } from '@sessionmesh/core'
import type * as Diagnostics from '../../packages/agent/src/diagnostics/diagnostics.js'
import type * as DiagnosticFrames from '../../packages/agent/src/diagnostics/frames.js'
import type * as LinkMeters from '../../packages/agent/src/diagnostics/link-meter.js'
import type * as Frames from '../../packages/agent/src/frames.js'
import type * as Keeps from '../../packages/agent/src/kept.js'
import type * as LinkTypes from '../../packages/agent/src/link.js'

const agent = pathToFileURL(createRequire(import.meta.url).resolve('sessionmesh'))
const load = <T>(path: string): Promise<T> => import(new URL(path, agent).href)

const frames = await load<typeof Frames>('./frames.js')
const room = frames.roomInFrames(resolveConfig({}))
export const { encodeFrame } = frames
export const decodeFrame = (frame: Uint8Array) => frames.decodeFrame(frame, room)
export const { isAside } = await load<typeof DiagnosticFrames>('./diagnostics/frames.js')
export const { LocalDiagnostics } = await load<typeof Diagnostics>('./diagnostics/diagnostics.js')
export const { LinkMeter } = await load<typeof LinkMeters>('./diagnostics/link-meter.js')
export const { Kept } = await load<typeof Keeps>('./kept.js')
export type Link = LinkTypes.Link
export type Decode = typeof decodeFrame
