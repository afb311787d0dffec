import { addDays, chicagoDay, chicagoMoment, isBusinessDay } from './calendar.ts'
import type { LocalDate } from './local-date.ts'

/** When a feed is asked, and when it is not. Minutes after midnight in America/Chicago. Source: producersync-api 9. */
export type Calendar = {
  runAt: number
  /** From then on the signal of the day is late. */
  signalDueAt: number
  /** Every so many minutes while NIPR has no report. */
  repeatEvery: number
  /** Without a report by then there is none that day. */
  noReportAt: number
  cleanAt: number
  holidays: { has(day: LocalDate): boolean }
}

export const STANDARD_CALENDAR: Calendar = {
  runAt: 10 * 60 + 15,
  signalDueAt: 11 * 60 + 30,
  repeatEvery: 15,
  noReportAt: 20 * 60,
  cleanAt: 2 * 60,
  holidays: new Set<LocalDate>(),
}

/** Days before this many calendar days ago are no longer made up for. */
export const OWED_DAYS_MAX = 14
/** A day that had no report is asked for again on so many business days. */
const ASKED_AGAIN_DAYS = 5
/** Business days are looked for this far: no calendar has a longer break. */
const BREAK_DAYS_MAX = 366

export function nextBusinessDay(after: LocalDate, calendar: Calendar): LocalDate {
  return findBusinessDay(addDays(after, 1), 1, calendar)
}

/** The day itself when it is one. */
export function latestBusinessDay(upTo: LocalDate, calendar: Calendar): LocalDate {
  return findBusinessDay(upTo, -1, calendar)
}

function findBusinessDay(from: LocalDate, step: 1 | -1, { holidays }: Calendar): LocalDate {
  for (let count = 0; count < BREAK_DAYS_MAX; count += 1) {
    const day = addDays(from, step * count)
    if (isBusinessDay(day, holidays)) return day
  }
  throw new RangeError('the calendar has no business day within a year')
}

export function runMoment(day: LocalDate, calendar: Calendar): Date {
  return chicagoMoment(day, calendar.runAt)
}

/** The latest business day whose run is due. */
export function dueDay(now: Date, calendar: Calendar): LocalDate {
  const today = chicagoDay(now)
  const isDue = runMoment(today, calendar) <= now
  return latestBusinessDay(isDue ? today : addDays(today, -1), calendar)
}

/** The first business day whose run is due after this moment: a feed that begins now owes none before it. */
export function firstOwedDay(now: Date, calendar: Calendar): LocalDate {
  const today = chicagoDay(now)
  return nextBusinessDay(runMoment(today, calendar) <= now ? today : addDays(today, -1), calendar)
}

/** The last day whose 02:00 has come. */
export function cleaningDay(now: Date, calendar: Calendar): LocalDate {
  const today = chicagoDay(now)
  return chicagoMoment(today, calendar.cleanAt) <= now ? today : addDays(today, -1)
}

/** After this moment a run that NIPR still fails has failed. */
export function givenUpAt(runDate: LocalDate, calendar: Calendar): Date {
  return runMoment(nextBusinessDay(runDate, calendar), calendar)
}

export function noReportAt(runDate: LocalDate, calendar: Calendar): Date {
  return chicagoMoment(runDate, calendar.noReportAt)
}

/** What is known of a report of a day: collected by a published run, or that there was none when a run asked. */
export type KnownReport = { kind: string; day: LocalDate; outcome: 'report' | 'none'; collected: boolean }

/**
 * The days of which a run reads the reports of a kind: business days from 14 days before its own on, that no published
 * run has collected. A day without a report is asked for again on the five business days after it.
 */
export function owedDays(
  kind: string,
  runDate: LocalDate,
  owedFrom: LocalDate,
  known: readonly KnownReport[],
  calendar: Calendar,
): LocalDate[] {
  const earliest = addDays(runDate, -OWED_DAYS_MAX)
  const days: LocalDate[] = []
  for (let day = owedFrom > earliest ? owedFrom : earliest; day <= runDate; day = addDays(day, 1)) {
    if (day !== runDate && !isBusinessDay(day, calendar.holidays)) continue
    const report = known.find((each) => each.kind === kind && each.day === day)
    if (report?.collected) continue
    if (report?.outcome === 'none' && runDate > lastAsked(day, calendar)) continue
    days.push(day)
  }
  return days
}

function lastAsked(day: LocalDate, calendar: Calendar): LocalDate {
  let last = day
  for (let count = 0; count < ASKED_AGAIN_DAYS; count += 1) last = nextBusinessDay(last, calendar)
  return last
}

/** Business days that are too old to be made up for, and of which some report was never collected. */
export function lostDays(
  kinds: readonly string[],
  runDate: LocalDate,
  owedFrom: LocalDate,
  known: readonly KnownReport[],
  calendar: Calendar,
): LocalDate[] {
  const lost: LocalDate[] = []
  const end = addDays(runDate, -OWED_DAYS_MAX)
  for (let day = owedFrom; day < end; day = addDays(day, 1)) {
    if (!isBusinessDay(day, calendar.holidays)) continue
    const isMissing = (kind: string) =>
      !known.some((each) => each.kind === kind && each.day === day && (each.collected || each.outcome === 'none'))
    if (kinds.some(isMissing)) lost.push(day)
  }
  return lost
}

export type FeedState = {
  now: Date
  owedFrom: LocalDate
  cleanedOn: LocalDate
  /** Of the newest day that a run has been made for, however it ended. */
  lastRunDate: LocalDate | null
  /** The run that has not ended; null without one. */
  openRun: { nextTryAt: Date } | null
}

export type FeedStep =
  | { kind: 'clean'; day: LocalDate }
  | { kind: 'start'; runDate: LocalDate }
  | { kind: 'advance' }
  | { kind: 'wait'; until: Date }

/** What is to be done for a feed now. After an outage there is one run, for the newest day that is due. */
export function nextFeedStep(state: FeedState, calendar: Calendar): FeedStep {
  const { now, openRun, lastRunDate, owedFrom } = state
  const cleaning = cleaningDay(now, calendar)
  if (state.cleanedOn < cleaning) return { kind: 'clean', day: cleaning }
  const nextCleaning = chicagoMoment(addDays(cleaning, 1), calendar.cleanAt)
  if (openRun) {
    if (openRun.nextTryAt <= now) return { kind: 'advance' }
    return { kind: 'wait', until: earlier(openRun.nextTryAt, nextCleaning) }
  }
  const due = dueDay(now, calendar)
  if (due >= owedFrom && (lastRunDate === null || lastRunDate < due)) return { kind: 'start', runDate: due }
  const passed = [due, lastRunDate ?? due, addDays(owedFrom, -1)].sort().at(-1) ?? due
  return { kind: 'wait', until: earlier(runMoment(nextBusinessDay(passed, calendar), calendar), nextCleaning) }
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b
}
