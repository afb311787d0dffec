import { describe, expect, test } from 'vitest'
import { chicagoDay } from './calendar.ts'
import { type LocalDate, parseLocalDate } from './local-date.ts'
import { SANDBOX_CALENDAR } from './sandbox-feed.ts'
import {
  type Calendar,
  dueDay,
  type FeedState,
  firstOwedDay,
  type KnownReport,
  lostDays,
  nextBusinessDay,
  nextFeedStep,
  owedDays,
  STANDARD_CALENDAR,
} from './schedule.ts'

function day(text: string): LocalDate {
  const parsed = parseLocalDate(text)
  if (!parsed) throw new Error(`${text} is no day`)
  return parsed
}

// 10:15 in Chicago is 16:15 UTC in winter and 15:15 in summer
describe('rule 6: the day whose run is due', () => {
  test.each([
    ['before 10:15 it is the business day before', '2026-03-06T16:14:59.999Z', '2026-03-05'],
    ['at 10:15 it is today', '2026-03-06T16:15:00.000Z', '2026-03-06'],
    ['on a weekend it is Friday', '2026-03-08T23:00:00.000Z', '2026-03-06'],
    ['on the Monday after the clocks went forward', '2026-03-09T15:14:59.999Z', '2026-03-06'],
    ['and an hour earlier by UTC', '2026-03-09T15:15:00.000Z', '2026-03-09'],
    ['on the Monday after they went back', '2026-11-02T16:14:59.999Z', '2026-10-30'],
    ['an hour later by UTC', '2026-11-02T16:15:00.000Z', '2026-11-02'],
    ['at the turn of the year', '2026-12-31T23:59:59.999Z', '2026-12-31'],
    ['on 1 January, by UTC and in Chicago', '2027-01-01T12:00:00.000Z', '2026-12-31'],
    ['which is a holiday of the sandbox', '2027-01-01T18:00:00.000Z', '2026-12-31'],
    ['on 29 February', '2028-02-29T16:15:00.000Z', '2028-02-29'],
  ])('%s', (_case, now, expected) => {
    expect(dueDay(new Date(now), SANDBOX_CALENDAR)).toBe(expected)
  })

  test('production has no holidays but those that are set', () => {
    const now = new Date('2026-12-25T18:00:00Z')
    expect(dueDay(now, STANDARD_CALENDAR)).toBe('2026-12-25')
    expect(dueDay(now, { ...STANDARD_CALENDAR, holidays: new Set([day('2026-12-25')]) })).toBe('2026-12-24')
  })

  test('Thanksgiving is the fourth Thursday of November', () => {
    expect(nextBusinessDay(day('2026-11-25'), SANDBOX_CALENDAR)).toBe('2026-11-27')
    expect(nextBusinessDay(day('2028-11-22'), SANDBOX_CALENDAR)).toBe('2028-11-24')
  })
})

describe('what is to be done for a feed', () => {
  const state = (now: string, more: Partial<FeedState> = {}): FeedState => {
    const cleanedOn = chicagoDay(new Date(now))
    return { now: new Date(now), owedFrom: day('2026-03-02'), cleanedOn, lastRunDate: null, openRun: null, ...more }
  }
  const step = (given: FeedState, calendar: Calendar = STANDARD_CALENDAR) => nextFeedStep(given, calendar)

  test.each<[string, FeedState, object]>([
    [
      'a due day without a run has one started',
      state('2026-03-06T16:15:00Z'),
      { kind: 'start', runDate: '2026-03-06' },
    ],
    [
      'before that it waits for 10:15',
      state('2026-03-06T15:00:00Z', { lastRunDate: day('2026-03-05') }),
      { kind: 'wait', until: new Date('2026-03-06T16:15:00Z') },
    ],
    [
      'a run that exists, however it ended, is not started again; at 02:00 there is something else',
      state('2026-03-06T18:00:00Z', { lastRunDate: day('2026-03-06') }),
      { kind: 'wait', until: new Date('2026-03-07T08:00:00Z') },
    ],
    [
      'over the weekend too, while the clocks go forward over 02:00',
      state('2026-03-07T18:00:00Z', { lastRunDate: day('2026-03-06') }),
      { kind: 'wait', until: new Date('2026-03-08T08:00:00Z') },
    ],
    [
      'on Monday the run comes after the cleaning',
      state('2026-03-09T12:00:00Z', { lastRunDate: day('2026-03-06') }),
      { kind: 'wait', until: new Date('2026-03-09T15:15:00Z') },
    ],
    [
      'at 02:00 it is cleaned',
      state('2026-03-07T08:00:00Z', { cleanedOn: day('2026-03-06'), lastRunDate: day('2026-03-06') }),
      { kind: 'clean', day: '2026-03-07' },
    ],
    [
      'not before',
      state('2026-03-07T07:59:59Z', { cleanedOn: day('2026-03-06'), lastRunDate: day('2026-03-06') }),
      { kind: 'wait', until: new Date('2026-03-07T08:00:00Z') },
    ],
    [
      'after an outage there is one run, for the newest due day',
      state('2026-03-20T18:00:00Z', { lastRunDate: day('2026-03-06') }),
      { kind: 'start', runDate: '2026-03-20' },
    ],
    [
      'the next day waits until the run before has ended',
      state('2026-03-09T16:00:00Z', {
        lastRunDate: day('2026-03-06'),
        openRun: { nextTryAt: new Date('2026-03-09T16:05:00Z') },
      }),
      { kind: 'wait', until: new Date('2026-03-09T16:05:00Z') },
    ],
    [
      'a run that may go on goes on',
      state('2026-03-09T16:05:00Z', {
        lastRunDate: day('2026-03-06'),
        openRun: { nextTryAt: new Date('2026-03-09T16:05:00Z') },
      }),
      { kind: 'advance' },
    ],
    [
      'a feed that has just begun owes nothing before its first day',
      state('2026-03-06T18:00:00Z', { owedFrom: day('2026-03-09') }),
      { kind: 'wait', until: new Date('2026-03-07T08:00:00Z') },
    ],
  ])('%s', (_case, given, expected) => {
    expect(step(given)).toEqual(expected)
  })

  test.each([
    ['2026-03-06T16:14:59Z', '2026-03-06'],
    ['2026-03-06T16:15:00Z', '2026-03-09'],
    ['2026-03-07T12:00:00Z', '2026-03-09'],
    ['2026-12-31T20:00:00Z', '2027-01-04'],
  ])('a feed that begins at %s owes from %s on', (now, expected) => {
    expect(firstOwedDay(new Date(now), SANDBOX_CALENDAR)).toBe(expected)
  })
})

describe('owed days', () => {
  const report = (on: string, outcome: 'report' | 'none', collected: boolean): KnownReport => ({
    kind: 'RIRS',
    day: day(on),
    outcome,
    collected,
  })
  const owed = (runDate: string, known: KnownReport[], owedFrom = '2026-01-01') =>
    owedDays('RIRS', day(runDate), day(owedFrom), known, STANDARD_CALENDAR)

  test('are the business days of 14 calendar days that no published run has collected', () => {
    expect(owed('2026-03-20', [])).toEqual(
      ['06', '09', '10', '11', '12', '13', '16', '17', '18', '19', '20'].map((on) => `2026-03-${on}`),
    )
    expect(owed('2026-03-20', [], '2026-03-19')).toEqual(['2026-03-19', '2026-03-20'])
    const known = [report('2026-03-18', 'report', true), report('2026-03-19', 'report', false)]
    expect(owed('2026-03-20', known, '2026-03-18')).toEqual(['2026-03-19', '2026-03-20'])
    expect(owedDays('LICENSING', day('2026-03-20'), day('2026-03-18'), known, STANDARD_CALENDAR)).toHaveLength(3)
  })

  test('a day that had no report is asked for again on five business days', () => {
    const known = [report('2026-03-12', 'none', false)]
    expect(owed('2026-03-19', known, '2026-03-12')).toContain('2026-03-12')
    expect(owed('2026-03-20', known, '2026-03-12')).not.toContain('2026-03-12')
  })

  test('what is older and was never asked for is lost', () => {
    const lost = (runDate: string, known: KnownReport[]) =>
      lostDays(['RIRS'], day(runDate), day('2026-03-05'), known, STANDARD_CALENDAR)
    expect(lost('2026-03-19', [])).toEqual([])
    expect(lost('2026-03-23', [])).toEqual(['2026-03-05', '2026-03-06'])
    expect(lost('2026-03-23', [report('2026-03-05', 'report', true), report('2026-03-06', 'none', false)])).toEqual([])
    expect(lost('2026-03-23', [report('2026-03-05', 'report', false)])).toEqual(['2026-03-05', '2026-03-06'])
  })
})
