import type {
  ReportedAddress,
  ReportedAppointment,
  ReportedContactInfo,
  ReportedEntity,
  ReportedLicense,
  ReportedLicenseLoa,
  ReportedOtherName,
  ReportedRegulatoryAction,
} from './feed.ts'
import {
  agentTypes,
  normaliseAddressType,
  normaliseAppointmentStatus,
  normaliseCeCompliance,
  normaliseCoCode,
  normaliseDate,
  normaliseExpiry,
  normaliseLoaStatus,
  normaliseNumber,
  normaliseOtherNameType,
  normaliseResidency,
  normaliseText,
  normaliseYesOrNo,
  type Warn,
} from './normalise.ts'
import { loaCategories } from './normalise-loa.ts'

/** The texts of one row by their elements' names, as they stand in the report. */
export type Fields = Readonly<Record<string, string | undefined>>

export function toEntity(
  party: ReportedEntity['type'],
  fields: Fields,
  warn: Warn,
): Omit<ReportedEntity, 'noLicenses'> {
  if (party === 'FIRM')
    return {
      type: 'FIRM',
      feinId: normaliseText(fields.ID_FEIN) ?? normaliseText(fields.FEIN),
      companyName: normaliseText(fields.NAME_COMPANY),
      firstName: null,
      middleName: null,
      lastName: null,
      suffix: null,
      dateOfBirth: null,
    }
  return {
    type: 'INDIVIDUAL',
    feinId: null,
    companyName: null,
    firstName: normaliseText(fields.NAME_FIRST),
    middleName: normaliseText(fields.NAME_MIDDLE),
    lastName: normaliseText(fields.NAME_LAST),
    suffix: normaliseText(fields.NAME_SUFFIX),
    dateOfBirth: normaliseDate(fields.DATE_BIRTH, warn),
  }
}

export function toAddress(forState: string | null, fields: Fields, warn: Warn): ReportedAddress {
  return {
    forState,
    type: normaliseAddressType(normaliseText(fields.ADDR_TYPE) ?? fields.ADDRESS_TYPE_CODE, warn),
    niprDateUpdated: normaliseDate(fields.DATE_UPDATED, warn),
    line1: normaliseText(fields.ADDR_LINE_1),
    line2: normaliseText(fields.ADDR_LINE_2),
    line3: normaliseText(fields.ADDR_LINE_3),
    city: normaliseText(fields.NAME_CITY),
    state: normaliseText(fields.NAME_STATE),
    zip: normaliseText(fields.ZIP),
    country: normaliseText(fields.COUNTRY),
  }
}

/** One for each value of the element. */
export function toContactInfos(forState: string | null, fields: Fields, warn: Warn): ReportedContactInfo[] {
  const types = ['BUSINESS_PHONE', 'BUSINESS_EMAIL', 'FAX'] as const
  return types.flatMap((type) => {
    const value = normaliseText(fields[type])
    if (value === null) return []
    return [{ forState, type, niprDateUpdated: normaliseDate(fields[`${type}_UPDATE_DATE`], warn), value }]
  })
}

export function toOtherName(forState: string | null, type: string | undefined, text: string): ReportedOtherName[] {
  const name = normaliseText(text)
  return name === null ? [] : [{ forState, type: normaliseOtherNameType(type), name }]
}

export function toLicense(
  forState: string | null,
  fields: Fields,
  licenseLoas: ReportedLicenseLoa[],
  warn: Warn,
): ReportedLicense {
  const licenseClass = normaliseText(fields.LICENSE_CLASS)
  return {
    forState,
    niprDateUpdated: normaliseDate(fields.DATE_UPDATED, warn),
    licenseNum: normaliseText(fields.LICENSE_NUM),
    originalIssueDate: normaliseDate(fields.DATE_ISSUE_LICENSE_ORIG, warn),
    ...normaliseExpiry(fields.DATE_EXPIRE_LICENSE, warn),
    licenseClass,
    licenseClassCode: normaliseText(fields.LICENSE_CLASS_CODE),
    residencyStatus: normaliseResidency(fields.RESIDENCY_STATUS, warn),
    active: normaliseYesOrNo(fields.ACTIVE, warn) ?? licenseLoas.some(({ status }) => status === 'Active'),
    agentTypes: agentTypes(licenseClass),
    licenseLoas,
  }
}

export function toLicenseLoa(fields: Fields, warn: Warn): ReportedLicenseLoa {
  const loa = normaliseText(fields.LOA)
  return {
    loa,
    loaCode: normaliseText(fields.LOA_CODE),
    issueDate: normaliseDate(fields.AUTHORITY_ISSUE_DATE, warn),
    status: normaliseLoaStatus(fields.STATUS, warn),
    statusReason: normaliseText(fields.STATUS_REASON),
    statusReasonDate: normaliseDate(fields.STATUS_REASON_DATE, warn),
    ceCompliance: normaliseCeCompliance(fields.CE_COMPLIANCE, warn),
    ceCreditsNeeded: normaliseNumber(fields.CE_CREDITS_NEEDED, warn),
    ceRenewalDate: normaliseDate(fields.CE_RENEWAL_DATE, warn),
    categories: loaCategories(loa),
  }
}

export function toAppointment(forState: string | null, fields: Fields, warn: Warn): ReportedAppointment {
  const loa = normaliseText(fields.LINE_OF_AUTHORITY)
  return {
    forState,
    companyName: normaliseText(fields.COMPANY_NAME),
    feinId: normaliseText(fields.FEIN),
    coCode: normaliseCoCode(fields.COCODE),
    loa,
    loaCode: normaliseText(fields.LOA_CODE),
    status: normaliseAppointmentStatus(fields.STATUS, warn),
    statusReasonDate: normaliseDate(fields.STATUS_REASON_DATE, warn),
    terminationReason: normaliseText(fields.TERMINATION_REASON),
    renewalDate: normaliseDate(fields.APPONT_RENEWAL_DATE, warn),
    countyCode: normaliseText(fields.COUNTY_CODE),
    categories: loaCategories(loa),
  }
}

export function toRegulatoryAction(forState: string | null, fields: Fields, warn: Warn): ReportedRegulatoryAction {
  const values = [
    { type: 'REASON' as const, value: normaliseText(fields.REASON_FOR_ACTION) },
    { type: 'ORIGIN' as const, value: normaliseText(fields.ORIGIN_OF_ACTION) },
    { type: 'DISPOSITION' as const, value: normaliseText(fields.DISPOSITION) },
  ]
  return {
    forState,
    actionId: normaliseText(fields.ACTION_ID),
    actionDate: normaliseDate(fields.DATE_OF_ACTION, warn),
    effectiveDate: normaliseDate(fields.EFFECTIVE_DATE, warn),
    enterDate: normaliseDate(fields.ENTER_DATE, warn),
    penaltyFineForfeiture: normaliseNumber(fields.PENALTY_FINE_FORFEITURE, warn),
    lengthOfOrder: normaliseNumber(fields.LENGTH_OF_ORDER, warn),
    fileRef: normaliseText(fields.FILE_REF),
    regulatoryActionValues: values.flatMap(({ type, value }) => (value === null ? [] : [{ type, value }])),
  }
}
