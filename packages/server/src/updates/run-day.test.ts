import { expect, test } from 'vitest'
import { day } from '../../test/feed-world.ts'
import { chicagoText } from './calendar.ts'
import { daysFrom, shownDays, toRunDay } from './run-day.ts'
import { STANDARD_CALENDAR } from './schedule.ts'

const calendar = { ...STANDARD_CALENDAR, holidays: new Set([day('2026-03-10')]) }
/** Thursday, 12 March 2026, 9:00 in Chicago: before the run of the day. */
const NOW = new Date('2026-03-12T14:00:00Z')

test.each([
  ['2026-03-07', 'no_run', 'weekend', null],
  ['2026-03-10', 'no_run', 'holiday', null],
  ['2026-03-09', 'no_run', 'covered', '2026-03-11'],
  ['2026-03-06', 'no_run', 'not_run', null],
  ['2026-03-12', 'scheduled', 'not_due', null],
])('P4.1: a day without a run says why: %s', (date, state, reason, coveredBy) => {
  const covering = [{ runDate: day('2026-03-11'), covers: [day('2026-03-09'), day('2026-03-11')] }]
  const shown = toRunDay(day(date), { ofDay: new Map(), covering }, calendar, NOW)
  expect(shown).toEqual({ runDate: date, state, reason, coveredBy, run: null })
})

test('an account is shown the days since it was made, at most 400, up to the today of its feed', () => {
  expect(shownDays(new Date('2026-03-10T03:00:00Z'), NOW)).toEqual({ first: '2026-03-09', last: '2026-03-12' })
  const old = shownDays(new Date('2020-01-01T12:00:00Z'), NOW)
  expect(daysFrom(old.first, old.last)).toHaveLength(401)
  expect(daysFrom(day('2026-03-12'), day('2026-03-11'))).toEqual([])
})

test.each([
  ['2026-03-06T16:15:00.021Z', '2026-03-06T10:15:00.021-06:00'],
  ['2026-03-08T08:00:00.000Z', '2026-03-08T03:00:00.000-05:00'],
  ['2026-11-01T06:30:00.000Z', '2026-11-01T01:30:00.000-05:00'],
  ['2026-11-01T07:30:00.000Z', '2026-11-01T01:30:00.000-06:00'],
])('P4.3: a moment by clocks in Chicago names its distance from UTC: %s', (utc, central) => {
  expect(chicagoText(new Date(utc))).toBe(central)
})
