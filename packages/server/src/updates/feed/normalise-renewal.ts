import { addDays } from '../calendar.ts'
import type { LocalDate } from '../local-date.ts'

export type Period = { startDate: LocalDate; endDate: LocalDate }

/** Served as `renewalPeriods` of a license; a function of the report and the state's rule, never of today's date. */
export type RenewalPeriods = {
  renewalType: 'PERPETUAL' | 'NO_RENEWAL_INFORMATION_AVAILABLE' | 'RENEWAL_REQUIRED'
  renewal: Period | null
  lateRenewal: Period | null
  reinstatement: Period | null
}

/** What an operator has set for a state: how long after its expiry a license can still be renewed, then reinstated. Whole days. */
export type RenewalRule = { lateRenewalDays: number; reinstatementDays: number }

const RENEWAL_DAYS = 90

/** Source: producersync-api 7. A period of no days is null. */
export function renewalPeriods(
  license: { expirationDate: LocalDate | null; perpetual: boolean },
  rule: RenewalRule = { lateRenewalDays: 0, reinstatementDays: 0 },
): RenewalPeriods {
  const expiry = license.expirationDate
  if (expiry === null) {
    const renewalType = license.perpetual ? 'PERPETUAL' : 'NO_RENEWAL_INFORMATION_AVAILABLE'
    return { renewalType, renewal: null, lateRenewal: null, reinstatement: null }
  }
  return {
    renewalType: 'RENEWAL_REQUIRED',
    renewal: { startDate: addDays(expiry, -RENEWAL_DAYS), endDate: expiry },
    lateRenewal: daysAfter(expiry, rule.lateRenewalDays),
    reinstatement: daysAfter(addDays(expiry, rule.lateRenewalDays), rule.reinstatementDays),
  }
}

function daysAfter(day: LocalDate, days: number): Period | null {
  return days > 0 ? { startDate: addDays(day, 1), endDate: addDays(day, days) } : null
}
