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

test('endpoints are disabled for moments and for long, each with something that comes right after', () => {
  const scenarios = Array.from({ length: 400 }, (_, seed) => draw(seed))
  const switches = scenarios.flatMap(({ switches, events }) => switches.map((drawn) => ({ ...drawn, events })))
  expect(switches.some(({ forMs }) => forMs < 10)).toBe(true)
  expect(switches.some(({ forMs }) => forMs > 1_000)).toBe(true)
  for (const { atMs, forMs, events } of switches) {
    const sinceMs = events.map((event) => event.atMs - atMs - forMs)
    expect(sinceMs.some((ms) => ms > 0 && ms <= 400)).toBe(true)
  }
  const twice = scenarios.find(({ switches }) => switches.length === 2)
  expect(new Set(twice?.switches.map(({ endpoint }) => endpoint)).size).toBe(2)
})
