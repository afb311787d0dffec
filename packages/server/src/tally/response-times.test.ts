import { expect, test } from 'vitest'
import { RESPONSE_BOUNDS_MS, type ResponseTimes, responseTime, sumResponseTimes } from './response-times.ts'

/** Counted as the database counts them. */
function counted(durations: readonly number[]): ResponseTimes {
  const counts = Array.from({ length: RESPONSE_BOUNDS_MS.length + 1 }, () => 0)
  for (const ms of durations) {
    const at = RESPONSE_BOUNDS_MS.filter((bound) => bound <= ms).length
    counts[at] = (counts[at] ?? 0) + 1
  }
  return { durations: counts, maxMs: Math.max(0, ...durations) }
}

test('half and 95 of 100 response times are told to about a tenth from their classes', () => {
  const durations = Array.from({ length: 1_000 }, (_, index) => 20 + index * 3)
  const times = counted(durations)
  for (const share of [0.5, 0.95]) {
    const exact = durations[Math.ceil(1_000 * share) - 1] ?? 0
    expect(Math.abs((responseTime(times, share) ?? 0) - exact) / exact).toBeLessThan(0.1)
  }
  expect(responseTime(counted([]), 0.95)).toBeNull()
})

test('no response time is said to be longer than the longest, and 3 s can be told from more', () => {
  expect(responseTime(counted([42]), 0.95)).toBeLessThanOrEqual(42)
  expect(responseTime(counted([2_990, 2_995, 2_999]), 0.95)).toBeLessThanOrEqual(3_000)
  expect(responseTime(counted([3_400, 3_500, 3_600]), 0.95)).toBeGreaterThan(3_000)
  expect(responseTime(counted([45_000]), 0.5)).toBeGreaterThanOrEqual(30_000)
})

test('counts of several times add up to those of all of it', () => {
  const parts = [counted([5, 80, 4_000]), counted([]), counted([81, 90])]
  expect(sumResponseTimes(parts)).toEqual(counted([5, 80, 4_000, 81, 90]))
})
