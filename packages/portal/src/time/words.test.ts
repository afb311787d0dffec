import { describe, expect, test } from 'vitest'
import { ageWords, dateWords, dayWords, durationWords, momentWords, zoneName } from './words.ts'

describe('each time names its zone, also where the clock jumps', () => {
  test.each([
    ['2026-03-08T06:59:59Z', 'America/New_York', '8 Mar, 01:59:59 EST'],
    ['2026-03-08T07:00:00Z', 'America/New_York', '8 Mar, 03:00:00 EDT'],
    ['2026-11-01T05:30:00Z', 'America/New_York', '1 Nov, 01:30:00 EDT'],
    ['2026-11-01T06:30:00Z', 'America/New_York', '1 Nov, 01:30:00 EST'],
    ['2026-03-08T07:00:00Z', 'Asia/Kolkata', '8 Mar, 12:30:00 GMT+5:30'],
    ['2026-03-08T10:00:00Z', 'Pacific/Kiritimati', '9 Mar, 00:00:00 GMT+14'],
    ['2026-03-08T07:00:00Z', 'UTC', '8 Mar, 07:00:00 UTC'],
  ])('%s in %s', (at, zone, words) => {
    expect(momentWords(new Date(at), zone)).toBe(words)
  })
})

test('the exact form has milliseconds, the short one none', () => {
  const at = new Date('2026-11-23T14:12:44.120Z')
  expect(momentWords(at, 'America/New_York', 'exact')).toBe('23 Nov, 09:12:44.120 EST')
  expect(momentWords(at, 'America/Chicago', 'short')).toBe('23 Nov, 08:12 CST')
  expect(zoneName(at, 'America/Chicago')).toBe('CST')
})

test('ages and durations are in units people use', () => {
  const now = new Date('2026-11-23T12:00:00Z')
  expect(ageWords(new Date('2026-11-23T11:56:01Z'), now)).toBe('3 min ago')
  expect(ageWords(new Date('2026-11-23T14:00:00Z'), now)).toBe('in 2 h')
  expect([0.4, 88, 1_420, 5_000, 171_000, 7_200_000, 93_600_000].map(durationWords)).toEqual([
    '0 ms',
    '88 ms',
    '1.42 s',
    '5 s',
    '2 min 51 s',
    '2 h',
    '1 day 2 h',
  ])
})

test('a date always has its year, and no weekday', () => {
  expect(dateWords('2026-11-03')).toBe('3 Nov 2026')
})

test('a day names its year where that is another one', () => {
  const now = new Date('2026-11-23T12:00:00Z')
  expect(['2026-11-23', '2027-05-31'].map((day) => dayWords(day, now))).toEqual(['Mon 23 Nov', 'Mon 31 May 2027'])
})
