import { expect, test } from 'vitest'
import { scheduleWords } from './schedule.ts'

test.each([
  [[5, 300, 1_800, 86_400], '5 s, 5 min, 30 min, 1 day: 5 attempts in 1 day 1 h'],
  [[60], '1 min: 2 attempts in 1 min'],
  [[], 'No retries: one attempt each'],
])('S4: a schedule of waits %j is said as %s', (waits, words) => {
  expect(scheduleWords(waits)).toBe(words)
})
