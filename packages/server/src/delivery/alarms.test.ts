import { expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { Alarms } from './alarms.ts'

function alarms() {
  const clock = new ManualClock('2026-03-01T00:00:00.000Z')
  const start = clock.now()
  const rung: string[] = []
  const set = new Alarms<string>(clock, (key) => rung.push(`${key} ${clock.now().getTime() - start.getTime()}`))
  return { clock, set, rung, at: (ms: number) => addMs(start, ms) }
}

test('each key rings once, in order, never early and at most 10 ms late', () => {
  const { clock, set, rung, at } = alarms()
  set.set('b', at(31))
  set.set('a', at(12))
  set.set('c', at(60))
  clock.advanceMs(1_000)
  expect(rung).toEqual(['a 20', 'b 40', 'c 60'])
})

test('an earlier alarm replaces a later one of the key, a later one changes nothing', () => {
  const { clock, set, rung, at } = alarms()
  set.set('a', at(500))
  set.set('a', at(100))
  set.set('a', at(900))
  clock.advanceMs(1_000)
  expect(rung).toEqual(['a 100'])
})

test('a canceled key stays silent, and can be set again', () => {
  const { clock, set, rung, at } = alarms()
  set.set('a', at(100))
  set.cancel('a')
  set.set('b', at(100))
  clock.advanceMs(200)
  set.set('a', at(300))
  clock.advanceMs(200)
  expect(rung).toEqual(['b 100', 'a 300'])
})

test('an alarm set while one rings is kept', () => {
  const clock = new ManualClock('2026-03-01T00:00:00.000Z')
  const start = clock.now()
  let left = 3
  const set: Alarms<string> = new Alarms(clock, (key) => {
    left -= 1
    if (left > 0) set.set(key, addMs(clock.now(), 50))
  })
  set.set('a', addMs(start, 50))
  clock.advanceMs(1_000)
  expect(left).toBe(0)
})
