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
      const errorMs = clock.now().getTime() - databaseAt(performance.now())
      expect(Math.abs(errorMs)).toBeLessThanOrEqual(3)
    }),
  )
})

test('a reading that proves the clock wrong moves it as far as it must', () => {
  const clock = new DatabaseClock()
  const at = performance.now()
  clock.correct(new Date(Date.UTC(2026, 2, 6)), at, at)
  clock.correct(new Date(Date.UTC(2026, 2, 6, 1)), at, at + 100)
  const errorMs = clock.now().getTime() - (Date.UTC(2026, 2, 6, 1) - 100) - (performance.now() - at)
  expect(Math.abs(errorMs)).toBeLessThanOrEqual(3)
})
