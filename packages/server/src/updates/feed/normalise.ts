import { type LocalDate, localDateOf, parseLocalDate } from '../local-date.ts'
import type {
  AgentType,
  ReportedAddress,
  ReportedAppointment,
  ReportedLicense,
  ReportedLicenseLoa,
  ReportedOtherName,
} from './feed.ts'

/** Called for a value that was not blank and could not be understood. */
export type Warn = () => void

const US_DATE = /^([0-9]{1,2})\/([0-9]{1,2})\/([0-9]{4})$/
const COMPACT_DATE = /^([0-9]{4})([0-9]{2})([0-9]{2})$/
const LEADING_NUMBER = /^\$? ?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)/
const SIMPLE_TEXT = /^[!-~]+(?: [!-~]+)*$/
const PERPETUAL: ReadonlySet<string | null> = new Set(['9999-12-31', '2999-12-31'])
const CO_CODE_DIGITS = 5

/** Trimmed, with single blanks; null when nothing is left. */
export function normaliseText(raw: string | undefined): string | null {
  if (raw === undefined || SIMPLE_TEXT.test(raw)) return raw ?? null
  return raw.replace(/\s+/g, ' ').trim() || null
}

/** `MM/DD/YYYY`, `YYYY-MM-DD` or `YYYYMMDD`; null for another text, and for a day that no calendar has. */
export function normaliseDate(raw: string | undefined, warn: Warn): LocalDate | null {
  const text = normaliseText(raw)
  if (text === null) return null
  const day = readUsDate(text) ?? parseLocalDate(text) ?? readCompactDate(text)
  if (day === undefined) warn()
  return day ?? null
}

/** The expiry of a license; 12/31/9999 and 12/31/2999 say that it has none. */
export function normaliseExpiry(
  raw: string | undefined,
  warn: Warn,
): Pick<ReportedLicense, 'expirationDate' | 'perpetual'> {
  const day = normaliseDate(raw, warn)
  const perpetual = PERPETUAL.has(day)
  return { expirationDate: perpetual ? null : day, perpetual }
}

/** The number a text starts with, in whole units, such as 1500 of `$1,500.00`; null when it starts with none. */
export function normaliseNumber(raw: string | undefined, warn: Warn): number | null {
  const text = normaliseText(raw)
  if (text === null) return null
  const number = Number(LEADING_NUMBER.exec(text)?.[1]?.replaceAll(',', '') ?? Number.NaN)
  if (Number.isSafeInteger(number)) return number
  warn()
  return null
}

/** `CO` of ` co `; a state that is not written with two letters stays as it is. */
export function normaliseState(raw: string | undefined): string | null {
  const text = normaliseText(raw)
  return text !== null && /^[A-Za-z]{2}$/.test(text) ? text.toUpperCase() : text
}

export function normaliseCoCode(raw: string | undefined): string | null {
  const text = normaliseText(raw)
  return text !== null && /^[0-9]+$/.test(text) ? text.padStart(CO_CODE_DIGITS, '0') : text
}

export const normaliseAddressType = oneOf<NonNullable<ReportedAddress['type']>>({
  BUSINESS: ['b', 'business'],
  MAILING: ['m', 'mailing'],
  RESIDENCE: ['r', 'residence', 'resident'],
})

export const normaliseResidency = oneOf<NonNullable<ReportedLicense['residencyStatus']>>({
  R: ['r', 'resident'],
  NR: ['nr', 'non-resident', 'nonresident', 'non resident'],
})

export const normaliseLoaStatus = oneOf<NonNullable<ReportedLicenseLoa['status']>>({
  Active: ['active'],
  Cancelled: ['cancelled', 'canceled', 'revoked', 'terminated', 'surrendered'],
  Inactive: ['inactive', 'expired', 'lapsed', 'suspended'],
})

export const normaliseCeCompliance = oneOf<NonNullable<ReportedLicenseLoa['ceCompliance']>>({
  EXEMPT: ['exempt'],
  'IN COMPLIANCE': ['in compliance'],
  'N/A': ['n/a'],
  'NOT IN COMPLIANCE': ['not in compliance'],
})

export const normaliseAppointmentStatus = oneOf<NonNullable<ReportedAppointment['status']>>({
  APPOINTED: ['appointed', 'active'],
  TERMINATED: ['terminated', 'inactive', 'cancelled'],
})

const YES_OR_NO = oneOf<'yes' | 'no'>({ yes: ['yes', 'y', 'true'], no: ['no', 'n', 'false'] })

/** Null when the report does not say: then the lines of authority do. */
export function normaliseYesOrNo(raw: string | undefined, warn: Warn): boolean | null {
  const word = YES_OR_NO(raw, warn)
  return word === null ? null : word === 'yes'
}

export function normaliseOtherNameType(raw: string | undefined): ReportedOtherName['type'] {
  const text = (raw ?? '').toLowerCase()
  if (text.includes('branch')) return 'FIRM_BRANCH'
  return text.includes('prev') || text.includes('former') ? 'PREVIOUS' : 'ALIAS'
}

/** What a license lets somebody be, by the words in the name of its class. */
export function agentTypes(licenseClass: string | null): AgentType[] {
  const name = (licenseClass ?? '').toLowerCase()
  const types: AgentType[] = []
  if (name.includes('producer') || name.includes('agent') || name.includes('broker')) types.push('Producer')
  if (name.includes('adjuster')) types.push('Adjuster')
  if (name.includes('consultant')) types.push('Consultant')
  return types
}

/** A reader of one of a few words, written in any case. */
function oneOf<T extends string>(spellings: Readonly<Record<T, readonly string[]>>) {
  const words = new Map<string, T>()
  for (const value in spellings) for (const spelling of spellings[value]) words.set(spelling, value)
  return (raw: string | undefined, warn: Warn): T | null => {
    const text = normaliseText(raw)
    if (text === null) return null
    const value = words.get(text.toLowerCase())
    if (value === undefined) warn()
    return value ?? null
  }
}

function readUsDate(text: string): LocalDate | undefined {
  const parts = US_DATE.exec(text)
  return parts ? localDateOf(Number(parts[3]), Number(parts[1]), Number(parts[2])) : undefined
}

function readCompactDate(text: string): LocalDate | undefined {
  const parts = COMPACT_DATE.exec(text)
  return parts ? localDateOf(Number(parts[1]), Number(parts[2]), Number(parts[3])) : undefined
}
