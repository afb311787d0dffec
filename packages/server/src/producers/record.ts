/** The kinds of record that are stored of a producer; each is a table of this name. */
export const RECORD_KINDS = [
  'entity',
  'address',
  'contact_info',
  'other_name',
  'license',
  'license_loa',
  'appointment',
  'regulatory_action',
  'regulatory_action_value',
] as const
export type RecordKind = (typeof RECORD_KINDS)[number]

/** A day in America/Chicago, `YYYY-MM-DD`. */
type Day = string

export type Entity = {
  type: 'INDIVIDUAL' | 'FIRM'
  feinId: string | null
  companyName: string | null
  firstName: string | null
  middleName: string | null
  lastName: string | null
  suffix: string | null
  dateOfBirth: Day | null
  noLicenses: boolean
}

export type Address = {
  forState: string | null
  type: 'BUSINESS' | 'MAILING' | 'RESIDENCE' | null
  niprDateUpdated: Day | null
  line1: string | null
  line2: string | null
  line3: string | null
  city: string | null
  state: string | null
  zip: string | null
  country: string | null
}

export type ContactInfo = {
  forState: string | null
  type: 'BUSINESS_PHONE' | 'BUSINESS_EMAIL' | 'FAX'
  niprDateUpdated: Day | null
  value: string
}

export type OtherName = {
  forState: string | null
  type: 'ALIAS' | 'FIRM_BRANCH' | 'PREVIOUS'
  name: string
}

export type License = {
  forState: string | null
  niprDateUpdated: Day | null
  licenseNum: string | null
  originalIssueDate: Day | null
  expirationDate: Day | null
  licenseClass: string | null
  licenseClassCode: string | null
  residencyStatus: 'R' | 'NR' | null
  active: boolean
  agentTypes: string[]
  renewalType: 'PERPETUAL' | 'NO_RENEWAL_INFORMATION_AVAILABLE' | 'RENEWAL_REQUIRED'
  renewalFrom: Day | null
  renewalUntil: Day | null
  lateRenewalFrom: Day | null
  lateRenewalUntil: Day | null
  reinstatementFrom: Day | null
  reinstatementUntil: Day | null
}

export type LicenseLoa = {
  licenseId: number
  forState: string | null
  loa: string | null
  loaCode: string | null
  issueDate: Day | null
  status: 'Active' | 'Cancelled' | 'Inactive' | null
  statusReason: string | null
  statusReasonDate: Day | null
  ceCompliance: 'EXEMPT' | 'IN COMPLIANCE' | 'N/A' | 'NOT IN COMPLIANCE' | null
  ceCreditsNeeded: number | null
  ceRenewalDate: Day | null
  categories: string[]
}

export type Appointment = {
  forState: string | null
  companyName: string | null
  feinId: string | null
  coCode: string | null
  loa: string | null
  loaCode: string | null
  status: 'APPOINTED' | 'TERMINATED' | null
  statusReasonDate: Day | null
  terminationReason: string | null
  renewalDate: Day | null
  countyCode: string | null
  categories: string[]
}

export type RegulatoryAction = {
  forState: string | null
  actionId: string | null
  actionDate: Day | null
  effectiveDate: Day | null
  enterDate: Day | null
  penaltyFineForfeiture: number | null
  lengthOfOrder: number | null
  fileRef: string | null
}

export type RegulatoryActionValue = {
  regulatoryActionId: number
  type: 'REASON' | 'ORIGIN' | 'DISPOSITION'
  value: string
}

/** The fields of each kind: the columns of its table in camel case. */
export type RecordFields = {
  entity: Entity
  address: Address
  contact_info: ContactInfo
  other_name: OtherName
  license: License
  license_loa: LicenseLoa
  appointment: Appointment
  regulatory_action: RegulatoryAction
  regulatory_action_value: RegulatoryActionValue
}
