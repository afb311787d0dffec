import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { addressSubject, RateLimiter } from './rate-limit.ts'

let db: TestDatabase

beforeAll(async () => {
  db = await testDatabase()
})
afterAll(async () => await db.close())

describe('rate limit: fixed windows on the full UTC minute (producersync-api 3)', () => {
  test('of 360 requests at once through three processes, exactly 300 pass, and each says what is left', async () => {
    const clock = new ManualClock('2026-03-06T16:41:07.120Z')
    const limiters = [1, 2, 3].map(() => new RateLimiter(db.open('api'), clock))
    const windows = await Promise.all(
      Array.from({ length: 120 }, () => limiters.map((limiter) => limiter.take('client:a', 300))).flat(),
    )
    const passed = windows.filter((window) => window.allowed).map((window) => window.remaining)
    assert.deepEqual(
      passed.sort((a, b) => b - a),
      Array.from({ length: 300 }, (_, index) => 299 - index),
    )
    for (const refused of windows.filter((window) => !window.allowed)) {
      assert.deepEqual(refused, { allowed: false, limit: 300, remaining: 0, resetSeconds: 53 })
    }
  })

  test('a window ends with the minute, whenever its first request came; a refused request is not counted', async () => {
    const clock = new ManualClock('2026-03-06T16:41:59.000Z')
    const limiter = new RateLimiter(db.open('api'), clock)
    assert.deepEqual(await limiter.take('client:b', 2), { allowed: true, limit: 2, remaining: 1, resetSeconds: 1 })
    clock.advanceMs(999)
    assert.deepEqual(await limiter.take('client:b', 2), { allowed: true, limit: 2, remaining: 0, resetSeconds: 1 })
    for (let time = 0; time < 5; time += 1) assert.equal((await limiter.take('client:b', 2)).allowed, false)
    const [row] = await db.open('migrate').query<{
      most: number
    }>`select max(requests) as most from rate_window where requests < 300`
    assert.equal(row?.most, 2)
    clock.advanceMs(1)
    assert.deepEqual(await limiter.take('client:b', 2), { allowed: true, limit: 2, remaining: 1, resetSeconds: 60 })
  })

  test('callers have windows of their own', async () => {
    const clock = new ManualClock('2026-03-06T16:50:00.000Z')
    const limiter = new RateLimiter(db.open('api'), clock)
    assert.equal((await limiter.take('client:c', 1)).allowed, true)
    assert.equal((await limiter.take('client:c', 1)).allowed, false)
    assert.equal((await limiter.take('client:d', 1)).allowed, true)
  })
})

test.each([
  ['192.0.2.7', 'address:192.0.2.7'],
  ['::ffff:192.0.2.7', 'address:192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', 'address:2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::1', 'address:2001:db8:1:2::/64'],
  ['2001:db8::1', 'address:2001:db8:0:0::/64'],
  ['::1', 'address:0:0:0:0::/64'],
  ['fe80::1%eth0', 'address:fe80:0:0:0::/64'],
])('%s counts as %s', (address, subject) => {
  assert.equal(addressSubject(address), subject)
})
