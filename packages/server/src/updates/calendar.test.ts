import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addDays, chicagoDay, chicagoMoment, dayNumber, dayOfNumber, isBusinessDay } from './calendar.ts'
import { type LocalDate, parseLocalDate } from './local-date.ts'

const day = (text: string): LocalDate => {
  const parsed = parseLocalDate(text)
  if (parsed === undefined) throw new Error(`not a day: ${text}`)
  return parsed
}

test('a date is one that the calendar has', () => {
  for (const text of ['2026-03-06', '2024-02-29', '2000-02-29', '9999-12-31']) expect(parseLocalDate(text)).toBe(text)
  const others = [
    '2026-02-29',
    '1900-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-04-31',
    '0000-01-01',
    '2026-3-6',
    '2026-03-06 ',
    '',
  ]
  for (const text of others) expect(parseLocalDate(text), text).toBeUndefined()
})

test('the day in Chicago begins at its own midnight, in winter and in summer', () => {
  expect(chicagoDay(new Date('2026-03-06T05:59:59.999Z'))).toBe('2026-03-05')
  expect(chicagoDay(new Date('2026-03-06T06:00:00.000Z'))).toBe('2026-03-06')
  expect(chicagoDay(new Date('2026-07-01T04:59:59.999Z'))).toBe('2026-06-30')
  expect(chicagoDay(new Date('2026-07-01T05:00:00.000Z'))).toBe('2026-07-01')
})

test('10:15 in Chicago is another moment before and after the clocks change', () => {
  expect(chicagoMoment(day('2026-03-06'), 615).toISOString()).toBe('2026-03-06T16:15:00.000Z')
  expect(chicagoMoment(day('2026-03-09'), 615).toISOString()).toBe('2026-03-09T15:15:00.000Z')
  // 8 March 2026 has no 02:30, 1 November 2026 has two 01:30
  expect(chicagoMoment(day('2026-03-08'), 150).toISOString()).toBe('2026-03-08T08:30:00.000Z')
  expect(chicagoMoment(day('2026-11-01'), 90).toISOString()).toBe('2026-11-01T06:30:00.000Z')
  expect(chicagoMoment(day('2026-11-01'), 0).toISOString()).toBe('2026-11-01T05:00:00.000Z')
})

test('business days are Monday to Friday without the holidays', () => {
  const holidays = new Set([day('2026-12-25')])
  expect(isBusinessDay(day('2026-03-06'), holidays)).toBe(true)
  expect(isBusinessDay(day('2026-03-07'), holidays)).toBe(false)
  expect(isBusinessDay(day('2026-03-08'), holidays)).toBe(false)
  expect(isBusinessDay(day('2026-12-25'), holidays)).toBe(false)
})

test('days count without gaps', () => {
  expect(addDays(day('2027-05-31'), -90)).toBe('2027-03-02')
  fc.assert(
    fc.property(fc.integer({ min: -700_000, max: 2_900_000 }), (number) => {
      expect(dayNumber(dayOfNumber(number))).toBe(number)
    }),
  )
})

test('the moment of a time of day is on that day', () => {
  fc.assert(
    fc.property(fc.integer({ min: 15_000, max: 25_000 }), fc.integer({ min: 240, max: 1_439 }), (number, minutes) => {
      expect(chicagoDay(chicagoMoment(dayOfNumber(number), minutes))).toBe(dayOfNumber(number))
    }),
  )
})
