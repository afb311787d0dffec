import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { TokenBucket } from './token-bucket.ts'

const start = new Date('2026-03-01T00:00:00.000Z')

/** Takes as many as are wanted, waiting as told; ms from the start of each. */
function takeAll(bucket: TokenBucket, count: number): number[] {
  const taken: number[] = []
  let now = start
  while (taken.length < count) {
    const token = bucket.take(now)
    if (token.taken) taken.push(now.getTime() - start.getTime())
    else now = token.at
  }
  return taken
}

test('50 at 10 a second take at least 4 s', () => {
  expect(takeAll(new TokenBucket(10, start), 50).at(-1)).toBeGreaterThanOrEqual(4_000)
})

test('no window holds more than one second above its rate', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 10 }), (rate, seconds) => {
      const taken = takeAll(new TokenBucket(rate, start), rate * 12)
      for (const first of taken) {
        const within = taken.filter((ms) => ms >= first && ms < first + seconds * 1000).length
        expect(within).toBeLessThanOrEqual(rate * (seconds + 1))
      }
    }),
  )
})

test('a clock that steps back gives nothing away', () => {
  const bucket = new TokenBucket(1, start)
  expect(bucket.take(start).taken).toBe(true)
  expect(bucket.take(addMs(start, -60_000)).taken).toBe(false)
  expect(bucket.take(addMs(start, -59_001)).taken).toBe(false)
})

test('a changed rate does not refill what has been used up', () => {
  const bucket = new TokenBucket(2, start)
  bucket.take(start)
  bucket.take(start)
  bucket.setRate(5, start)
  const taken = [0, 1, 2, 3].map(() => bucket.take(start).taken)
  expect(taken).toEqual([true, true, true, false])
})
