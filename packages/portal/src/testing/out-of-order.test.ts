import { expect, test } from 'vitest'
import { outOfOrder } from './out-of-order.ts'

test('of a pair out of order the second happened first, and all else is the same', () => {
  const now = new Date('2026-03-06T18:00:00.000Z')
  const { later, earlier } = outOfOrder('{"type":"a.b","timestamp":"2020-01-01T00:00:00Z","data":{"n":1}}', now)
  expect(later).toEqual({ type: 'a.b', timestamp: '2026-03-06T18:00:00.000Z', data: { n: 1 } })
  expect(earlier).toEqual({ ...later, timestamp: '2026-03-06T17:59:00.000Z' })
})
