import { addDays, isBusinessDay } from '#src/updates/calendar.ts'
import type { LocalDate } from '#src/updates/local-date.ts'

export const FAULTS = ['none', 'kill', 'feed_down', 'half_report', 'late', 'no_report', 'kill_publishing'] as const
export type Fault = (typeof FAULTS)[number] | 'bulk_expiry'
export type PlannedDay = { day: LocalDate; fault: Fault }

/** Business days after a day, each with its fault; on the last one NIPR is well, so that it makes up for all. */
export function planDays(after: LocalDate, count: number, last: 'none' | 'bulk_expiry'): PlannedDay[] {
  const days: PlannedDay[] = []
  for (let day = addDays(after, 1); days.length < count; day = addDays(day, 1)) {
    if (!isBusinessDay(day, new Set())) continue
    const fault = days.length === count - 1 ? last : (FAULTS[days.length % FAULTS.length] ?? 'none')
    days.push({ day, fault })
  }
  return days
}
