import type { Npn } from '#src/population/npn.ts'
import type {
  ReportedAppointment,
  ReportedLicense,
  ReportedLicenseLoa,
  ReportedRegulatoryAction,
} from '../updates/feed/feed.ts'
import type { LocalDate } from '../updates/local-date.ts'
import { Chance } from './chance.ts'
import { odditiesOf } from './oddities.ts'
import {
  ADDRESS_TYPE,
  APPOINTMENT_STATUS,
  CE_COMPLIANCE,
  escapeXml,
  LOA_STATUS,
  OTHER_NAME_TYPE,
  RESIDENCY,
  Speller,
  YES_OR_NO,
} from './spelling.ts'
import type { Producer, World } from './world.ts'

/** A report, and whether its bytes are ISO-8859-1 in place of UTF-8. */
export type DetailXml = { xml: Buffer; isLatin: boolean }

/** The detail report of a producer on a day, in PDB XML; in its bytes everything that section 11 says, and what is odd about it. */
export function detailXml(world: World, producer: Producer, day: LocalDate): DetailXml {
  const odd = odditiesOf(world, producer.npn)
  const speller = new Speller(odd, new Chance(world.seed, producer.npn, day, 'spelling'))
  const encoding = odd.latin ? 'ISO-8859-1' : 'UTF-8'
  const party = producer.entity.type
  const text =
    `<?xml version="1.0" encoding="${encoding}"?>\n<PDB><TRANSACTION_TYPE><TYPE>ENTITYINFO</TYPE></TRANSACTION_TYPE><PRODUCER><${party}>` +
    `<ENTITY_BIOGRAPHIC>${biographic(producer, speller)}${addresses(producer, speller)}${contacts(producer, speller)}</ENTITY_BIOGRAPHIC>` +
    `<PRODUCER_LICENSING>${licensing(producer, speller)}${actions(producer, speller)}<CLEARANCE_CERTIFICATION_INFO/><NASD_EXAM/></PRODUCER_LICENSING>` +
    `${speller.extra()}</${party}></PRODUCER></PDB>\n`
  return { xml: Buffer.from(text, odd.latin ? 'latin1' : 'utf8'), isLatin: odd.latin }
}

/** What is said of an NPN that is not known. */
export function unknownXml(): DetailXml {
  const xml = Buffer.from(
    '<?xml version="1.0" encoding="UTF-8"?>\n<PDB><TRANSACTION_TYPE><TYPE>ERROR</TYPE></TRANSACTION_TYPE>' +
      '<ERROR><DESCRIPTION>No record found for this entity</DESCRIPTION></ERROR></PDB>\n',
  )
  return { xml, isLatin: false }
}

/** A number that nobody has, where reports have one that nobody may keep. */
export function socialSecurityNumber(npn: Npn): string {
  return `9${npn.padStart(10, '0').slice(2)}`
}

function biographic({ npn, entity, otherNames }: Producer, speller: Speller): string {
  const isFirm = entity.type === 'FIRM'
  const own = isFirm
    ? speller.text('NAME_COMPANY', entity.companyName) + speller.text('ID_FEIN', entity.feinId)
    : speller.text('NAME_FIRST', entity.firstName) +
      speller.text('NAME_MIDDLE', entity.middleName) +
      speller.text('NAME_LAST', entity.lastName) +
      speller.text('NAME_SUFFIX', entity.suffix) +
      speller.date('DATE_BIRTH', entity.dateOfBirth) +
      `<ID_SSN>${socialSecurityNumber(npn)}</ID_SSN>`
  const names = byState(speller.rows(otherNames), (rows) =>
    rows
      .map(({ type, name }) => {
        const written = escapeXml(speller.spelling(type, OTHER_NAME_TYPE), true)
        return `<NAME type="${written}">${escapeXml(name, true)}</NAME>`
      })
      .join(''),
  )
  return `<BIOGRAPHIC><NPN>${npn}</NPN>${own}${names === '' ? '' : `<OTHER_NAME>${names}</OTHER_NAME>`}</BIOGRAPHIC>`
}

function addresses({ addresses: all }: Producer, speller: Speller): string {
  const states = byState(speller.rows(all), (rows) =>
    rows
      .map(
        (row) =>
          `<ADDRESS>${speller.word('ADDR_TYPE', row.type, ADDRESS_TYPE)}${speller.date('DATE_UPDATED', row.niprDateUpdated)}` +
          speller.text('ADDR_LINE_1', row.line1) +
          speller.text('ADDR_LINE_2', row.line2) +
          speller.text('ADDR_LINE_3', row.line3) +
          speller.text('NAME_CITY', row.city) +
          speller.text('NAME_STATE', row.state) +
          speller.text('ZIP', row.zip) +
          `${speller.text('COUNTRY', row.country)}</ADDRESS>`,
      )
      .join(''),
  )
  return `<ADDRESSES>${states}</ADDRESSES>`
}

function contacts({ contactInfos }: Producer, speller: Speller): string {
  const states = byState(speller.rows(contactInfos), (rows) => {
    const fields = rows.map(
      ({ type, niprDateUpdated, value }) =>
        speller.text(type, value) + speller.date(`${type}_UPDATE_DATE`, niprDateUpdated),
    )
    return `<CONTACT_INFO>${fields.join('')}</CONTACT_INFO>`
  })
  return `<CONTACT_INFOS>${states}</CONTACT_INFOS>`
}

function licensing({ licenses, appointments }: Producer, speller: Speller): string {
  const rows = [...speller.rows(licenses), ...speller.rows(appointments)]
  const states = byState(rows, (ofState) => {
    const written = ofState.map((row) => ('licenseLoas' in row ? license(row, speller) : appointment(row, speller)))
    const count = ofState.filter((row) => 'licenseLoas' in row).length
    const own = written.slice(0, count).join('')
    const appointed = written.slice(count).join('')
    return `${own}<APPOINTMENT_INFORMATION>${appointed}</APPOINTMENT_INFORMATION>`
  })
  return `<LICENSE_INFORMATION>${states}</LICENSE_INFORMATION>`
}

function license(row: ReportedLicense, speller: Speller): string {
  return (
    '<LICENSE>' +
    speller.text('LICENSE_NUM', row.licenseNum) +
    speller.date('DATE_UPDATED', row.niprDateUpdated) +
    speller.date('DATE_ISSUE_LICENSE_ORIG', row.originalIssueDate) +
    speller.expiry('DATE_EXPIRE_LICENSE', row.expirationDate, row.perpetual) +
    speller.text('LICENSE_CLASS', row.licenseClass) +
    speller.text('LICENSE_CLASS_CODE', row.licenseClassCode) +
    speller.word('RESIDENCY_STATUS', row.residencyStatus, RESIDENCY) +
    speller.word('ACTIVE', row.active ? 'yes' : 'no', YES_OR_NO) +
    `<ADHS/><DETAILS>${speller
      .rows(row.licenseLoas)
      .map((loa) => detail(loa, speller))
      .join('')}</DETAILS></LICENSE>`
  )
}

function detail(row: ReportedLicenseLoa, speller: Speller): string {
  return (
    '<DETAIL>' +
    speller.text('LOA', row.loa) +
    speller.text('LOA_CODE', row.loaCode) +
    speller.date('AUTHORITY_ISSUE_DATE', row.issueDate) +
    speller.word('STATUS', row.status, LOA_STATUS) +
    speller.text('STATUS_REASON', row.statusReason) +
    speller.date('STATUS_REASON_DATE', row.statusReasonDate) +
    speller.word('CE_COMPLIANCE', row.ceCompliance, CE_COMPLIANCE) +
    speller.date('CE_RENEWAL_DATE', row.ceRenewalDate) +
    `${speller.amount('CE_CREDITS_NEEDED', row.ceCreditsNeeded)}</DETAIL>`
  )
}

function appointment(row: ReportedAppointment, speller: Speller): string {
  return (
    '<APPOINTMENT>' +
    speller.text('COMPANY_NAME', row.companyName) +
    speller.text('FEIN', row.feinId) +
    speller.coCode('COCODE', row.coCode) +
    speller.text('LINE_OF_AUTHORITY', row.loa) +
    speller.text('LOA_CODE', row.loaCode) +
    speller.word('STATUS', row.status, APPOINTMENT_STATUS) +
    speller.text('TERMINATION_REASON', row.terminationReason) +
    speller.date('STATUS_REASON_DATE', row.statusReasonDate) +
    speller.date('APPONT_RENEWAL_DATE', row.renewalDate) +
    `${speller.text('COUNTY_CODE', row.countyCode)}<Agency_Affiliations/></APPOINTMENT>`
  )
}

function actions({ regulatoryActions }: Producer, speller: Speller): string {
  const states = byState(speller.rows(regulatoryActions), (rows) => rows.map((row) => action(row, speller)).join(''))
  return `<REGULATORY_ACTION>${states}</REGULATORY_ACTION>`
}

function action(row: ReportedRegulatoryAction, speller: Speller): string {
  const value = (type: string) => row.regulatoryActionValues.find((other) => other.type === type)?.value ?? null
  return (
    speller.text('ACTION_ID', row.actionId) +
    speller.text('ORIGIN_OF_ACTION', value('ORIGIN')) +
    speller.text('REASON_FOR_ACTION', value('REASON')) +
    speller.text('DISPOSITION', value('DISPOSITION')) +
    speller.date('DATE_OF_ACTION', row.actionDate) +
    speller.date('EFFECTIVE_DATE', row.effectiveDate) +
    speller.date('ENTER_DATE', row.enterDate) +
    speller.text('FILE_REF', row.fileRef) +
    speller.amount('PENALTY_FINE_FORFEITURE', row.penaltyFineForfeiture) +
    speller.amount('LENGTH_OF_ORDER', row.lengthOfOrder)
  )
}

/** Rows under the elements of their states, in the order in which the states come up. */
function byState<T extends { forState: string | null }>(rows: readonly T[], write: (rows: T[]) => string): string {
  const groups = Map.groupBy(rows, ({ forState }) => forState ?? '')
  return [...groups].map(([state, ofState]) => `<STATE name="${state}">${write(ofState)}</STATE>`).join('')
}
