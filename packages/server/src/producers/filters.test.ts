import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ManualClock } from '../../test/manual-clock.ts'
import { ProducerWorld, type Row } from '../../test/producer-world.ts'
import { insertRecords, type RecordRow, recordRow } from '../../test/record-rows.ts'
import type { RecordKind } from './record.ts'

let world: ProducerWorld

beforeAll(async () => {
  world = await ProducerWorld.start(new ManualClock('2026-03-06T15:02:10.811Z'))
})
afterAll(async () => {
  await world.close()
})

const STATES = ['CO', 'NY', 'TX']
const DATES = ['2026-02-02', '2026-03-04', '2026-03-05', '2026-03-06']
const LOA_CODES = ['12', '16', 'A1']
const CATEGORIES = ['property', 'life', 'health', 'other']
const CO_CODES = ['24740', '00001', '99999']
const NPNS = ['2', '11', '100', '15645555', '9999999999']

type Loa = { row: RecordRow; license: RecordRow }
type Data = {
  /** By NPN: what the account monitors of it. */
  population: Map<string, { status: 'ready' | 'loading' | 'not_found' | 'left' | 'never'; freshOn: string }>
  entities: RecordRow[]
  addresses: RecordRow[]
  licenses: RecordRow[]
  licenseLoas: Loa[]
  appointments: RecordRow[]
}

const state = fc.option(fc.constantFrom(...STATES), { nil: null })
const date = fc.constantFrom(...DATES)
const changed = fc.record({ updated_on: date, nipr_deleted: fc.boolean() })
const loa = fc.record({
  loa_code: fc.option(fc.constantFrom(...LOA_CODES), { nil: null }),
  categories: fc.subarray(CATEGORIES, { minLength: 1 }),
})
const anyProducer = fc.record({
  status: fc.constantFrom('ready', 'ready', 'ready', 'loading', 'not_found', 'left', 'never'),
  freshOn: date,
  entity: changed,
  addresses: fc.array(fc.tuple(changed, state), { maxLength: 3 }),
  licenses: fc.array(fc.tuple(changed, state, fc.boolean(), fc.array(fc.tuple(changed, loa), { maxLength: 3 })), {
    maxLength: 3,
  }),
  appointments: fc.array(
    fc.tuple(changed, state, loa, fc.constantFrom(...CO_CODES), fc.constantFrom('APPOINTED', 'TERMINATED', null)),
    { maxLength: 4 },
  ),
})
const anyData = fc.array(anyProducer, { minLength: NPNS.length, maxLength: NPNS.length })

type Query = {
  npns?: string[]
  states?: string[]
  updatedSince?: string
  includeDeleted?: boolean
  active?: boolean
  loaCodes?: string[]
  loaCategories?: string[]
  coCodes?: string[]
  status?: string
}
const some = (values: string[]) => fc.subarray(values, { minLength: 1 })
const anyQuery: fc.Arbitrary<Query> = fc.record(
  {
    npns: some([...NPNS, '3']),
    states: some(['co', 'Ny', 'TX', 'WA']),
    updatedSince: fc.constantFrom(...DATES, '2026-03-07'),
    includeDeleted: fc.boolean(),
    active: fc.boolean(),
    loaCodes: some(LOA_CODES),
    loaCategories: some(CATEGORIES),
    coCodes: some(CO_CODES),
    status: fc.constantFrom('APPOINTED', 'TERMINATED'),
  },
  { requiredKeys: [] },
)

const LISTS: Record<string, (keyof Query)[]> = {
  entities: ['npns', 'updatedSince', 'includeDeleted'],
  addresses: ['npns', 'states', 'updatedSince', 'includeDeleted'],
  licenses: ['npns', 'states', 'updatedSince', 'includeDeleted', 'active', 'loaCodes', 'loaCategories'],
  licenseLoas: ['npns', 'states', 'updatedSince', 'includeDeleted', 'loaCodes', 'loaCategories'],
  appointments: ['npns', 'states', 'updatedSince', 'includeDeleted', 'coCodes', 'status', 'loaCategories'],
}

describe('rule 27: filters', () => {
  test('let through what a plain filter in memory lets through: AND between them, OR within', async () => {
    await fc.assert(
      fc.asyncProperty(anyData, fc.array(anyQuery, { minLength: 4, maxLength: 4 }), async (producers, queries) => {
        const account = await world.addAccount('sandbox')
        const data = await store(account, producers)
        for (const query of queries) {
          for (const [kind, names] of Object.entries(LISTS)) {
            const given = Object.fromEntries(
              Object.entries(query).filter(([name]) => names.some((each) => each === name)),
            )
            const expected = expectedOf(kind, data, given)
            const rows = await world.all(account, `/v2/${kind}?size=3${toQuery(given)}`)
            expect({ kind, given, ids: rows.map(({ id }) => id) }).toEqual({ kind, given, ids: expected })
            if (kind === 'licenses') expectEmbedded(rows, data, given)
          }
        }
      }),
      { numRuns: 25 },
    )
  })

  const lists = ['addresses', 'appointments', 'contactInfos', 'entities', 'licenses', 'licenseLoas', 'otherNames']
  test.each<[string, string]>([
    ...lists.flatMap((kind): [string, string][] => [
      [`/v2/${kind}?unknown=1`, 'unknown'],
      [`/v2/${kind}?page=0`, 'page'],
      [`/v2/${kind}?size=0`, 'size'],
      [`/v2/${kind}?size=1001`, 'size'],
      [`/v2/${kind}?size=ten`, 'size'],
      [`/v2/${kind}?size=1&size=2`, 'size'],
      [`/v2/${kind}?continuationToken=abc`, 'continuationToken'],
      [`/v2/${kind}?continuationToken=`, 'continuationToken'],
      [`/v2/${kind}?updatedSince=2026-13-01`, 'updatedSince'],
      [`/v2/${kind}?updatedSince=0000-01-01`, 'updatedSince'],
      [`/v2/${kind}?updatedSince=2026-03-06T00:00:00Z`, 'updatedSince'],
      [`/v2/${kind}?updatedSince=2026-03-06&updatedSince=2026-03-07`, 'updatedSince'],
      [`/v2/${kind}?includeDeleted=yes`, 'includeDeleted'],
      [`/v2/${kind}?npns=`, 'npns'],
      [`/v2/${kind}?npns=15645555,00123`, 'npns'],
      [`/v2/${kind}?npns=12345678901`, 'npns'],
      [`/v2/${kind}?npns=${Array.from({ length: 1_001 }, (_, index) => index + 1).join(',')}`, 'npns'],
    ]),
    ['/v2/regulatoryActions?states=COL', 'states'],
    ['/v2/entities?states=CO', 'states'],
    ['/v2/addresses?states=C0', 'states'],
    ['/v2/licenses?active=1', 'active'],
    ['/v2/addresses?active=true', 'active'],
    ['/v2/licenses?loaCodes=12,%2D', 'loaCodes'],
    ['/v2/licenses?loaCodes=123456789012345678901', 'loaCodes'],
    ['/v2/licenses?loaCategories=fire', 'loaCategories'],
    ['/v2/appointments?loaCodes=12', 'loaCodes'],
    ['/v2/appointments?coCodes=2474', 'coCodes'],
    ['/v2/appointments?status=appointed', 'status'],
    ['/v2/appointments?status=APPOINTED&status=TERMINATED', 'status'],
    ['/v2/licenses/1/licenseLoas?states=CO', 'states'],
    ['/v2/entities/15645555?size=1', 'size'],
    ['/v2/entities/15645555/licenses?npns=15645555', 'npns'],
    ['/v2/entities/015645555/licenses', 'npn'],
    ['/v2/entities/abc', 'npn'],
    ['/v1/licenses/1?size=1', 'size'],
    ['/v1/licenses/abc', 'id'],
    ['/v1/licenses/0', 'id'],
    ['/v1/licenses/9007199254740992', 'id'],
    ['/v2/licenses/-1/licenseLoas', 'licenseId'],
    ['/v2/regulatoryActions/1.5/regulatoryActionValues', 'id'],
  ])('%s answers 400 with the name of %s', async (url, name) => {
    const account = await anyAccount()
    const response = await world.get(account, url)
    expect(response.statusCode).toBe(400)
    expect(response.json().message).toMatch(new RegExp(`\\b${name}\\b`))
  })

  test('lists may be separated by commas, blanks after them, or repeated', async () => {
    const account = await anyAccount()
    for (const query of ['npns=2,11', 'npns=2,%2011', 'npns=2&npns=11', 'npns[]=2&npns[]=11']) {
      const { links } = await world.ok(account, `/v2/licenses?${query}`)
      expect(links.self.href).toContain('npns=2,11&')
    }
  })

  test('1,000 values are taken, and stand in the links', async () => {
    const npns = Array.from({ length: 1_000 }, (_, index) => index + 1).join(',')
    const { links } = await world.ok(await anyAccount(), `/v2/entities?npns=${npns}`)
    expect(links.next.href).toContain(`npns=${npns}&`)
  })
})

let known: Awaited<ReturnType<ProducerWorld['addAccount']>> | undefined
async function anyAccount() {
  known ??= await world.addAccount()
  return known
}

type Produced = typeof anyProducer extends fc.Arbitrary<infer T> ? T : never

async function store(account: Awaited<ReturnType<ProducerWorld['addAccount']>>, producers: Produced[]): Promise<Data> {
  const data: Data = {
    population: new Map(),
    entities: [],
    addresses: [],
    licenses: [],
    licenseLoas: [],
    appointments: [],
  }
  for (const [index, npn] of NPNS.entries()) {
    const producer = producers[index]
    if (!producer) continue
    const { status, freshOn } = producer
    data.population.set(npn, { status, freshOn })
    if (status !== 'never') {
      const dataStatus = status === 'left' ? 'ready' : status
      await world.monitor(account, [npn], { dataStatus, freshOn, active: status !== 'left' })
    }
    addRecords(data, npn, producer)
  }
  const { owner } = world.world
  const insert = (kind: RecordKind, rows: RecordRow[]) => insertRecords(owner, account.feedId, kind, rows)
  await insert('entity', data.entities)
  await insert('address', data.addresses)
  await insert('license', data.licenses)
  await insert(
    'license_loa',
    data.licenseLoas.map(({ row }) => row),
  )
  await insert('appointment', data.appointments)
  return data
}

function addRecords(data: Data, npn: string, producer: Produced): void {
  const dates = [producer.entity.updated_on]
  const make = (
    kind: RecordKind,
    columns: { updated_on: string; nipr_deleted: boolean; [column: string]: unknown },
  ) => {
    dates.push(columns.updated_on)
    return recordRow(kind, npn, columns)
  }
  for (const [stored, forState] of producer.addresses) {
    data.addresses.push(make('address', { ...stored, for_state: forState }))
  }
  for (const [stored, forState, active, loas] of producer.licenses) {
    const license = make('license', { ...stored, for_state: forState, active })
    data.licenses.push(license)
    for (const [storedLoa, fields] of loas) {
      const row = make('license_loa', { ...storedLoa, ...fields, license_id: license.id, for_state: forState })
      data.licenseLoas.push({ row, license })
    }
  }
  for (const [stored, forState, fields, coCode, status] of producer.appointments) {
    data.appointments.push(make('appointment', { ...stored, ...fields, for_state: forState, co_code: coCode, status }))
  }
  const changedOn = dates.sort().at(-1)
  data.entities.push(recordRow('entity', npn, { ...producer.entity, changed_on: changedOn }))
}

function expectedOf(kind: string, data: Data, query: Query): number[] {
  const rows: RecordRow[] = {
    entities: data.entities,
    addresses: data.addresses,
    licenses: data.licenses,
    licenseLoas: data.licenseLoas.map(({ row }) => row),
    appointments: data.appointments,
  }[kind] as RecordRow[]
  return rows
    .filter((row) => isShown(row, data, query) && meets(kind, row, data, query))
    .sort((a, b) => Number(a.npn) - Number(b.npn) || a.id - b.id)
    .map(({ id }) => id)
}

function isShown(row: RecordRow, data: Data, { npns, updatedSince = '0', includeDeleted = true }: Query): boolean {
  const producer = data.population.get(row.npn)
  const servedOn = [String(row.updated_on), producer?.freshOn ?? ''].sort()[1] ?? ''
  return (
    producer?.status === 'ready' &&
    (npns?.includes(row.npn) ?? true) &&
    servedOn >= updatedSince &&
    (includeDeleted || row.nipr_deleted === false)
  )
}

function meets(kind: string, row: RecordRow, data: Data, query: Query): boolean {
  const { states, active, loaCodes, loaCategories, coCodes, status, includeDeleted = true } = query
  const loas =
    kind === 'licenses'
      ? data.licenseLoas
          .filter(({ license, row: each }) => license === row && (includeDeleted || each.nipr_deleted === false))
          .map((each) => each.row)
      : [row]
  const isIn = (value: unknown, values: string[]) => typeof value === 'string' && values.includes(value)
  return (
    (!states ||
      isIn(
        row.for_state,
        states.map((each) => each.toUpperCase()),
      )) &&
    (active === undefined || row.active === active) &&
    (!loaCodes || loas.some((each) => isIn(each.loa_code, loaCodes))) &&
    (!loaCategories ||
      loas.some((each) => [each.categories].flat().some((category) => isIn(category, loaCategories)))) &&
    (!coCodes || isIn(row.co_code, coCodes)) &&
    (status === undefined || row.status === status)
  )
}

/** Rule 28: what is embedded is complete, but for what has vanished and is not asked for. */
function expectEmbedded(licenses: readonly Row[], data: Data, { includeDeleted = true }: Query): void {
  for (const license of licenses) {
    const ids = data.licenseLoas
      .filter(({ row, license: { id } }) => id === license.id && (includeDeleted || row.nipr_deleted === false))
      .map(({ row }) => row.id)
    expect(license.licenseLoas.map(({ id }) => id)).toEqual(ids)
  }
}

function toQuery(query: object): string {
  return Object.entries(query)
    .map(([name, value]) => `&${name}=${[value].flat().join(',')}`)
    .join('')
}
