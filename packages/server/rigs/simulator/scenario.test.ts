import { expect, test } from 'vitest'
import { draw } from './scenario.ts'

test('a seed decides everything beforehand, and seeds differ', () => {
  expect(draw(7)).toEqual(draw(7))
  expect(new Set(Array.from({ length: 50 }, (_, seed) => JSON.stringify({ ...draw(seed), seed: 0 }))).size).toBe(50)
})

test('every kind of fault, and none at all, is drawn within a few hundred seeds', () => {
  const scenarios = Array.from({ length: 400 }, (_, seed) => draw(seed))
  const kinds = new Set(scenarios.flatMap(({ faults }) => faults.map(({ kind }) => kind)))
  expect(kinds.size).toBe(9)
  expect(scenarios.some(({ faults }) => faults.length === 0)).toBe(true)
})
