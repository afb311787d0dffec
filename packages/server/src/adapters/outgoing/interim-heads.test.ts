import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { InterimHeads } from './interim-heads.ts'

/** Patches a response that arrives in these pieces. */
function patch(pieces: string[]): string {
  const interim = new InterimHeads()
  return pieces
    .map((piece) => {
      const chunk = Buffer.from(piece, 'latin1')
      interim.patch(chunk)
      return chunk.toString('latin1')
    })
    .join('')
}

const HUNDRED = 'HTTP/1.1 100 Continue\r\n\r\n'
const HUNDRED_WITH_HEADER = 'HTTP/1.1 100 Continue\r\nx: HTTP/1.1 100\r\n\r\n'
const PATCHED = 'HTTP/1.1 102 Continue\r\n\r\n'
const HINTS = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'
const FINAL = 'HTTP/1.1 200 OK\r\nx: 100\r\ncontent-length: 24\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'

describe('interim heads', () => {
  test('every 100 before the final head becomes a 102, and no other byte changes', () => {
    assert.equal(patch([HUNDRED + HUNDRED + FINAL]), PATCHED + PATCHED + FINAL)
    assert.equal(patch([HINTS + HUNDRED + FINAL]), HINTS + PATCHED + FINAL)
    assert.equal(patch([HUNDRED_WITH_HEADER + FINAL]), HUNDRED_WITH_HEADER.replace('100', '102') + FINAL)
    for (const whole of [FINAL, HINTS + FINAL, 'HTTP/1.1 110 x\r\n\r\n', 'SSH-2.0-100', '\r\n\r\n'])
      assert.equal(patch([whole]), whole)
  })

  test('it does not matter how the bytes are cut into pieces', () => {
    const heads = fc.array(fc.constantFrom(HUNDRED, HUNDRED_WITH_HEADER, HINTS), { maxLength: 5 })
    fc.assert(
      fc.property(heads, fc.array(fc.integer({ min: 1, max: 40 })), (interim, sizes) => {
        const whole = interim.join('') + FINAL
        const pieces: string[] = []
        let at = 0
        for (const size of [...sizes, whole.length]) {
          pieces.push(whole.slice(at, at + size))
          at += size
        }
        const expected = interim.map((head) => head.replace('100', '102')).join('') + FINAL
        assert.equal(patch(pieces), expected)
      }),
    )
  })
})
