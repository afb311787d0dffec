import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { afterFailure, blockedUntil, type Failures, refusedUntil } from './token-failures.ts'

const start = new Date('2026-03-06T16:41:07.120Z')
const MINUTE = 60_000

/** The state after failures at these moments (ms after the start). */
function after(...moments: number[]): Failures {
  const state = moments.reduce<Failures | undefined>((before, ms) => afterFailure(before, addMs(start, ms)), undefined)
  assert.ok(state)
  return state
}

const ten = Array.from({ length: 10 }, (_, index) => index)

describe('failures at the token endpoint (reliability-security 11, T09)', () => {
  test('nine failures in five minutes block nothing; the tenth does, for five minutes', () => {
    assert.equal(after(...ten.slice(1)).blockedUntil, null)
    assert.deepEqual(after(...ten).blockedUntil, addMs(start, 9 + 5 * MINUTE))
  })

  test('failures of an earlier window do not add up', () => {
    assert.equal(after(...ten.slice(1), 5 * MINUTE + 1).blockedUntil, null)
  })

  test('each further block is twice as long, up to an hour; two quiet hours forgive', () => {
    let state: Failures | undefined
    let now = start
    const waits: number[] = []
    for (let block = 0; block < 6; block += 1) {
      for (const _ of ten) state = afterFailure(state, now)
      assert.ok(state?.blockedUntil)
      waits.push((state.blockedUntil.getTime() - now.getTime()) / MINUTE)
      now = state.blockedUntil
    }
    assert.deepEqual(waits, [5, 10, 20, 40, 60, 60])
    now = addMs(now, 120 * MINUTE)
    for (const _ of ten) state = afterFailure(state, now)
    assert.deepEqual(state?.blockedUntil, addMs(now, 5 * MINUTE))
  })

  test('a blocked address is refused; a blocked client id only where it has failed too', () => {
    const blocked = after(...ten)
    const now = addMs(start, 1_000)
    assert.deepEqual(refusedUntil(undefined, blocked, now), blocked.blockedUntil)
    assert.deepEqual(refusedUntil(blocked, after(0), now), blocked.blockedUntil)
    assert.equal(refusedUntil(blocked, undefined, now), undefined)
    assert.equal(refusedUntil(after(0), after(0), now), undefined)
    assert.equal(refusedUntil(blocked, blocked, blocked.blockedUntil ?? now), undefined)
    assert.deepEqual(blockedUntil(blocked, undefined, now), blocked.blockedUntil)
    assert.equal(blockedUntil(after(0), after(0), now), undefined)
  })

  test('whatever the rhythm of guesses, no five minutes evaluate more than ten from one address', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 30, maxLength: 300 }), (pauses) => {
        let state: Failures | undefined
        let now = start
        const evaluated: number[] = []
        for (const pause of pauses) {
          now = addMs(now, pause)
          if (refusedUntil(undefined, state, now)) continue
          evaluated.push(now.getTime())
          state = afterFailure(state, now)
        }
        for (const [index, at] of evaluated.entries()) {
          const tenLater = evaluated[index + 10]
          if (tenLater !== undefined) assert.ok(tenLater - at >= 5 * MINUTE, `11 within ${tenLater - at} ms`)
        }
      }),
    )
  })
})
