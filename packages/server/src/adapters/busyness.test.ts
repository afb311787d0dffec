import type { EventLoopUtilization } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { Busyness } from './busyness.ts'

/** A thread whose times are told. */
function thread() {
  const spent = { active: 0, idle: 0 }
  const utilization = (since: EventLoopUtilization = { active: 0, idle: 0, utilization: 0 }): EventLoopUtilization => {
    const active = spent.active - since.active
    const idle = spent.idle - since.idle
    return { active, idle, utilization: active / (active + idle) }
  }
  const busyness = new Busyness(utilization)
  const spend = (active: number, idle: number) => {
    spent.active += active
    spent.idle += idle
    return busyness.isBusy()
  }
  return { spend }
}

test('a stretch without a pause is busy, and one with pauses is not', () => {
  const { spend } = thread()
  expect([spend(90, 10), spend(40, 60), spend(100, 0)]).toEqual([true, false, true])
})

test('what is shorter than a stretch changes nothing', () => {
  const { spend } = thread()
  expect([spend(60, 0), spend(60, 0), spend(0, 90), spend(0, 20)]).toEqual([false, true, true, false])
})

test('an hour without questions is not busy', () => {
  const { spend } = thread()
  expect([spend(100, 0), spend(200, 3_600_000)]).toEqual([true, false])
})

test('asks the process itself', () => {
  expect(new Busyness().isBusy()).toBe(false)
})
