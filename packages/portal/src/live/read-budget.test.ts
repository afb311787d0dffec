import { expect, test } from 'vitest'
import { ReadBudget } from './read-budget.ts'

test('portal 1: however much changes, no minute has more than 60 reads, and they go on', () => {
  for (const reads of [1, 2, 4, 30]) {
    const budget = new ReadBudget(0)
    const at: number[] = []
    for (let now = 0; now < 600_000; ) {
      const wait = budget.take(reads, now)
      if (wait === 0) at.push(now)
      now += Math.max(wait, 200)
    }
    for (const begin of at) {
      const calls = at.filter((moment) => moment >= begin && moment < begin + 60_000).length * reads
      expect(calls).toBeLessThanOrEqual(60)
    }
    expect(at.length * reads).toBeGreaterThan(250)
  }
})

test('portal 10: a change now and then is read at once', () => {
  const budget = new ReadBudget(0)
  for (let now = 0; now < 600_000; now += 10_000) expect(budget.take(4, now)).toBe(0)
})
