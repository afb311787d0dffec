import { addMs } from '#src/adapters/clock.ts'
import { checkRange, type Range } from '#src/tally/range.ts'

export const PERIODS = ['OneDay', 'OneHour', 'FiveMinutes'] as const
export type Period = (typeof PERIODS)[number]

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const RULES: Readonly<Record<Period, { everyMs: number; rangeMsMax: number; rangeMsDefault: number }>> = {
  OneDay: { everyMs: DAY_MS, rangeMsMax: 90 * DAY_MS, rangeMsDefault: 28 * DAY_MS },
  OneHour: { everyMs: HOUR_MS, rangeMsMax: 14 * DAY_MS, rangeMsDefault: DAY_MS },
  FiveMinutes: { everyMs: 5 * MINUTE_MS, rangeMsMax: DAY_MS, rangeMsDefault: HOUR_MS },
}

/**
 * Cuts a time into periods of UTC, the first and the last of them whole.
 * @param given  what is missing is filled in: until now, and as long as the period has it by default
 * @returns the bounds of the periods, one more than there are periods
 * @throws DomainError invalid_range
 */
export function periodsOf(given: Partial<Range>, period: Period, now: Date): Date[] {
  const { everyMs, rangeMsMax, rangeMsDefault } = RULES[period]
  const until = given.until ?? now
  const end = new Date(Math.ceil(until.getTime() / everyMs) * everyMs)
  const since = given.since ?? addMs(end, -rangeMsDefault)
  if (given.since) checkRange({ since, until }, now, rangeMsMax / DAY_MS)
  else checkRange({ since: until, until }, now, 0)
  const bounds: Date[] = []
  for (let at = Math.floor(since.getTime() / everyMs) * everyMs; at <= end.getTime(); at += everyMs) {
    bounds.push(new Date(at))
  }
  return bounds
}
