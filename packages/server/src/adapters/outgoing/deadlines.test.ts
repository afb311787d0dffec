import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { Deadlines } from './deadlines.ts'

const TICK_MS = 16
/** Other tests run on the same cores; a turn of the wheel is a minute. */
const LATE_MS_MAX = 10_000

describe('deadlines', () => {
  test('each rings once, never early, and in the order of their moments', async () => {
    const deadlines = new Deadlines()
    const startedAt = performance.now()
    const rang: number[] = []
    const delays = [200, 0, 50, 100, 51, -5]
    await Promise.all(
      delays.map(
        (delayMs) =>
          new Promise<void>((resolve) => {
            deadlines.after(delayMs, () => {
              const elapsedMs = performance.now() - startedAt
              assert(elapsedMs >= delayMs && elapsedMs <= Math.max(delayMs, 0) + TICK_MS + LATE_MS_MAX)
              rang.push(delayMs)
              resolve()
            })
          }),
      ),
    )
    assert.equal(rang.length, delays.length)
    for (const [earlier, later] of [
      [0, 50],
      [50, 100],
      [100, 200],
    ] as const) {
      assert(rang.indexOf(earlier) < rang.indexOf(later))
    }
  })

  test('a cancelled one does not ring, also when another that rings at the same moment cancels it', async () => {
    const deadlines = new Deadlines()
    const rang: string[] = []
    deadlines.after(20, () => rang.push('cancelled')).cancel()
    const both = ['first', 'second'].map((name) =>
      deadlines.after(30, () => {
        rang.push(name)
        for (const alarm of both) alarm.cancel()
      }),
    )
    await new Promise<void>((resolve) => void deadlines.after(80, resolve))
    assert.deepEqual(rang, ['first'])
  })

  test('cancelling twice counts once, and a new one rings after all have gone', async () => {
    const deadlines = new Deadlines()
    const alarm = deadlines.after(10_000, () => undefined)
    alarm.cancel()
    alarm.cancel()
    await new Promise<void>((resolve) => void deadlines.after(20, resolve))
    await new Promise<void>((resolve) => void deadlines.after(20, resolve))
  })

  test('one that lies more than a turn of the wheel ahead is passed over', async () => {
    const deadlines = new Deadlines()
    let rang = false
    // a turn is 4,096 ticks: this one lands in a slot that the wheel passes in the next moments
    const alarm = deadlines.after(4_096 * TICK_MS + 32, () => {
      rang = true
    })
    await new Promise<void>((resolve) => void deadlines.after(120, resolve))
    alarm.cancel()
    assert.equal(rang, false)
  })
})
