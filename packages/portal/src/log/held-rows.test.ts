import { expect, test } from 'vitest'
import { freshOf, type Held, heldAfter } from './held-rows.ts'

const rowsOf = (...ids: string[]) => ids.map((id) => ({ id, state: 'waiting' }))

test('G6: what is read anew changes rows in place, and new ones wait', () => {
  const first = heldAfter(null, { list: 'all', read: rowsOf('b', 'a') })
  const read = [...rowsOf('d', 'c'), { id: 'b', state: 'delivered' }]
  const later = heldAfter(first, { list: 'all', read })
  expect(later.rows).toEqual([{ id: 'b', state: 'delivered' }, ...rowsOf('a')])
  expect(freshOf(later)).toBe(2)
})

test('another filter or page starts anew', () => {
  const first = heldAfter(null, { list: 'all', read: rowsOf('b', 'a') })
  const other = heldAfter(first, { list: 'failed', read: rowsOf('a') })
  expect([other.rows, freshOf(other)]).toEqual([rowsOf('a'), 0])
})

test('portal 12: however much is read, no more is kept than what is shown and what was read last', () => {
  let held: Held<{ id: string }> = heldAfter(null, { list: 'all', read: rowsOf('0') })
  for (let second = 1; second <= 100; second += 1) {
    held = heldAfter(held, { list: 'all', read: rowsOf(`${second}a`, `${second}b`) })
  }
  expect([held.rows, held.read]).toEqual([rowsOf('0'), rowsOf('100a', '100b')])
})
