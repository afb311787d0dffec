import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { parseRetryAfter, RETRY_AFTER_MS_MAX } from './retry-after.ts'

const NOW = new Date('2026-01-01T00:00:00Z')

describe('Retry-After', () => {
  const read: [string, number][] = [
    ['0', 0],
    ['1', 1_000],
    ['120', 120_000],
    ['  120 ', 120_000],
    ['0005', 5_000],
    ['86400', RETRY_AFTER_MS_MAX],
    ['86401', RETRY_AFTER_MS_MAX],
    ['999999999999999', RETRY_AFTER_MS_MAX],
    ['Thu, 01 Jan 2026 00:00:00 GMT', 0],
    ['Thu, 01 Jan 2026 00:00:01 GMT', 1_000],
    ['Thu, 01 Jan 2026 12:00:00 GMT', 43_200_000],
    ['Sun, 06 Nov 2044 08:49:37 GMT', RETRY_AFTER_MS_MAX],
    ['Thursday, 01-Jan-26 00:00:05 GMT', 5_000],
    ['Thu Jan  1 00:00:05 2026', 5_000],
    ['Thu Jan 01 00:00:05 2026', 5_000],
  ]
  test.each(read)('%j asks for %d ms', (value, ms) => {
    assert.equal(parseRetryAfter(value, NOW), ms)
  })

  const ignored = [
    '',
    ' ',
    '-1',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    '5s',
    '1,2',
    '9999999999999999',
    'soon',
    'NaN',
    'Infinity',
    'Wed, 31 Dec 2025 23:59:59 GMT', // past
    'Sunday, 06-Nov-94 08:49:37 GMT', // past: two digits mean the nearest century
    'Thu, 01 Jan 2026 00:00:01 CET',
    'Thu, 01 Jan 2026 00:00:01',
    'Thu, 31 Feb 2026 00:00:01 GMT',
    'Thu, 00 Jan 2026 00:00:01 GMT',
    'Thu, 01 Foo 2026 00:00:01 GMT',
    'Thu, 02 Jan 2026 24:00:00 GMT',
    'Thu, 02 Jan 2026 00:60:00 GMT',
    '2026-01-02T00:00:00Z',
  ]
  test.each(ignored)('%j is ignored', (value) => {
    assert.equal(parseRetryAfter(value, NOW), undefined)
  })

  test('a header that is missing or came twice is ignored', () => {
    assert.equal(parseRetryAfter(undefined, NOW), undefined)
    assert.equal(parseRetryAfter(['5', '5'], NOW), undefined)
  })

  test('whatever the text, the wait is undefined or between 0 and 24 h', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.integer().map(String),
          fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
        ),
        (value) => {
          const ms = parseRetryAfter(value, NOW)
          assert(ms === undefined || (ms >= 0 && ms <= RETRY_AFTER_MS_MAX))
        },
      ),
    )
  })

  test('a date within the next day is read to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400 }), (seconds) => {
        const date = new Date(NOW.getTime() + seconds * 1000)
        assert.equal(parseRetryAfter(date.toUTCString(), NOW), seconds * 1000)
      }),
    )
  })
})
