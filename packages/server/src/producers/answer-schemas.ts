import Type, { type Static, type TSchema } from 'typebox'
import { nullable, oneOf } from '#src/adapters/http/schema.ts'
import { link, links } from '#src/population/answer-schemas.ts'
import { NPN } from '#src/population/npn.ts'
import { LOA_CATEGORIES } from '#src/updates/feed/normalise-loa.ts'

// The records of `record.ts` as they are served. Source: producersync-api 7.

export const appointmentStatuses = ['APPOINTED', 'TERMINATED'] as const
export type AppointmentStatus = (typeof appointmentStatuses)[number]

const date = Type.String({ format: 'date' })
const text = Type.String()
const id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const loaMapping = Type.Object({ categories: Type.Array(oneOf(LOA_CATEGORIES)) }, { title: 'LoaMapping' })

const known = {
  npn: Type.String({ pattern: NPN.source }),
  transactionId: Type.String({ format: 'uuid' }),
  createdAt: date,
  updatedAt: date,
  niprDeleted: Type.Boolean(),
}
const forState = nullable(text)
const branchId = Type.Null()

const Entity = Type.Object(
  {
    id,
    npn: known.npn,
    type: oneOf(['INDIVIDUAL', 'FIRM']),
    feinId: nullable(text),
    companyName: nullable(text),
    firstName: nullable(text),
    middleName: nullable(text),
    lastName: nullable(text),
    suffix: nullable(text),
    dateOfBirth: nullable(date),
    noLicenses: Type.Boolean(),
    subscriptionCount: Type.Integer({ minimum: 1 }),
    transactionId: known.transactionId,
    createdAt: date,
    updatedAt: date,
    niprDeleted: Type.Boolean(),
    links: Type.Object({
      self: link,
      addresses: link,
      contactInfos: link,
      appointments: link,
      licenses: link,
      residentLicense: Type.Optional(link),
    }),
  },
  { title: 'Entity' },
)

const Address = Type.Object(
  {
    id,
    ...known,
    type: nullable(oneOf(['BUSINESS', 'MAILING', 'RESIDENCE'])),
    forState,
    branchId,
    niprDateUpdated: nullable(date),
    line1: nullable(text),
    line2: nullable(text),
    line3: nullable(text),
    city: nullable(text),
    state: nullable(text),
    zip: nullable(text),
    country: nullable(text),
    links: links('self', 'entity'),
  },
  { title: 'Address' },
)

const ContactInfo = Type.Object(
  {
    id,
    ...known,
    type: oneOf(['BUSINESS_PHONE', 'BUSINESS_EMAIL', 'FAX']),
    forState,
    branchId,
    niprDateUpdated: nullable(date),
    value: text,
    links: links('self', 'entity'),
  },
  { title: 'ContactInfo' },
)

const OtherName = Type.Object(
  {
    id,
    ...known,
    type: oneOf(['ALIAS', 'FIRM_BRANCH', 'PREVIOUS']),
    forState,
    branchId,
    stateCoId: Type.Null(),
    name: text,
    links: links('self', 'entity'),
  },
  { title: 'OtherName' },
)

const LicenseLoa = Type.Object(
  {
    id,
    ...known,
    licenseId: id,
    forState,
    loa: nullable(text),
    loaCode: nullable(text),
    issueDate: nullable(date),
    status: nullable(oneOf(['Active', 'Cancelled', 'Inactive'])),
    statusReason: nullable(text),
    statusReasonDate: nullable(date),
    ceCompliance: nullable(oneOf(['EXEMPT', 'IN COMPLIANCE', 'N/A', 'NOT IN COMPLIANCE'])),
    ceCreditsNeeded: nullable(Type.Number()),
    ceRenewalDate: nullable(date),
    loaMapping,
    links: links('self', 'license'),
  },
  { title: 'LicenseLoa' },
)

const period = Type.Object({ startDate: date, endDate: date }, { title: 'RenewalPeriod' })

const License = Type.Object(
  {
    id,
    ...known,
    forState,
    branchId,
    niprDateUpdated: nullable(date),
    licenseNum: nullable(text),
    originalIssueDate: nullable(date),
    expirationDate: nullable(date),
    licenseClass: nullable(text),
    licenseClassCode: nullable(text),
    residencyStatus: nullable(oneOf(['R', 'NR'])),
    active: Type.Boolean(),
    agentTypes: Type.Array(oneOf(['Adjuster', 'Consultant', 'Producer'])),
    renewalPeriods: Type.Object({
      renewalType: oneOf(['RENEWAL_REQUIRED', 'PERPETUAL', 'NO_RENEWAL_INFORMATION_AVAILABLE']),
      renewal: nullable(period),
      lateRenewal: nullable(period),
      reinstatement: nullable(period),
    }),
    licenseLoas: Type.Array(LicenseLoa),
    links: links('self', 'entity', 'licenseLoas'),
  },
  { title: 'License' },
)

const Appointment = Type.Object(
  {
    id,
    ...known,
    forState,
    branchId,
    companyName: nullable(text),
    feinId: nullable(text),
    coCode: nullable(text),
    loa: nullable(text),
    loaCode: nullable(text),
    status: nullable(oneOf(appointmentStatuses)),
    statusReasonDate: nullable(date),
    terminationReason: nullable(text),
    renewalDate: nullable(date),
    countyCode: nullable(text),
    loaMapping,
    links: links('self', 'entity'),
  },
  { title: 'Appointment' },
)

const RegulatoryActionValue = Type.Object(
  {
    id,
    ...known,
    regulatoryActionId: id,
    type: oneOf(['REASON', 'ORIGIN', 'DISPOSITION']),
    value: text,
    links: links('self', 'regulatoryAction'),
  },
  { title: 'RegulatoryActionValue' },
)

const RegulatoryAction = Type.Object(
  {
    id,
    ...known,
    forState,
    branchId,
    actionId: nullable(text),
    actionDate: nullable(date),
    effectiveDate: nullable(date),
    enterDate: nullable(date),
    penaltyFineForfeiture: nullable(Type.Number()),
    lengthOfOrder: nullable(Type.Number()),
    fileRef: nullable(text),
    regulatoryActionValues: Type.Array(RegulatoryActionValue),
    links: links('self', 'entity', 'regulatoryActionValues'),
  },
  { title: 'RegulatoryAction' },
)

/** The rows of every kind of record, by the name of its lists. */
export const recordSchemas = {
  entities: Entity,
  addresses: Address,
  contactInfos: ContactInfo,
  otherNames: OtherName,
  licenses: License,
  licenseLoas: LicenseLoa,
  appointments: Appointment,
  regulatoryActions: RegulatoryAction,
  regulatoryActionValues: RegulatoryActionValue,
}

export type ServedKind = keyof typeof recordSchemas

/** A record as it is served, with its links and the records embedded in it. */
export type Served<Kind extends ServedKind> = Static<(typeof recordSchemas)[Kind]>

/** A page of a v2 list. @param rows  their name, and what each is */
export function v2ListOf(title: string, rows: { name: string; row: TSchema }) {
  return Type.Object(
    {
      embedded: Type.Optional(Type.Object({ [rows.name]: Type.Array(rows.row, { minItems: 1 }) })),
      links: links('self', 'next'),
    },
    { title, description: 'The page behind the last record has no `embedded`: it is the end.' },
  )
}

export const DataLoading = Type.Object(
  { success: Type.Literal(true), message: Type.String(), links: links('self') },
  { title: 'DataLoading', description: 'The data of the NPN is being loaded: ask again after `retry-after`.' },
)
