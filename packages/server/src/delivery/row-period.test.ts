import { expect, test } from 'vitest'
import { RowPeriod } from './row-period.ts'

test('it lasts twice as long each time it begins soon after its end, up to 16 s', () => {
  const period = new RowPeriod()
  expect(period.lasts(0)).toBe(false)
  const lasted: number[] = []
  for (let nowMs = 100_000; lasted.length < 7; nowMs += 9_000) {
    period.begin(nowMs)
    const beganMs = nowMs
    while (period.lasts(nowMs)) nowMs += 100
    lasted.push(nowMs - beganMs)
  }
  expect(lasted).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000])
})

test('what happens while it lasts does not make it longer', () => {
  const period = new RowPeriod()
  for (const nowMs of [1_000, 1_100, 1_499]) period.begin(nowMs)
  expect([period.lasts(1_499), period.lasts(1_500)]).toEqual([true, false])
})

test('after a long rest it is short again', () => {
  const period = new RowPeriod()
  period.begin(1_000)
  period.begin(2_000)
  period.begin(13_000)
  expect([period.lasts(13_499), period.lasts(13_500)]).toEqual([true, false])
})
