import { type LocalDate, localDateOf } from './local-date.ts'

const DAY_MS = 86_400_000
const SUNDAY = 0
const SATURDAY = 6

const chicago = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Chicago',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
})

/** Days since 1 January 1970: for arithmetic. */
export function dayNumber(day: LocalDate): number {
  return Date.parse(`${day}T00:00:00Z`) / DAY_MS
}

/** The day with this number. @throws RangeError outside the years 1 to 9999 */
export function dayOfNumber(number: number): LocalDate {
  const moment = new Date(number * DAY_MS)
  const day = localDateOf(moment.getUTCFullYear(), moment.getUTCMonth() + 1, moment.getUTCDate())
  if (day === undefined) throw new RangeError('a day outside the years 1 to 9999')
  return day
}

/** @throws RangeError outside the years 1 to 9999 */
export function addDays(day: LocalDate, days: number): LocalDate {
  return dayOfNumber(dayNumber(day) + days)
}

/** Monday to Friday, less the feed's holidays. */
export function isBusinessDay(day: LocalDate, holidays: { has(day: LocalDate): boolean }): boolean {
  const weekday = new Date(dayNumber(day) * DAY_MS).getUTCDay()
  return weekday !== SUNDAY && weekday !== SATURDAY && !holidays.has(day)
}

/** What the calendar in Chicago says at a moment. */
export function chicagoDay(moment: Date): LocalDate {
  return dayOfNumber(Math.floor(chicagoMs(moment) / DAY_MS))
}

/**
 * The moment when clocks in Chicago show a time of a day, `minutes` after its midnight. Where they show it twice it is the first
 * moment; where they jump over it, the one as long after the jump as the time is.
 */
export function chicagoMoment(day: LocalDate, minutes: number): Date {
  const shownMs = dayNumber(day) * DAY_MS + minutes * 60_000
  // offsets before and after any change of this day; the earlier moment wins where both show the time
  const candidates = [shownMs - DAY_MS, shownMs + DAY_MS].map((nearMs) => shownMs - offsetMs(new Date(nearMs)))
  const exact = candidates.filter((candidateMs) => chicagoMs(new Date(candidateMs)) === shownMs)
  return new Date(exact.length > 0 ? Math.min(...exact) : Math.max(...candidates))
}

/** A moment as clocks in Chicago show it, with their distance from UTC: `2026-03-06T10:15:00.021-06:00`. */
export function chicagoText(moment: Date): string {
  const shown = new Date(moment.getTime() + offsetMs(moment)).toISOString().slice(0, -1)
  const minutes = Math.abs(offsetMs(moment)) / 60_000
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0'))
  return `${shown}${offsetMs(moment) < 0 ? '-' : '+'}${hours}:${rest}`
}

function offsetMs(moment: Date): number {
  return chicagoMs(moment) - Math.floor(moment.getTime() / 1000) * 1000
}

/** What clocks in Chicago show, as if it were UTC, to the second. */
function chicagoMs(moment: Date): number {
  const shown: Record<string, number> = {}
  for (const part of chicago.formatToParts(moment)) shown[part.type] = Number(part.value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
