const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/
const CALENDAR_DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const YEAR_MIN = 1970
const YEAR_MAX = 9999

/**
 * A moment from RFC 3339 text with an offset, cut to milliseconds; undefined when it is none.
 * A leap second counts as the first moment after it. Source: webhook-api 1.
 */
export function parseMoment(text: string): Date | undefined {
  const parts = RFC3339.exec(text)
  if (!parts) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = parts
  if (!isCalendarDay(Number(year), Number(month), Number(day))) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined
  // not Date.UTC, which reads years below 100 as 19xx
  const moment = new Date(0)
  moment.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  moment.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)))
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000 * (sign === '-' ? -1 : 1)
  return new Date(moment.getTime() - offsetMs)
}

/** A moment that the schema of a body has let pass. `Date` would not do: it knows no leap second. */
export function momentOf(text: string): Date {
  const moment = parseMoment(text)
  if (!moment) throw new TypeError('not a moment')
  return moment
}

/** Lies a moment in the years that the API takes, 1970 to 9999 (UTC)? */
export function isMomentInRange(moment: Date): boolean {
  const year = moment.getUTCFullYear()
  return year >= YEAR_MIN && year <= YEAR_MAX
}

/** A day of the calendar, `YYYY-MM-DD`? */
export function isCalendarDate(text: string): boolean {
  const parts = CALENDAR_DATE.exec(text)
  return parts !== null && isCalendarDay(Number(parts[1]), Number(parts[2]), Number(parts[3]))
}

function isCalendarDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false
  // day 0 of the next month is the last of this one; years below 100 would be read as 19xx
  return day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
}
