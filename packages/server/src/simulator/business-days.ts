import { addDays, chicagoDay, chicagoMoment, dayNumber, isBusinessDay } from '../updates/calendar.ts'
import type { LocalDate } from '../updates/local-date.ts'

/** How NIPR behaves on a day. Source: producersync-api 12. */
export const SCENARIOS = [
  'normal',
  'no_changes',
  'bulk_expiry',
  'late',
  'fails_once',
  'fails',
  'no_report',
  'slow',
] as const
export type Scenario = (typeof SCENARIOS)[number]

/** When reports can be had, in minutes after midnight in Chicago. */
const REPORT_MINUTES = 600
const LATE_REPORT_MINUTES = 180
/** A Monday; the first changes are of its week. */
const FIRST_DAY = chicagoDay(new Date('2024-12-30T18:00:00Z'))
const FIRST_DAY_NUMBER = dayNumber(FIRST_DAY)

/** The days of one feed: which have reports, and when. A day without a scenario is a normal one. */
export type Days = { scenarios: ReadonlyMap<LocalDate, Scenario>; holidays: { has(day: LocalDate): boolean } }

export const DEFAULT_HOLIDAYS: { has(day: LocalDate): boolean } = { has: isDefaultHoliday }

/** 1 January, 4 July, Thanksgiving (the fourth Thursday of November), 25 December. */
function isDefaultHoliday(day: LocalDate): boolean {
  const monthAndDay = day.slice('YYYY-'.length)
  if (monthAndDay === '01-01' || monthAndDay === '07-04' || monthAndDay === '12-25') return true
  const isThursday = (((dayNumber(day) - FIRST_DAY_NUMBER) % 7) + 7) % 7 === 3
  return isThursday && monthAndDay >= '11-22' && monthAndDay <= '11-28'
}

/**
 * Weekdays are numbered, from 0, so that a producer's changes can be drawn as gaps between them. Gives the number of the last
 * one until a day, -1 before the first.
 */
export function lastWeekdayIndex(day: LocalDate): number {
  const days = dayNumber(day) - FIRST_DAY_NUMBER
  return days < 0 ? -1 : Math.floor(days / 7) * 5 + Math.min(days % 7, 4)
}

export function weekdayOfIndex(index: number): LocalDate {
  return addDays(FIRST_DAY, Math.floor(index / 5) * 7 + (index % 5))
}

export function scenarioOf(days: Days, day: LocalDate): Scenario {
  return days.scenarios.get(day) ?? 'normal'
}

/** Do producers change on this day? */
export function hasChanges(days: Days, day: LocalDate): boolean {
  const scenario = scenarioOf(days, day)
  return isBusinessDay(day, days.holidays) && scenario !== 'no_changes' && scenario !== 'no_report'
}

/** The business day after a day, or with -1 the one before it. */
export function nextBusinessDay(days: Days, day: LocalDate, step: 1 | -1 = 1): LocalDate {
  let next = addDays(day, step)
  while (!isBusinessDay(next, days.holidays)) next = addDays(next, step)
  return next
}

/** What an alert report of a day is at a moment: there, not there (yet, or ever), or asking fails. */
export function reportState(days: Days, day: LocalDate, now: Date): 'report' | 'no_report' | 'fails' {
  const scenario = scenarioOf(days, day)
  if (!isBusinessDay(day, days.holidays) || scenario === 'no_report' || now < dataMoment(days, day)) return 'no_report'
  return scenario === 'fails' && now < chicagoMoment(nextBusinessDay(days, day), REPORT_MINUTES) ? 'fails' : 'report'
}

/** The day whose state detail reports show at a moment: the last business day whose moment has come. */
export function dataDay(days: Days, now: Date): LocalDate {
  let day = chicagoDay(now)
  while (!isBusinessDay(day, days.holidays) || now < dataMoment(days, day)) day = addDays(day, -1)
  return day
}

/** When the changes of a business day can be read. */
function dataMoment(days: Days, day: LocalDate): Date {
  return scenarioOf(days, day) === 'late'
    ? chicagoMoment(addDays(day, 1), LATE_REPORT_MINUTES)
    : chicagoMoment(day, REPORT_MINUTES)
}
