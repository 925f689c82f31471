/** Several discoveries at once, the user's own among them. */

import { describe, expect, test } from 'vitest'
import type { Discovery, Report } from './discovery.js'
import { Searches } from './searches.js'

const self = { cluster: 'test', id: 'a', host: '', port: 7373 }

/** A discovery that a test speaks for. */
function spoken(source: Discovery['source'] = 'named') {
  const reports: Report[] = []
  const discovery: Discovery = {
    name: 'a test',
    source,
    start(_self, report) {
      reports.push(report)
      return { looked: Promise.resolve(), stop: async () => {} }
    },
  }
  return { discovery, say: () => reports.at(-1) as Report }
}

function search(...discoveries: Discovery[]) {
  const told: string[] = []
  const searches = new Searches(discoveries, self, {
    found: (address, source, member) => told.push(`found ${address} ${source} ${member}`),
    lost: (address, source) => told.push(`lost ${address} ${source}`),
    failed: (message) => told.push(`failed ${message}`),
    looked: () => told.push('looked'),
  })
  return { searches, told }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('what is found', () => {
  test('by two is lost when neither finds it any more', () => {
    const [one, two] = [spoken(), spoken()]
    const { told } = search(one.discovery, two.discovery)
    for (const each of [one, two]) each.say().found('x:1', 'b')
    one.say().lost('x:1')
    expect(told).toEqual(['found x:1 named b', 'found x:1 named b'])
    two.say().lost('x:1')
    two.say().lost('x:1')
    expect(told.slice(2)).toEqual(['lost x:1 named'])
  })

  test('of what anybody can say is bounded: what was not found for longest is lost', () => {
    const [one, named] = [spoken('heard'), spoken('named')]
    const { told } = search(one.discovery, named.discovery)
    for (let i = 0; i < 1_024; i++) {
      one.say().found(`x:${i + 1}`)
      named.say().found(`y:${i + 1}`)
    }
    one.say().found('x:1')
    named.say().found('y:2000')
    expect(told.filter((line) => line.startsWith('lost'))).toEqual([])
    one.say().found('x:2000')
    expect(told.slice(-2)).toEqual(['found x:2000 heard undefined', 'lost x:2 heard'])
  })

  test('in another spelling is the same', () => {
    const one = spoken('heard')
    const { told } = search(one.discovery)
    one.say().found('[0:0::1]:7373')
    one.say().lost('[::1]:7373')
    expect(told).toEqual(['found [::1]:7373 heard undefined', 'lost [::1]:7373 heard'])
  })
})

describe("a discovery of one's own", () => {
  test('that reports nonsense is told so, and harms nothing', () => {
    const one = spoken()
    const { told } = search(one.discovery)
    one.say().found('nonsense')
    one.say().found('x:1')
    expect(told).toEqual([
      expect.stringContaining('failed a test: "nonsense" is not an address'),
      'found x:1 named undefined',
    ])
  })

  test('that throws or rejects keeps nobody waiting', async () => {
    const thrower: Discovery = {
      name: 'a thrower',
      source: 'named',
      start() {
        throw new Error('no')
      },
    }
    const rejecter: Discovery = {
      name: 'a rejecter',
      source: 'named',
      start: () => ({ looked: Promise.reject(new Error('no')), stop: () => Promise.reject(new Error('no')) }),
    }
    const { searches, told } = search(thrower, rejecter)
    await turn()
    expect(told).toEqual(['failed a thrower cannot be asked: Error: no', 'looked'])
    await searches.stop()
  })

  test('that gives no search is told so, and keeps nobody from being stopped', async () => {
    const broken = (name: string, start: () => unknown) =>
      ({ name, source: 'named', start }) as unknown as Discovery
    const stopped: string[] = []
    const stop = (name: string) => () => {
      stopped.push(name)
      if (name === 'thrower') throw new Error('no')
    }
    const { searches, told } = search(
      broken('nothing', () => undefined),
      broken('a promise', async () => ({ looked: Promise.resolve(), stop: stop('a promise') })),
      broken('thrower', () => ({ looked: Promise.resolve(), stop: stop('thrower') })),
      broken('good', () => ({ looked: Promise.resolve(), stop: stop('good') })),
    )
    const why = 'cannot be asked: Error: start() must give { looked, stop() }, and at once'
    expect(told).toEqual([`failed nothing ${why}`, `failed a promise ${why}`])
    await turn()
    expect(stopped).toEqual(['a promise'])
    await searches.stop()
    expect(stopped).toEqual(['a promise', 'thrower', 'good'])
  })

  test('that was refused is not heard', () => {
    let report: Report | undefined
    const start = async (_self: unknown, given: Report) => {
      report = given
    }
    const { told } = search({ name: 'a promise', source: 'named', start } as unknown as Discovery)
    report?.found('x:1')
    report?.failed('no')
    expect(told).toEqual([expect.stringContaining('a promise cannot be asked')])
  })

  test('is not heard any more once it is stopped', async () => {
    const one = spoken()
    const { searches, told } = search(one.discovery)
    one.say().found('x:1')
    await searches.stop()
    one.say().found('y:1')
    one.say().lost('x:1')
    one.say().failed('late')
    await turn()
    expect(told).toEqual(['found x:1 named undefined'])
  })
})
