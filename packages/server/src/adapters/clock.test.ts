import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DatabaseClock } from './clock.ts'

test('readings that took long and came from anywhere in their round trip never move a right clock', () => {
  const reading = fc.record({
    tookMs: fc.integer({ min: 0, max: 500 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 50 }), (readings) => {
      const clock = new DatabaseClock()
      const startMs = performance.now()
      const databaseMs = Date.UTC(2026, 2, 6)
      const databaseAt = (monotonicMs: number) => databaseMs + monotonicMs - startMs
      clock.correct(new Date(databaseAt(startMs)), startMs, startMs)
      for (const { tookMs, share } of readings) {
        const askedAt = startMs
        clock.correct(new Date(databaseAt(askedAt + tookMs * share)), askedAt, askedAt + tookMs)
      }
      expectNow(clock, databaseAt)
    }),
  )
})

test('a reading that proves the clock wrong moves it as far as it must', () => {
  const clock = new DatabaseClock()
  const at = performance.now()
  clock.correct(new Date(Date.UTC(2026, 2, 6)), at, at)
  clock.correct(new Date(Date.UTC(2026, 2, 6, 1)), at, at + 100)
  expectNow(clock, (monotonicMs) => Date.UTC(2026, 2, 6, 1) - 100 + monotonicMs - at)
})

/** It is right to 3 ms, and was read in between: this process may have had to wait there. */
function expectNow(clock: DatabaseClock, databaseAt: (monotonicMs: number) => number): void {
  const [beforeMs, now, afterMs] = [performance.now(), clock.now().getTime(), performance.now()]
  expect(now).toBeGreaterThanOrEqual(databaseAt(beforeMs) - 3)
  expect(now).toBeLessThanOrEqual(databaseAt(afterMs) + 3)
}
