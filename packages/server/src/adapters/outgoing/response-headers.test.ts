import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { keepHeaders } from './response-headers.ts'

const size = (headers: [string, string][]) =>
  headers.reduce((bytes, [name, value]) => bytes + name.length + value.length, 0)

describe('what is kept of the headers', () => {
  test('each value of a repeated name, in order', () => {
    assert.deepEqual(keepHeaders({ a: '1', 'set-cookie': ['x=1', 'y=2'], b: '' }), [
      ['a', '1'],
      ['set-cookie', 'x=1'],
      ['set-cookie', 'y=2'],
      ['b', ''],
    ])
  })

  test('the 50th is kept, the 51st is not', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, 'v']))
    assert.equal(keepHeaders(many(50)).length, 50)
    assert.equal(keepHeaders(many(51)).length, 50)
    assert.equal(keepHeaders({ a: Array.from({ length: 51 }, () => 'v') }).length, 50)
  })

  test('4,096 bytes are kept, a header that would make one more ends the list', () => {
    const [first, fits, tooLong] = ['x'.repeat(2_000), 'y'.repeat(2_094), 'y'.repeat(2_095)]
    assert.deepEqual(keepHeaders({ a: first, b: fits }), [
      ['a', first],
      ['b', fits],
    ])
    assert.deepEqual(keepHeaders({ a: first, b: tooLong, c: 'z' }), [['a', first]])
  })

  test('names that objects inherit are names like any other', () => {
    const headers = JSON.parse('{"__proto__": "1", "constructor": "2", "tostring": "3"}')
    assert.deepEqual(keepHeaders(headers), [
      ['__proto__', '1'],
      ['constructor', '2'],
      ['tostring', '3'],
    ])
  })

  test('whatever came, both bounds hold and what is kept is a beginning of it', () => {
    const header = fc.dictionary(
      fc.string({ maxLength: 40 }),
      fc.oneof(fc.string({ maxLength: 900 }), fc.array(fc.string({ maxLength: 90 }))),
      {
        maxKeys: 80,
      },
    )
    fc.assert(
      fc.property(header, (headers) => {
        const all = Object.entries(headers).flatMap(([name, value]) =>
          [value].flat().map((single): [string, string] => [name, single]),
        )
        const kept = keepHeaders(headers)
        assert(kept.length <= 50 && size(kept) <= 4096)
        assert.deepEqual(kept, all.slice(0, kept.length))
      }),
    )
  })
})
