import { parseDateTime, toZoned } from '@internationalized/date'
import { expect, test } from 'vitest'
import { faultOfRange, inZone, repeatedOf, toInstant } from './range.ts'

const newYork = (local: string) => toZoned(parseDateTime(local), 'America/New_York')

test('the hour that comes twice is two moments; any other is one', () => {
  const repeated = repeatedOf(newYork('2026-11-01T01:30'))
  expect(repeated && [toInstant(repeated.first), toInstant(repeated.second)]).toEqual([
    '2026-11-01T05:30:00Z',
    '2026-11-01T06:30:00Z',
  ])
  for (const once of ['2026-11-01T00:59', '2026-11-01T02:00', '2026-03-08T01:59', '2026-03-08T03:00']) {
    expect(repeatedOf(newYork(once))).toBeNull()
  }
  expect(repeatedOf(newYork('2026-03-08T02:30'))).toBeNull() // is skipped that day
})

test('a chosen moment is the same instant in every zone', () => {
  for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Kiritimati']) {
    expect(toInstant(inZone(new Date('2026-03-08T07:00:00Z'), zone))).toBe('2026-03-08T07:00:00Z')
    expect(toInstant(inZone(new Date('2026-11-01T06:15:00Z'), zone))).toBe('2026-11-01T06:15:00Z')
  }
})

test('a range that ends before it starts, or before anything is kept, is refused', () => {
  const at = (day: number) => new Date(Date.UTC(2026, 2, day))
  expect(faultOfRange(at(8), at(8), at(1))).toBe('order')
  expect(faultOfRange(at(2), at(3), at(5))).toBe('too_early')
  expect(faultOfRange(at(2), at(6), at(5))).toBeNull()
})
