import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ManualClock } from '../../test/manual-clock.ts'
import { ProducerWorld, PUBLIC_URL } from '../../test/producer-world.ts'
import { insertProducer, insertRecords, recordRow, TRANSACTION_ID } from '../../test/record-rows.ts'

const NPN = '15645555'
const clock = new ManualClock('2026-03-06T15:02:10.811Z')
let world: ProducerWorld
let account: Awaited<ReturnType<ProducerWorld['addAccount']>>
let rows: Awaited<ReturnType<typeof insertProducer>>

beforeAll(async () => {
  world = await ProducerWorld.start(clock)
  account = await world.addAccount()
  rows = await insertProducer(world.world.owner, account.feedId, NPN)
  await world.monitor(account, [NPN], { activations: 2 })
})
afterAll(async () => {
  await world.close()
})

const href = (path: string) => ({ href: `${PUBLIC_URL}${path}` })
const known = {
  npn: NPN,
  transactionId: TRANSACTION_ID,
  createdAt: '2026-02-02',
  updatedAt: '2026-02-02',
  niprDeleted: false,
}
const ofState = { ...known, forState: 'CO', branchId: null }

/** The examples of producersync-api 7, whole. */
function examples(): Record<string, { id: number; [field: string]: unknown }> {
  const entity = href(`/v2/entities/${NPN}`)
  const self = (kind: string, { id }: { id: number }) => href(`/v1/${kind}/${id}`)
  const licenseLoa = {
    ...known,
    id: rows.license_loa.id,
    licenseId: rows.license.id,
    forState: 'CO',
    loa: 'Property',
    loaCode: '12',
    issueDate: '2014-05-01',
    status: 'Active',
    statusReason: null,
    statusReasonDate: null,
    ceCompliance: 'IN COMPLIANCE',
    ceCreditsNeeded: 0,
    ceRenewalDate: null,
    loaMapping: { categories: ['property'] },
    links: { self: self('licenseLoas', rows.license_loa), license: self('licenses', rows.license) },
  }
  const value = {
    ...known,
    id: rows.regulatory_action_value.id,
    regulatoryActionId: rows.regulatory_action.id,
    type: 'REASON',
    value: 'Cease And Desist',
    links: {
      self: self('regulatoryActionValues', rows.regulatory_action_value),
      regulatoryAction: self('regulatoryActions', rows.regulatory_action),
    },
  }
  return {
    entities: {
      ...known,
      id: rows.entity.id,
      type: 'INDIVIDUAL',
      feinId: null,
      companyName: null,
      firstName: 'Joe',
      middleName: 'A',
      lastName: 'Producer',
      suffix: null,
      dateOfBirth: '1984-02-11',
      noLicenses: false,
      subscriptionCount: 2,
      links: {
        self: entity,
        addresses: href(`/v2/entities/${NPN}/addresses`),
        contactInfos: href(`/v2/entities/${NPN}/contactInfos`),
        appointments: href(`/v2/entities/${NPN}/appointments`),
        licenses: href(`/v2/entities/${NPN}/licenses`),
        residentLicense: self('licenses', rows.license),
      },
    },
    addresses: {
      ...ofState,
      id: rows.address.id,
      type: 'BUSINESS',
      niprDateUpdated: '2025-12-01',
      line1: '789 S Washington Ave',
      line2: null,
      line3: null,
      city: 'Denver',
      state: 'CO',
      zip: '80211',
      country: 'U.S.A.',
      links: { self: self('addresses', rows.address), entity },
    },
    contactInfos: {
      ...ofState,
      id: rows.contact_info.id,
      type: 'BUSINESS_EMAIL',
      niprDateUpdated: '2025-12-01',
      value: 'joe@example.com',
      links: { self: self('contactInfos', rows.contact_info), entity },
    },
    otherNames: {
      ...ofState,
      id: rows.other_name.id,
      type: 'ALIAS',
      stateCoId: null,
      name: 'Joseph Producer',
      links: { self: self('otherNames', rows.other_name), entity },
    },
    licenses: {
      ...ofState,
      id: rows.license.id,
      niprDateUpdated: '2026-03-05',
      licenseNum: 'A-294553',
      originalIssueDate: '2014-05-01',
      expirationDate: '2027-05-31',
      licenseClass: 'Insurance Producer',
      licenseClassCode: '3',
      residencyStatus: 'R',
      active: true,
      agentTypes: ['Producer'],
      renewalPeriods: {
        renewalType: 'RENEWAL_REQUIRED',
        renewal: { startDate: '2027-03-02', endDate: '2027-05-31' },
        lateRenewal: null,
        reinstatement: null,
      },
      licenseLoas: [licenseLoa],
      links: {
        self: self('licenses', rows.license),
        entity,
        licenseLoas: href(`/v2/licenses/${rows.license.id}/licenseLoas`),
      },
    },
    licenseLoas: licenseLoa,
    appointments: {
      ...ofState,
      id: rows.appointment.id,
      companyName: 'Example Mutual',
      feinId: '840000001',
      coCode: '24740',
      loa: 'Property',
      loaCode: '12',
      status: 'TERMINATED',
      statusReasonDate: '2026-03-05',
      terminationReason: 'Not for Cause',
      renewalDate: null,
      countyCode: null,
      loaMapping: { categories: ['property'] },
      links: { self: self('appointments', rows.appointment), entity },
    },
    regulatoryActions: {
      ...ofState,
      id: rows.regulatory_action.id,
      actionId: '13537078',
      actionDate: '2019-04-02',
      effectiveDate: '2019-04-02',
      enterDate: '2019-04-10',
      penaltyFineForfeiture: 1500,
      lengthOfOrder: 12,
      fileRef: null,
      regulatoryActionValues: [value],
      links: {
        self: self('regulatoryActions', rows.regulatory_action),
        entity,
        regulatoryActionValues: href(`/v2/regulatoryActions/${rows.regulatory_action.id}/regulatoryActionValues`),
      },
    },
    regulatoryActionValues: value,
  }
}

const COLLECTIONS = [
  'entities',
  'addresses',
  'contactInfos',
  'otherNames',
  'licenses',
  'licenseLoas',
  'appointments',
  'regulatoryActions',
]
const OF_ONE_PRODUCER = COLLECTIONS.filter((kind) => kind !== 'entities' && kind !== 'licenseLoas')
const BY_ID = [...COLLECTIONS.filter((kind) => kind !== 'entities'), 'regulatoryActionValues']

describe('rule 40: the rows of section 7', () => {
  test.each(COLLECTIONS)('/v2/%s answers whole rows', async (kind) => {
    expect((await world.ok(account, `/v2/${kind}`)).embedded).toEqual({ [kind]: [examples()[kind]] })
  })

  test.each(OF_ONE_PRODUCER)('/v2/entities/{npn}/%s answers the same rows', async (kind) => {
    expect((await world.ok(account, `/v2/entities/${NPN}/${kind}`)).embedded).toEqual({ [kind]: [examples()[kind]] })
  })

  test.each(BY_ID)('/v1/%s/{id} answers the same row alone', async (kind) => {
    const row = examples()[kind]
    const response = await world.get(account, `/v1/${kind}/${row?.id}`)
    expect(response.json()).toEqual(row)
    expect(response.headers['content-type']).toBe('application/hal+json')
  })

  test('/v2/entities/{npn} answers one object', async () => {
    expect(await world.ok(account, `/v2/entities/${NPN}`)).toEqual(examples().entities)
  })

  test('what belongs to a license, or to an action, is listed below it', async () => {
    const { licenseLoas, regulatoryActionValues } = examples()
    const loas = await world.ok(account, `/v2/licenses/${rows.license.id}/licenseLoas`)
    expect(loas.embedded).toEqual({ licenseLoas: [licenseLoas] })
    const values = await world.ok(account, `/v2/regulatoryActions/${rows.regulatory_action.id}/regulatoryActionValues`)
    expect(values.embedded).toEqual({ regulatoryActionValues: [regulatoryActionValues] })
  })

  test('every read is told of, so that a run gives way to it', async () => {
    const before = world.reads
    await world.ok(account, '/v2/licenses')
    await world.ok(account, `/v2/entities/${NPN}`)
    await world.get(account, '/v1/licenses/1')
    expect(world.reads).toBe(before + 3)
  })

  test('links lead to what they name', async () => {
    const entity = await world.ok(account, `/v2/entities/${NPN}`)
    expect(await world.ok(account, entity.links.residentLicense.href)).toEqual(examples().licenses)
    const { embedded } = await world.ok(account, entity.links.appointments.href)
    expect((await world.ok(account, embedded.appointments[0].links.entity.href)).id).toBe(entity.id)
  })
})

describe('values that are often missing', () => {
  const other = '19855109'

  test('a firm without anything has nulls, no resident license, and empty lists', async () => {
    const firm = { type: 'FIRM', first_name: null, middle_name: null, last_name: null, date_of_birth: null }
    const row = recordRow('entity', other, {
      ...firm,
      fein_id: '840000001',
      company_name: 'Example',
      no_licenses: true,
    })
    await insertRecords(world.world.owner, account.feedId, 'entity', [row])
    await world.monitor(account, [other])
    const entity = await world.ok(account, `/v2/entities/${other}`)
    expect(entity).toMatchObject({
      type: 'FIRM',
      feinId: '840000001',
      firstName: null,
      dateOfBirth: null,
      noLicenses: true,
    })
    expect(entity.links).not.toHaveProperty('residentLicense')
    expect(await world.ok(account, `/v2/entities/${other}/licenses`)).not.toHaveProperty('embedded')
  })

  test('the resident license is the active one with the lowest id that is still reported', async () => {
    const licenses = [
      recordRow('license', other, { active: false }),
      recordRow('license', other, { residency_status: 'NR' }),
      recordRow('license', other, { residency_status: null }),
      recordRow('license', other, { nipr_deleted: true }),
      recordRow('license', other),
      recordRow('license', other),
    ]
    await insertRecords(world.world.owner, account.feedId, 'license', licenses)
    const { links } = await world.ok(account, `/v2/entities/${other}`)
    expect(links.residentLicense).toEqual(href(`/v1/licenses/${licenses[4]?.id}`))
  })

  test('a perpetual license has no renewal period; a state may have the two others', async () => {
    const perpetual = { renewal_type: 'PERPETUAL', expiration_date: null, renewal_from: null, renewal_until: null }
    const license = recordRow('license', other, {
      ...perpetual,
      late_renewal_from: '2027-06-01',
      late_renewal_until: '2027-07-01',
      reinstatement_from: '2027-07-02',
      reinstatement_until: '2028-05-31',
      agent_types: [],
    })
    await insertRecords(world.world.owner, account.feedId, 'license', [license])
    expect(await world.ok(account, `/v1/licenses/${license.id}`)).toMatchObject({
      expirationDate: null,
      agentTypes: [],
      renewalPeriods: {
        renewalType: 'PERPETUAL',
        renewal: null,
        lateRenewal: { startDate: '2027-06-01', endDate: '2027-07-01' },
        reinstatement: { startDate: '2027-07-02', endDate: '2028-05-31' },
      },
      licenseLoas: [],
    })
  })
})
