import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { PLANNED_PER_STEP_MAX, roomOf, spread } from './pace.ts'

const NOW = new Date('2026-03-06T15:00:00.000Z')

test('room', () => {
  const table = [
    // planned ahead in ms, rate → deliveries, or the wait in ms
    { aheadMs: null, rate: 50, count: 200, startMs: 0 },
    { aheadMs: -60_000, rate: 50, count: 200, startMs: 0 },
    { aheadMs: 0, rate: 1, count: 4, startMs: 0 },
    { aheadMs: 1_000, rate: 50, count: 150, startMs: 1_000 },
    { aheadMs: 2_000, rate: 50, count: 100, startMs: 2_000 },
    { aheadMs: 2_001, rate: 50, waitMs: 1 },
    { aheadMs: 4_000, rate: 50, waitMs: 2_000 },
    { aheadMs: 0, rate: 1_000, count: PLANNED_PER_STEP_MAX, startMs: 0 },
  ]
  for (const { aheadMs, rate, count, startMs, waitMs } of table) {
    const room = roomOf(aheadMs === null ? null : addMs(NOW, aheadMs), NOW, rate)
    const wanted = waitMs === undefined ? { start: addMs(NOW, startMs ?? 0), count } : { again: addMs(NOW, waitMs) }
    expect(room, `${aheadMs} ms ahead at ${rate}/s`).toEqual(wanted)
  }
})

test('however a replay is cut into steps, no second has more than its rate and a slice, and nothing is due in the past', () => {
  const steps = fc.array(
    fc.record({ wanted: fc.integer({ min: 0, max: 600 }), waitMs: fc.integer({ min: 0, max: 5_000 }) }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), steps, (rate, todo) => {
      let now = NOW
      let pacedUntil: Date | null = null
      const due: number[] = []
      for (const { wanted, waitMs } of todo) {
        const room = roomOf(pacedUntil, now, rate)
        if ('start' in room && wanted > 0) {
          const planned = spread(room.start, Math.min(wanted, room.count), rate)
          for (const dueAt of planned.dueAts) expect(dueAt.getTime()).toBeGreaterThanOrEqual(now.getTime())
          due.push(...planned.dueAts.map((dueAt) => dueAt.getTime()))
          pacedUntil = planned.pacedUntil
        }
        now = addMs(now, waitMs)
      }
      due.sort((a, b) => a - b)
      const most = Math.ceil(rate * 1.2) + 1
      for (let index = 0; index + most < due.length; index += 1) {
        expect((due[index + most] ?? 0) - (due[index] ?? 0)).toBeGreaterThanOrEqual(1_000)
      }
    }),
  )
})
