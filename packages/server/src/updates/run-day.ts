import { addDays, chicagoDay, dayNumber, isBusinessDay } from './calendar.ts'
import type { LocalDate } from './local-date.ts'
import type { Run, RunState } from './run.ts'
import { type Calendar, dueDay } from './schedule.ts'

export type NoRunReason = 'weekend' | 'holiday' | 'covered' | 'not_due' | 'not_run'

/** A day of the calendar, with the run that it has or the reason why it has none. */
export type RunDay = {
  runDate: LocalDate
  state: RunState | 'no_run'
  reason: NoRunReason | null
  /** The day of the published run that has read this day's reports, where that is another one. */
  coveredBy: LocalDate | null
  run: Run | null
}

/** What is known of a feed's runs: of each day the one that counts, and what published ones have covered. */
export type KnownRuns = {
  ofDay: ReadonlyMap<LocalDate, Run>
  covering: readonly { runDate: LocalDate; covers: readonly LocalDate[] }[]
}

/** @param feedTime  by the clock of the feed */
export function toRunDay(day: LocalDate, runs: KnownRuns, calendar: Calendar, feedTime: Date): RunDay {
  const run = runs.ofDay.get(day) ?? null
  const isPublished = run?.state === 'published'
  const covering = runs.covering.find(({ runDate, covers }) => runDate > day && covers.includes(day))
  const coveredBy = isPublished ? null : (covering?.runDate ?? null)
  if (run) return { runDate: day, state: run.state, reason: coveredBy && 'covered', coveredBy, run }
  const reason = reasonOf(day, coveredBy !== null, calendar, feedTime)
  return { runDate: day, state: reason === 'not_due' ? 'scheduled' : 'no_run', reason, coveredBy, run }
}

function reasonOf(day: LocalDate, isCovered: boolean, calendar: Calendar, feedTime: Date): NoRunReason {
  if (!isBusinessDay(day, calendar.holidays)) return calendar.holidays.has(day) ? 'holiday' : 'weekend'
  if (isCovered) return 'covered'
  return day > dueDay(feedTime, calendar) ? 'not_due' : 'not_run'
}

const SHOWN_DAYS_MAX = 400

/** The days that an account is shown: from the one on which it was made to the feed's today, newest first. */
export function shownDays(createdAt: Date, feedTime: Date): { first: LocalDate; last: LocalDate } {
  const last = chicagoDay(feedTime)
  const oldest = addDays(last, -SHOWN_DAYS_MAX)
  const made = chicagoDay(createdAt)
  return { first: made < oldest ? oldest : made, last }
}

/** Days from `from` to `until`, both inclusive, oldest first. */
export function daysFrom(from: LocalDate, until: LocalDate): LocalDate[] {
  const count = Math.max(0, dayNumber(until) - dayNumber(from) + 1)
  return Array.from({ length: count }, (_, index) => addDays(from, index))
}
