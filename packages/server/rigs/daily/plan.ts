import { addDays, isBusinessDay } from '#src/updates/calendar.ts'
import type { LocalDate } from '#src/updates/local-date.ts'

export const FAULTS = ['none', 'kill', 'feed_down', 'half_report', 'late', 'no_report', 'kill_publishing'] as const
export type Fault = (typeof FAULTS)[number]
export type PlannedDay = { day: LocalDate; fault: Fault }

/** Business days after a day, each with its fault; the last has none, so that it makes up for all. */
export function planDays(after: LocalDate, count: number): PlannedDay[] {
  const days: PlannedDay[] = []
  for (let day = addDays(after, 1); days.length < count; day = addDays(day, 1)) {
    if (!isBusinessDay(day, new Set())) continue
    const fault = days.length === count - 1 ? 'none' : (FAULTS[days.length % FAULTS.length] ?? 'none')
    days.push({ day, fault })
  }
  return days
}
