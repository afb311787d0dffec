import assert from 'node:assert/strict'
import { test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { ManualClock } from './manual-clock.ts'

test('alarms fire in the order of their moments, each at its own time, also those set by an alarm', () => {
  const clock = new ManualClock('2026-01-01T00:00:00.000Z')
  const start = clock.now()
  const fired: string[] = []
  const note = (name: string) => () => void fired.push(`${name}@${clock.now().getTime() - start.getTime()}`)
  clock.alarm(addMs(start, 300), note('c'))
  clock.alarm(addMs(start, 100), () => {
    note('a')()
    clock.alarm(addMs(start, 200), note('b'))
    clock.alarm(addMs(start, 900), note('late'))
  })
  clock.alarm(addMs(start, 300), note('d'))
  clock.alarm(addMs(start, 150), note('canceled')).cancel()
  assert.deepEqual(clock.nextAlarmAt, addMs(start, 100))
  clock.advanceMs(500)
  assert.deepEqual(fired, ['a@100', 'b@200', 'c@300', 'd@300'])
  assert.equal(clock.now().getTime() - start.getTime(), 500)
  assert.deepEqual(clock.nextAlarmAt, addMs(start, 900))
})

test('an alarm whose moment has passed fires once, but not in the call that sets it', async () => {
  const clock = new ManualClock()
  let times = 0
  const fired = new Promise<void>((resolve) => {
    clock.alarm(addMs(clock.now(), -1), () => {
      times += 1
      resolve()
    })
  })
  assert.equal(times, 0)
  await fired
  clock.advanceMs(1000)
  assert.equal(times, 1)
})
