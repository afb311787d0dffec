import type { Npn } from '#src/population/npn.ts'
import type { LocalDate } from '../local-date.ts'
import type { LoaCategory } from './normalise-loa.ts'

export const ALERT_KINDS = ['LICENSING', 'APPOINTMENTS', 'RIRS', 'DEMOGRAPHICS'] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

/**
 * What the feed did not do. `retry`: another attempt may do better (`retry-schedule.ts` says when, and not before
 * `retryAfterMs`). `refused`: NIPR does not take the credentials (401, 403): the run fails and an alarm is due.
 * `cause` is a short word for logs and the errors of a run, such as `http 503`, `fault 9`, `silence`: never data.
 */
export type FeedFailure = { kind: 'failed'; retry: boolean; refused: boolean; cause: string; retryAfterMs?: number }

/** One world of NIPR data. Every call is one attempt: who calls decides about the next one. Source: producersync-api 11. */
export interface NiprFeed {
  /**
   * Who changed on a day, in batches, streamed: nothing counts until the last batch has come.
   * The batches may name an NPN twice, and NPNs that are no targets. @throws ReportBroken while batches are taken
   */
  alerts(
    kind: AlertKind,
    day: LocalDate,
    signal: AbortSignal,
  ): Promise<{ kind: 'report'; npns: AsyncIterable<Npn[]> } | { kind: 'no_report' } | FeedFailure>
  detail(
    npn: Npn,
    signal: AbortSignal,
  ): Promise<{ kind: 'report'; producer: ProducerReport } | { kind: 'unknown' } | FeedFailure>
  /** Of all four kinds' subscriptions, which are made when missing. At most 1,000 NPNs; repeating it is harmless. */
  changeTargets(
    change: 'add' | 'remove',
    npns: readonly Npn[],
    signal: AbortSignal,
  ): Promise<{ kind: 'done' } | FeedFailure>
}

/** An alert report that ended before its end, or is none: nothing of it may be used. */
export class ReportBroken extends Error {
  readonly failure: FeedFailure

  constructor(failure: FeedFailure) {
    super(failure.cause)
    this.name = 'ReportBroken'
    this.failure = failure
  }
}

/**
 * A producer as one detail report says, in the words and fields that are served (producersync-api 7), without what the
 * service gives: ids, links, dates of storing. Rows stand in the order of the report, duplicates included; texts are
 * trimmed, with single blanks, and never empty.
 */
export type ProducerReport = {
  npn: Npn
  entity: ReportedEntity
  addresses: ReportedAddress[]
  contactInfos: ReportedContactInfo[]
  otherNames: ReportedOtherName[]
  licenses: ReportedLicense[]
  appointments: ReportedAppointment[]
  regulatoryActions: ReportedRegulatoryAction[]
  /** Values that were not blank and could not be understood: they are null. */
  warnings: number
}

export type ReportedEntity = {
  type: 'INDIVIDUAL' | 'FIRM'
  feinId: string | null
  companyName: string | null
  firstName: string | null
  middleName: string | null
  lastName: string | null
  suffix: string | null
  dateOfBirth: LocalDate | null
  /** The report has no license. */
  noLicenses: boolean
}

export type ReportedAddress = {
  forState: string | null
  type: 'BUSINESS' | 'MAILING' | 'RESIDENCE' | null
  niprDateUpdated: LocalDate | null
  line1: string | null
  line2: string | null
  line3: string | null
  city: string | null
  state: string | null
  zip: string | null
  country: string | null
}

export type ReportedContactInfo = {
  forState: string | null
  type: 'BUSINESS_PHONE' | 'BUSINESS_EMAIL' | 'FAX'
  niprDateUpdated: LocalDate | null
  value: string
}

export type ReportedOtherName = {
  forState: string | null
  type: 'ALIAS' | 'FIRM_BRANCH' | 'PREVIOUS'
  name: string
}

export type AgentType = 'Producer' | 'Adjuster' | 'Consultant'

export type ReportedLicense = {
  forState: string | null
  niprDateUpdated: LocalDate | null
  licenseNum: string | null
  originalIssueDate: LocalDate | null
  /** Null when perpetual or unknown. */
  expirationDate: LocalDate | null
  /** It never expires (12/31/9999, 12/31/2999); with the expiry this gives `renewalPeriods` (`normalise-renewal.ts`). */
  perpetual: boolean
  licenseClass: string | null
  licenseClassCode: string | null
  residencyStatus: 'R' | 'NR' | null
  active: boolean
  agentTypes: AgentType[]
  licenseLoas: ReportedLicenseLoa[]
}

export type ReportedLicenseLoa = {
  loa: string | null
  loaCode: string | null
  issueDate: LocalDate | null
  status: 'Active' | 'Cancelled' | 'Inactive' | null
  statusReason: string | null
  statusReasonDate: LocalDate | null
  ceCompliance: 'EXEMPT' | 'IN COMPLIANCE' | 'N/A' | 'NOT IN COMPLIANCE' | null
  ceCreditsNeeded: number | null
  ceRenewalDate: LocalDate | null
  /** Served as `loaMapping.categories`. */
  categories: LoaCategory[]
}

export type ReportedAppointment = {
  forState: string | null
  companyName: string | null
  feinId: string | null
  coCode: string | null
  loa: string | null
  loaCode: string | null
  status: 'APPOINTED' | 'TERMINATED' | null
  statusReasonDate: LocalDate | null
  terminationReason: string | null
  renewalDate: LocalDate | null
  countyCode: string | null
  /** Served as `loaMapping.categories`. */
  categories: LoaCategory[]
}

export type ReportedRegulatoryAction = {
  forState: string | null
  actionId: string | null
  actionDate: LocalDate | null
  effectiveDate: LocalDate | null
  enterDate: LocalDate | null
  /** Whole USD. */
  penaltyFineForfeiture: number | null
  /** The leading number of the text, unit as NIPR writes it. */
  lengthOfOrder: number | null
  fileRef: string | null
  /** At most one of each type. */
  regulatoryActionValues: { type: 'REASON' | 'ORIGIN' | 'DISPOSITION'; value: string }[]
}
