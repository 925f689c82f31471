/** The relations between options, and what an error about them says. */

import { describe, expect, test } from 'vitest'
import { type Config, defaults, graceMs, resolveConfig, touchIntervalMs } from './config.js'

const refusal = (given: Record<string, unknown>): unknown => {
  try {
    return resolveConfig(given as Partial<Config>)
  } catch (error) {
    return error
  }
}

describe('options', () => {
  test('default to values that satisfy every relation', () => {
    expect(resolveConfig()).toEqual(defaults)
    expect(refusal({ ttlMs: undefined })).toEqual(defaults)
  })

  test('given ones are taken, and the defaults stay as they are', () => {
    expect(resolveConfig({ ttlMs: 5 }).ttlMs).toBe(5)
    expect(defaults.ttlMs).not.toBe(5)
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '250', null, true])('refuse %j', (value) => {
    expect(refusal({ ttlMs: value })).toMatchObject({
      code: 'SESSIONMESH_BAD_OPTION',
      message: expect.stringContaining(`config.ttlMs is ${value}`),
    })
  })

  test('refuse a name that is none, with the names there are', () => {
    expect(refusal({ hartbeatMs: 5 })).toMatchObject({
      code: 'SESSIONMESH_BAD_OPTION',
      message: expect.stringMatching(/hartbeatMs.*heartbeatMs/),
    })
  })

  // Each pair at its limit, then one past it.
  test.each([
    ['heartbeatMs', 375, 'suspectAfterMs', 750],
    ['suspectAfterMs', 2_000, 'deadAfterMs', 2_000],
    ['maxSessionBytes', 2 ** 20, 'maxFrameBytes', 4 * 2 ** 20],
    ['maxBatchBytes', 2 ** 20, 'maxFrameBytes', 4 * 2 ** 20],
    ['transferChunkBytes', 10 ** 6, 'maxFrameBytes', 12 * 10 ** 6],
    ['maxSessionBytes', 2 * 2 ** 20, 'maxLinkBufferBytes', 8 * 2 ** 20],
    ['maxBatchBytes', 2 * 2 ** 20, 'maxLinkBufferBytes', 8 * 2 ** 20],
    ['transferChunkBytes', 10 ** 6, 'maxLinkBufferBytes', 6 * 10 ** 6],
    ['dialBackoffMs', 1_000, 'maxDialBackoffMs', 1_000],
    ['clockDriftWarningMs', 10_000, 'maxClockDriftMs', 10_000],
  ] as const)('%s may be %d while %s is %d, and no more', (small, most, big, value) => {
    expect(resolveConfig({ [small]: most, [big]: value })[small]).toBe(most)
    const error = refusal({ [small]: most + 1, [big]: value })
    expect(error).toMatchObject({ code: 'SESSIONMESH_BAD_OPTION' })
    const { message } = error as Error
    for (const part of [`${small} is ${most + 1}`, `${big} is ${value}`, `raise ${big}`])
      expect(message).toContain(part)
  })
})

describe('what follows from a ttl', () => {
  test('touches are sent once per tenth of it, and at least once a minute', () => {
    expect(touchIntervalMs(30_000, defaults)).toBe(3_000)
    expect(touchIntervalMs(24 * 3_600_000, defaults)).toBe(60_000)
  })

  test('an expired record is kept for a touch interval and the time to notice a death', () => {
    expect(graceMs(30_000, defaults)).toBe(3_000 + defaults.deadAfterMs)
  })
})
