import { expect, test } from 'vitest'
import { firstsByName, joinPieces } from './lists.ts'

test('bytes of many rows: where each begins, counted from 1, and how long it is', () => {
  expect(joinPieces([Buffer.from('ab'), null, Buffer.alloc(0), Buffer.from('c')])).toEqual({
    bytes: Buffer.from('abc'),
    starts: [1, null, 3, 3],
    lengths: [2, 0, 0, 1],
  })
  expect(joinPieces([])).toEqual({ bytes: Buffer.alloc(0), starts: [], lengths: [] })
})

test('items of a name have the number of the first, and no name is one too', () => {
  const items = ['a1', 'b1', '', 'a2', '']
  const named = firstsByName(items, (item) => item[0] ?? null)
  expect(named).toEqual({ firsts: ['a1', 'b1', ''], numbers: [1, 2, 3, 1, 3] })
})
