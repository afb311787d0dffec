import { expect, test } from 'vitest'
import { fieldWords, isMoment, targetWords, valueWords } from './change-words.ts'

test.each([
  ['disabled', true, 'Disabled', 'Yes'],
  ['eventTypes', ['a.b', 'c'], 'Events', 'a.b, c'],
  ['throttleRate', null, 'Rate limit', '–'],
  ['retrySchedule', [5, 300], 'Retries after', '5 s, 5 min'],
  ['timeoutMs', 5_000, 'Time limit', '5 s'],
  ['ordering', 'fifo', 'Order', 'In order'],
  ['role', 'admin', 'Role', 'Admin'],
  ['kind', 'apiKey', 'Kind', 'API key'],
  ['requested', 10_000, 'Requested', '10,000'],
  ['disableFailingEndpoints', false, 'Disable failing endpoints', 'No'],
  ['httpsOnly', { a: 1 }, 'Https only', '{"a":1}'],
  ['url', 'x'.repeat(200), 'URL', `${'x'.repeat(80)}…`],
])('the field %s with %j is said in words', (field, value, name, words) => {
  expect([fieldWords(field), valueWords(field, value)]).toEqual([name, words])
})

test('what a line is about is said in words, known or not', () => {
  expect(['msg', 'event_type', 'master_key'].map(targetWords)).toEqual(['Event', 'Event type', 'Master key'])
})

test('instants are told from days and other texts', () => {
  expect(['2026-11-30T01:02:03.004Z', '2026-11-30', 'a'].map(isMoment)).toEqual([true, false, false])
})
