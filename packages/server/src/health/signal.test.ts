import { expect, test } from 'vitest'
import { type LocalDate, parseLocalDate } from '#src/updates/local-date.ts'
import { STANDARD_CALENDAR } from '#src/updates/schedule.ts'
import { type SignalFeed, type SignalRun, signalOf } from './signal.ts'

function day(text: string): LocalDate {
  const parsed = parseLocalDate(text)
  if (!parsed) throw new Error('no day')
  return parsed
}

const calendar = { ...STANDARD_CALENDAR, holidays: new Set(['2026-11-26']) }
const feed: SignalFeed = { kind: 'nipr', owedFrom: day('2026-11-18'), clockAheadMs: 0 }
const run = (runDate: string, state: SignalRun['state'], publishedAt: string | null = null): SignalRun => ({
  runDate: day(runDate),
  state,
  late: false,
  covers: publishedAt ? [day(runDate)] : [],
  publishedAt: publishedAt ? new Date(publishedAt) : null,
})
const RUNS = [
  run('2026-11-27', 'failed'),
  run('2026-11-25', 'published', '2026-11-25T17:29:00Z'), // 11:29 in Chicago
  run('2026-11-24', 'published', '2026-11-24T17:31:00Z'),
  run('2026-11-23', 'no_report'),
  { ...run('2026-11-20', 'published', '2026-11-20T16:20:00Z'), covers: [day('2026-11-19'), day('2026-11-20')] },
]
const stripOf = (now: string, runs = RUNS, of = feed) =>
  Object.fromEntries(signalOf(runs, of, calendar, new Date(now)).days.map((one) => [one.day.slice(5), one.state]))

test('S1.1: the strip tells published, late, failed, no report and no run apart', () => {
  expect(stripOf('2026-11-30T15:00:00Z')).toEqual({
    '11-17': 'none', // nothing was owed yet
    '11-18': 'overdue',
    '11-19': 'late', // brought by the run of the next day
    '11-20': 'published',
    '11-21': 'none',
    '11-22': 'none',
    '11-23': 'no_report',
    '11-24': 'late',
    '11-25': 'published',
    '11-26': 'none', // a holiday
    '11-27': 'failed',
    '11-28': 'none',
    '11-29': 'none',
    '11-30': 'due',
  })
})

test('S1.1: late since 11:30 in Chicago once that has passed, and no more when it is there', () => {
  const lateSince = (now: string, runs: SignalRun[] = []) => signalOf(runs, feed, calendar, new Date(now)).lateSince
  const published = run('2026-11-30', 'published', '2026-11-30T17:40:00Z')
  expect(lateSince('2026-11-30T17:29:59Z', [run('2026-11-27', 'published', '2026-11-27T17:00:00Z')])).toBeNull()
  expect(lateSince('2026-11-30T17:30:01Z')).toEqual(new Date('2026-11-30T17:30:00Z'))
  expect(lateSince('2026-11-30T17:41:00Z', [published])).toBeNull()
  expect(lateSince('2026-11-30T20:00:00Z', [run('2026-11-30', 'no_report')])).toBeNull()
  expect(lateSince('2026-11-30T20:00:00Z', [run('2026-11-30', 'held')])).toEqual(new Date('2026-11-30T17:30:00Z'))
  // over a weekend it is Friday's that is missing
  expect(lateSince('2026-11-28T20:00:00Z')).toEqual(new Date('2026-11-27T17:30:00Z'))
})

test('a feed that is not configured is never late, and one whose clock was set forward is by its own', () => {
  const now = new Date('2026-11-30T20:00:00Z')
  const none = signalOf([], { ...feed, kind: 'none' }, calendar, now)
  expect([none.lateSince, none.dueAt, new Set(none.days.map(({ state }) => state))]).toEqual([
    null,
    null,
    new Set(['none']),
  ])
  const ahead = signalOf([], { ...feed, clockAheadMs: 86_400_000 }, calendar, now)
  expect(ahead.days.at(-1)?.day).toBe('2026-12-01')
  expect(ahead.lateSince).toEqual(new Date('2026-11-30T17:30:00Z')) // 11:30 of 1 December by the feed's clock
})
