import { expect, test } from 'vitest'
import { replayFilterWords } from './filter-words.ts'

test.each([
  [{}, undefined],
  [{ from: '2026-11-29T00:00:00Z' }, undefined],
  [
    { state: ['exhausted'], class: ['tls_expired'], test: false, slow: true },
    'Exhausted, Certificate expired, Without tests, Slower than 3 s',
  ],
  [
    { eventTypes: ['order.paid'], channel: 'eu', tag: 'big', status: 2, statusCodeClass: 500 },
    'order.paid, Answer 5xx, Channel eu, Tag big, Exhausted',
  ],
  [{ statusCodeClass: 0 }, 'No answer'],
])('a replay of %j is said as %s', (filter, words) => {
  expect(replayFilterWords(filter)).toBe(words)
})
