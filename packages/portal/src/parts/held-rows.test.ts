import { expect, test } from 'vitest'
import { freshOf, type Held, heldAfter } from './held-rows.ts'

type Row = { id: string; state: string }
const keyOf = ({ id }: Row) => id
const rowsOf = (...ids: string[]): Row[] => ids.map((id) => ({ id, state: 'waiting' }))

test('G6: what is read anew changes rows in place, and new ones wait', () => {
  const first = heldAfter(null, { list: 'all', read: rowsOf('b', 'a') }, keyOf)
  const read = [...rowsOf('d', 'c'), { id: 'b', state: 'delivered' }]
  const later = heldAfter(first, { list: 'all', read }, keyOf)
  expect(later.rows).toEqual([{ id: 'b', state: 'delivered' }, ...rowsOf('a')])
  expect(freshOf(later, keyOf)).toBe(2)
})

test('another filter or page starts anew', () => {
  const first = heldAfter(null, { list: 'all', read: rowsOf('b', 'a') }, keyOf)
  const other = heldAfter(first, { list: 'failed', read: rowsOf('a') }, keyOf)
  expect([other.rows, freshOf(other, keyOf)]).toEqual([rowsOf('a'), 0])
})

test('portal 12: however much is read, no more is kept than what is shown and what was read last', () => {
  let held: Held<Row> = heldAfter(null, { list: 'all', read: rowsOf('0') }, keyOf)
  for (let second = 1; second <= 100; second += 1) {
    held = heldAfter(held, { list: 'all', read: rowsOf(`${second}a`, `${second}b`) }, keyOf)
  }
  expect([held.rows, held.read]).toEqual([rowsOf('0'), rowsOf('100a', '100b')])
})
