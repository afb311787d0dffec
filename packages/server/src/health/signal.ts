import { addMs } from '#src/adapters/clock.ts'
import { addDays, chicagoDay, chicagoMoment, isBusinessDay } from '#src/updates/calendar.ts'
import type { Feed } from '#src/updates/feed-store.ts'
import type { LocalDate } from '#src/updates/local-date.ts'
import type { Run } from '#src/updates/run.ts'
import { type Calendar, dueDay } from '#src/updates/schedule.ts'
import type { SignalState } from './words.ts'

export type SignalDay = { day: LocalDate; state: SignalState; publishedAt: Date | null }

export type SignalRun = Pick<Run, 'runDate' | 'state' | 'late' | 'covers' | 'publishedAt'>
export type SignalFeed = Pick<Feed, 'kind' | 'owedFrom' | 'clockAheadMs'>

export const SIGNAL_DAYS = 14

/**
 * What became of the last days' signals, and whether the latest one is missing. Days are the feed's, moments everybody's.
 * @param runs  of these days at least, newest first
 */
export function signalOf(
  runs: readonly SignalRun[],
  feed: SignalFeed,
  calendar: Calendar,
  now: Date,
): { days: SignalDay[]; dueAt: Date | null; lateSince: Date | null } {
  const feedNow = addMs(now, feed.clockAheadMs)
  const today = chicagoDay(feedNow)
  const days = Array.from({ length: SIGNAL_DAYS }, (_, index) => addDays(today, index - SIGNAL_DAYS + 1)).map((day) =>
    dayOf(day, runs, feed, calendar, feedNow),
  )
  const expected = dueDay(feedNow, { ...calendar, runAt: calendar.signalDueAt })
  const state = days.find(({ day }) => day === expected)?.state
  const isMissing = state === 'overdue' || state === 'failed' || state === 'held'
  return {
    days,
    dueAt: isOwed(today, feed, calendar) ? everybodys(dueMoment(today, calendar), feed) : null,
    lateSince: isOwed(expected, feed, calendar) && isMissing ? everybodys(dueMoment(expected, calendar), feed) : null,
  }
}

function dayOf(
  day: LocalDate,
  runs: readonly SignalRun[],
  feed: SignalFeed,
  calendar: Calendar,
  feedNow: Date,
): SignalDay {
  const own = runs.filter(({ runDate }) => runDate === day)
  const run = own.find(({ state }) => state === 'published') ?? own[0]
  const none: SignalDay = { day, state: 'none', publishedAt: null }
  if (run?.state === 'published' && run.publishedAt) {
    const isLate = run.late || addMs(run.publishedAt, feed.clockAheadMs) > dueMoment(day, calendar)
    return { day, state: isLate ? 'late' : 'published', publishedAt: run.publishedAt }
  }
  if (run?.state === 'failed' || run?.state === 'no_report' || run?.state === 'held')
    return { ...none, state: run.state }
  if (!run && !isOwed(day, feed, calendar)) return none
  // after an outage one run brings what several days owe
  const later = runs.find(({ state, covers }) => state === 'published' && covers.includes(day))
  if (later) return { day, state: 'late', publishedAt: later.publishedAt }
  return { ...none, state: feedNow > dueMoment(day, calendar) ? 'overdue' : 'due' }
}

function isOwed(day: LocalDate, { kind, owedFrom }: SignalFeed, { holidays }: Calendar): boolean {
  return kind !== 'none' && day >= owedFrom && isBusinessDay(day, holidays)
}

/** Source: portal 6, S1.1 */
function dueMoment(day: LocalDate, { signalDueAt }: Calendar): Date {
  return chicagoMoment(day, signalDueAt)
}

/** A moment by the feed's clock, which may have been set forward. */
function everybodys(moment: Date, { clockAheadMs }: SignalFeed): Date {
  return addMs(moment, -clockAheadMs)
}
