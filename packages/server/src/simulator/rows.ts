import { addDays, dayOfNumber } from '../updates/calendar.ts'
import type {
  ReportedAddress,
  ReportedAppointment,
  ReportedLicense,
  ReportedLicenseLoa,
  ReportedRegulatoryAction,
} from '../updates/feed/feed.ts'
import { type LocalDate, localDateOf } from '../updates/local-date.ts'
import { AGENCIES, CITIES, COMPANIES, DISPOSITIONS, LICENSE_CLASSES, LINES, REASONS, STREETS } from './catalogue.ts'
import type { Chance } from './chance.ts'
import type { Oddities } from './oddities.ts'

/** 2005 to 2024: before the first change of any feed. */
const [FIRST_DAY_NUMBER, LAST_DAY_NUMBER] = [12_784, 20_050]

export function oldDay(chance: Chance): LocalDate {
  return dayOfNumber(chance.whole(FIRST_DAY_NUMBER, LAST_DAY_NUMBER))
}

export function newPlace(chance: Chance, state: string) {
  return {
    line1: `${chance.whole(1, 9999)} ${chance.pick(STREETS)}`,
    line2: chance.is(0.2) ? `Suite ${chance.whole(1, 900)}` : null,
    line3: null,
    city: chance.pick(CITIES),
    state,
    zip: String(chance.whole(1_001, 99_950)).padStart(5, '0'),
    country: 'U.S.A.',
  }
}

export function newAddress(
  chance: Chance,
  odd: Oddities,
  forState: string,
  type: ReportedAddress['type'],
): ReportedAddress {
  const niprDateUpdated = odd.missingDates ? null : oldDay(chance)
  return { forState, type, niprDateUpdated, ...newPlace(chance, forState) }
}

export function newPhone(chance: Chance): string {
  return `(${chance.whole(201, 989)})555-${String(chance.whole(0, 9999)).padStart(4, '0')}`
}

/** @param issued the day of the license and its lines */
export function newLicense(
  chance: Chance,
  odd: Oddities,
  forState: string,
  residencyStatus: 'R' | 'NR',
  issued: LocalDate,
): ReportedLicense {
  const { name, code, agentTypes } = chance.pick(LICENSE_CLASSES)
  const firstLine = chance.whole(0, LINES.length - 1)
  const licenseLoas = Array.from({ length: chance.whole(1, 4) }, (_, i) => newLoa(chance, odd, firstLine + i, issued))
  const perpetual = odd.perpetual && chance.is(0.5)
  const hasExpiry = !perpetual && !(odd.missingDates && chance.is(0.5))
  const number = chance.whole(100_000, 9_999_999)
  return {
    forState,
    niprDateUpdated: odd.missingDates ? null : issued,
    licenseNum: odd.alphanumericNumbers ? `${chance.pick(['A-', 'PRD', '0G'])}${number}` : String(number),
    originalIssueDate: odd.missingDates && chance.is(0.5) ? null : issued,
    expirationDate: hasExpiry ? monthEnd(chance.whole(2026, 2029), chance.whole(1, 12)) : null,
    perpetual,
    licenseClass: name,
    licenseClassCode: code,
    residencyStatus: odd.blankStatus && chance.is(0.3) ? null : residencyStatus,
    active: licenseLoas.some(({ status }) => status === 'Active'),
    agentTypes,
    licenseLoas,
  }
}

/** @param line its place in the catalogue, counted round */
export function newLoa(chance: Chance, odd: Oddities, line: number, issued: LocalDate): ReportedLicenseLoa {
  const { code, name, categories } = LINES[line % LINES.length] ?? chance.pick(LINES)
  const status = odd.blankStatus && chance.is(0.4) ? null : chance.is(0.9) ? 'Active' : 'Inactive'
  return {
    loa: name,
    // a line is known by its name where it has no code
    loaCode: odd.otherSpellings && chance.is(0.2) ? null : code,
    issueDate: odd.missingDates && chance.is(0.5) ? null : issued,
    status,
    statusReason: status === 'Inactive' ? 'Failed to Renew' : null,
    statusReasonDate: status === 'Inactive' ? addDays(issued, 365) : null,
    ceCompliance: chance.is(0.5) ? null : chance.pick(['EXEMPT', 'IN COMPLIANCE', 'N/A', 'NOT IN COMPLIANCE']),
    ceCreditsNeeded: chance.is(0.5) ? null : chance.whole(0, 24),
    ceRenewalDate: chance.is(0.8) ? null : monthEnd(2026, chance.whole(1, 12)),
    categories,
  }
}

/** @param since the day of the appointment */
export function newAppointment(chance: Chance, odd: Oddities, forState: string, since: LocalDate): ReportedAppointment {
  const { name, coCode, feinId } = chance.pick(COMPANIES)
  const line = chance.pick(LINES)
  return {
    forState,
    companyName: name,
    feinId,
    coCode,
    loa: line.name,
    loaCode: line.code,
    status: odd.blankStatus && chance.is(0.3) ? null : 'APPOINTED',
    statusReasonDate: odd.missingDates && chance.is(0.5) ? null : since,
    terminationReason: null,
    renewalDate: chance.is(0.7) ? null : monthEnd(2026, chance.whole(1, 12)),
    countyCode: chance.is(0.9) ? null : String(chance.whole(1, 254)).padStart(3, '0'),
    categories: line.categories,
  }
}

/** @param entered the day on which it came into the database */
export function newAction(
  chance: Chance,
  odd: Oddities,
  forState: string,
  entered: LocalDate,
): ReportedRegulatoryAction {
  const actionDate = odd.missingDates ? null : addDays(entered, -10)
  return {
    forState,
    actionId: String(chance.whole(1_000_000, 99_999_999)),
    actionDate,
    effectiveDate: actionDate,
    enterDate: entered,
    penaltyFineForfeiture: chance.is(0.5) ? null : chance.whole(1, 50) * 100,
    lengthOfOrder: chance.is(0.5) ? null : chance.whole(1, 36),
    fileRef: chance.is(0.5) ? null : `${forState}-${chance.whole(1000, 9999)}/${entered.slice(0, 4)}`,
    regulatoryActionValues: [
      { type: 'REASON', value: chance.pick(REASONS) },
      ...(chance.is(0.7) ? [{ type: 'ORIGIN' as const, value: chance.pick(AGENCIES) }] : []),
      { type: 'DISPOSITION', value: chance.pick(DISPOSITIONS) },
    ],
  }
}

/** The last day of a month. @param month from 1, also beyond 12 */
export function monthEnd(year: number, month: number): LocalDate {
  const [monthsYear, monthOfYear] = [year + Math.floor((month - 1) / 12), ((month - 1) % 12) + 1]
  const last = [31, 30, 29, 28].flatMap((day) => localDateOf(monthsYear, monthOfYear, day) ?? [])[0]
  if (last === undefined) throw new RangeError('no such month')
  return last
}
