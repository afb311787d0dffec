import { expect, test } from 'vitest'
import { waitOf } from './follow.ts'

test.each([
  // tries that failed, chance, wait
  [0, 0, 1_000],
  [0, 1, 2_000],
  [1, 1, 4_000],
  [3, 0.5, 8_500],
  [9, 0, 1_000],
  [9, 1, 30_000],
  [1_000, 1, 30_000],
])('after %i failures and with chance %f the next try comes in %i ms', (failures, random, ms) => {
  expect(waitOf(failures, random)).toBe(ms)
})
