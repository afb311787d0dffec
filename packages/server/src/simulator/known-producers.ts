import type { Npn } from '#src/population/npn.ts'
import type { ReportedLicense } from '../updates/feed/feed.ts'
import { type LocalDate, parseLocalDate } from '../updates/local-date.ts'
import type { Producer } from './world.ts'

/** Known under every seed: Joe A Producer, who changes every business day, and a firm that never changes. */
export const JOE = '15645555'
export const STILL_FIRM = '19855109'

const FIRM_STATES = ['CO', 'UT', 'WY']

/** Source: producersync-api 7, the examples. @param updated the date that his license shows */
export function joe(npn: Npn, updated: LocalDate): Producer {
  return {
    npn,
    entity: {
      type: 'INDIVIDUAL',
      feinId: null,
      companyName: null,
      firstName: 'Joe',
      middleName: 'A',
      lastName: 'Producer',
      suffix: null,
      dateOfBirth: day('1984-02-11'),
      noLicenses: false,
    },
    addresses: [
      {
        forState: 'CO',
        type: 'BUSINESS',
        niprDateUpdated: day('2025-12-01'),
        line1: '789 S Washington Ave',
        line2: null,
        line3: null,
        city: 'Denver',
        state: 'CO',
        zip: '80211',
        country: 'U.S.A.',
      },
    ],
    contactInfos: [
      { forState: 'CO', type: 'BUSINESS_EMAIL', niprDateUpdated: day('2025-12-01'), value: 'joe@example.com' },
    ],
    otherNames: [{ forState: 'CO', type: 'ALIAS', name: 'Joseph Producer' }],
    licenses: [license('CO', 'A-294553', updated, 'R')],
    appointments: [
      {
        forState: 'CO',
        companyName: 'Example Mutual',
        feinId: '840000001',
        coCode: '24740',
        loa: 'Property',
        loaCode: '12',
        status: 'TERMINATED',
        statusReasonDate: day('2026-03-05'),
        terminationReason: 'Not for Cause',
        renewalDate: null,
        countyCode: null,
        categories: ['property'],
      },
    ],
    regulatoryActions: [
      {
        forState: 'CO',
        actionId: '13537078',
        actionDate: day('2019-04-02'),
        effectiveDate: day('2019-04-02'),
        enterDate: day('2019-04-10'),
        penaltyFineForfeiture: 1500,
        lengthOfOrder: 12,
        fileRef: null,
        regulatoryActionValues: [{ type: 'REASON', value: 'Cease And Desist' }],
      },
    ],
  }
}

export function stillFirm(npn: Npn): Producer {
  return {
    npn,
    entity: {
      type: 'FIRM',
      feinId: '840000077',
      companyName: 'Still Waters Insurance Agency',
      firstName: null,
      middleName: null,
      lastName: null,
      suffix: null,
      dateOfBirth: null,
      noLicenses: false,
    },
    addresses: [
      {
        forState: 'CO',
        type: 'BUSINESS',
        niprDateUpdated: day('2024-06-03'),
        line1: '1 Reservoir Rd',
        line2: null,
        line3: null,
        city: 'Boulder',
        state: 'CO',
        zip: '80302',
        country: 'U.S.A.',
      },
    ],
    contactInfos: [
      { forState: 'CO', type: 'BUSINESS_PHONE', niprDateUpdated: day('2024-06-03'), value: '(303)555-0109' },
    ],
    otherNames: [],
    licenses: FIRM_STATES.map((state, i) => license(state, `55010${i}`, day('2024-06-03'), i === 0 ? 'R' : 'NR')),
    appointments: [],
    regulatoryActions: [],
  }
}

function license(
  forState: string,
  licenseNum: string,
  niprDateUpdated: LocalDate,
  residencyStatus: 'R' | 'NR',
): ReportedLicense {
  return {
    forState,
    niprDateUpdated,
    licenseNum,
    originalIssueDate: day('2014-05-01'),
    expirationDate: day('2027-05-31'),
    perpetual: false,
    licenseClass: 'Insurance Producer',
    licenseClassCode: '3',
    residencyStatus,
    active: true,
    agentTypes: ['Producer'],
    licenseLoas: [
      {
        loa: 'Property',
        loaCode: '12',
        issueDate: day('2014-05-01'),
        status: 'Active',
        statusReason: null,
        statusReasonDate: null,
        ceCompliance: 'IN COMPLIANCE',
        ceCreditsNeeded: 0,
        ceRenewalDate: null,
        categories: ['property'],
      },
    ],
  }
}

function day(text: string): LocalDate {
  const parsed = parseLocalDate(text)
  if (parsed === undefined) throw new RangeError(`no day: ${text}`)
  return parsed
}
