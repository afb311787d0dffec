import { describe, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { type AttemptCounts, sumCounts } from '#src/statistics/attempt-counts.ts'
import { RESPONSE_BOUNDS_MS } from '#src/tally/response-times.ts'
import { disablesAt, type EndpointFacts, stateOf } from './endpoint-state.ts'

const NOW = new Date('2026-03-06T15:02:00.000Z')
const ago = (minutes: number) => addMs(NOW, -minutes * 60_000)
const NOTHING = Array.from({ length: 12 }, () => null)
const proven: EndpointFacts = {
  createdAt: ago(9_000),
  urlSetAt: null,
  disabledAt: null,
  provenAt: ago(8_000),
  recoveredAt: null,
  failingSince: null,
  failures: 0,
  lastFailureAt: null,
  pausedSince: null,
  pausedUntil: null,
}

/** So many first attempts of five minutes, of which some have failed, that took so long. */
function step(attempts: number, failed = 0, ms = 80): AttemptCounts {
  const durations = [...RESPONSE_BOUNDS_MS, 0].map(() => 0)
  durations[RESPONSE_BOUNDS_MS.filter((bound) => bound <= ms).length] = attempts
  const counts = { delivered: attempts - failed, failed, firstAttempts: attempts, firstDelivered: attempts - failed }
  return { ...sumCounts([]), ...counts, times: { durations, maxMs: ms } }
}

describe('the state of an endpoint', () => {
  const failing = { failingSince: ago(11), failures: 3, lastFailureAt: ago(1) }
  test.each<[string, Partial<EndpointFacts>, string, Date]>([
    ['healthy since its first success', {}, 'healthy', ago(8_000)],
    ['healthy since it recovered', { recoveredAt: ago(30) }, 'healthy', ago(30)],
    ['unverified without one', { provenAt: null }, 'unverified', ago(9_000)],
    ['unverified since it got another URL', { provenAt: null, urlSetAt: ago(5) }, 'unverified', ago(5)],
    ['failing after three failures and ten minutes', failing, 'failing', ago(11)],
    ['not failing after two', { ...failing, failures: 2 }, 'healthy', ago(8_000)],
    ['not failing before ten minutes', { ...failing, failingSince: ago(9.9) }, 'healthy', ago(8_000)],
    ['failing, though it never worked', { ...failing, provenAt: null }, 'failing', ago(11)],
    ['paused while its breaker is open', { ...failing, pausedSince: ago(2), pausedUntil: ago(-0.5) }, 'paused', ago(2)],
    ['not paused by a breaker of long ago', { pausedSince: ago(70), pausedUntil: ago(60) }, 'healthy', ago(8_000)],
    ['disabled before all else', { ...failing, disabledAt: ago(4), pausedUntil: ago(-1) }, 'disabled', ago(4)],
  ])('%s', (_, facts, state, since) => {
    expect(stateOf({ ...proven, ...facts }, NOTHING, NOW)).toEqual({ state, since })
  })

  test('degraded with fewer than 95 of 100 first attempts answered in the last hour, or slow ones', () => {
    const hour = (last: AttemptCounts) => [...NOTHING.slice(1), last]
    expect(stateOf(proven, hour(step(100, 6)), NOW).state).toBe('degraded')
    expect(stateOf(proven, hour(step(100, 5)), NOW).state).toBe('healthy')
    expect(stateOf(proven, hour(step(100, 0, 3_500)), NOW).state).toBe('degraded')
    expect(stateOf(proven, hour(step(100, 0, 2_900)), NOW).state).toBe('healthy')
    expect(stateOf(proven, [step(100, 50), ...NOTHING], NOW).state).toBe('healthy') // more than an hour ago
  })

  test('degraded since the first of the bad hours that have followed each other', () => {
    const bad = [...NOTHING, step(10, 5), step(10), step(10, 5), null]
    expect(stateOf(proven, bad, NOW)).toEqual({ state: 'degraded', since: ago(15) })
    const mended = [step(10, 5), ...NOTHING, step(10, 5), null]
    expect(stateOf(proven, mended, NOW)).toEqual({ state: 'degraded', since: ago(5) })
  })
})

describe('when a failing endpoint is disabled', () => {
  const failing = { ...proven, failingSince: ago(60), failures: 4, lastFailureAt: ago(1) }
  const policy = { disableFailing: true, disableAfterDays: 5 }
  test('so many days after its first failure', () => {
    expect(disablesAt(failing, policy, NOW)).toEqual(addMs(ago(60), 5 * 86_400_000))
  })
  test.each<[string, EndpointFacts, object]>([
    ['nobody is disabled for failing', failing, { disableFailing: false }],
    ['it does not fail', proven, {}],
    ['it is disabled', { ...failing, disabledAt: ago(1) }, {}],
    ['it has had nothing to do for two days', { ...failing, lastFailureAt: ago(49 * 60) }, {}],
  ])('never while %s', (_, facts, changed) => {
    expect(disablesAt(facts, { ...policy, ...changed }, NOW)).toBeNull()
  })
})
