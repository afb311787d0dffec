import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { Destination, Destinations } from './destinations.ts'

describe('a destination', () => {
  test('admits as many attempts at once as its bound, and another when one has left', () => {
    const destination = new Destination({ inFlightMax: 2, perSecondMax: 1e9 })
    destination.enter(0)
    assert.equal(destination.waitMs(0), 0)
    destination.enter(0)
    assert(destination.waitMs(0) > 0)
    destination.leave()
    assert.equal(destination.waitMs(0), 0)
  })

  test('any second has at most the rate, however impatient the callers are', () => {
    const stepMs = fc.double({ min: 0, max: 40, noNaN: true })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.array(stepMs, { minLength: 50, maxLength: 300 }),
        (perSecondMax, steps) => {
          const destination = new Destination({ inFlightMax: Number.POSITIVE_INFINITY, perSecondMax })
          const startedAt: number[] = []
          let now = 0
          for (const step of steps) {
            now += step
            for (; destination.waitMs(now) === 0 && startedAt.length < 5_000; startedAt.push(now))
              destination.enter(now)
          }
          const busiest = Math.max(
            ...startedAt.map((from, index) => startedAt.slice(index).filter((at) => at < from + 1000).length),
          )
          assert(busiest <= perSecondMax)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('waiting as long as it says is enough, and keeps nearly the whole rate', () => {
    const destination = new Destination({ inFlightMax: Number.POSITIVE_INFINITY, perSecondMax: 1000 })
    let now = 0
    let started = 0
    for (; now < 10_000; started++) {
      now += destination.waitMs(now)
      assert.equal(destination.waitMs(now), 0)
      destination.enter(now)
    }
    assert(started >= 9_400 && started <= 10_050)
  })

  test('without a rate, nothing but the attempts in flight counts', () => {
    const destination = new Destination({ inFlightMax: 5, perSecondMax: Number.POSITIVE_INFINITY })
    for (let count = 0; count < 10_000; count++) {
      assert.equal(destination.waitMs(0), 0)
      destination.enter(0)
      destination.leave()
    }
  })

  test('it is forgotten when it limits nothing any more, and not before', () => {
    const limits = { inFlightMax: 10, perSecondMax: 10 }
    const destinations = new Destinations({ host: limits, address: limits })
    const [host, address] = [destinations.host('a'), destinations.address('a')]
    assert.notEqual(host, address)
    host.enter(0)
    destinations.forgetIdle(60_000)
    assert.equal(destinations.host('a'), host)
    assert.notEqual(destinations.address('a'), address)
    host.leave()
    destinations.forgetIdle(1)
    assert.equal(destinations.host('a'), host)
    destinations.forgetIdle(60_000)
    assert.notEqual(destinations.host('a'), host)
  })
})
