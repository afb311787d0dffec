import { parseAbsolute, toCalendarDateTime, toZoned, type ZonedDateTime } from '@internationalized/date'

/** A moment as a picker edits it: by the clocks of a zone. */
export function inZone(at: Date, zone: string): ZonedDateTime {
  return parseAbsolute(at.toISOString(), zone).set({ second: 0, millisecond: 0 })
}

/** The two moments at which the clocks show this, where they show it twice: the hour that comes again when they go back. */
export function repeatedOf(value: ZonedDateTime): { first: ZonedDateTime; second: ZonedDateTime } | null {
  const local = toCalendarDateTime(value)
  const first = toZoned(local, value.timeZone, 'earlier')
  const second = toZoned(local, value.timeZone, 'later')
  const shows = (moment: ZonedDateTime) => toCalendarDateTime(moment).compare(local) === 0
  return first.compare(second) !== 0 && shows(first) && shows(second) ? { first, second } : null
}

export type RangeFault = 'order' | 'too_early'

/** @param earliest  nothing older is kept */
export function faultOfRange(from: Date, to: Date, earliest: Date): RangeFault | null {
  if (to <= from) return 'order'
  return to < earliest ? 'too_early' : null
}

/** As it stands in an address. */
export function toInstant(value: ZonedDateTime): string {
  return value
    .toDate()
    .toISOString()
    .replace(/:00\.000Z$/, ':00Z')
}
