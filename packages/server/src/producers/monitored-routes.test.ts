import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestAccount } from '../../test/api-client.ts'
import { insertRecords, recordRow } from '../../test/record-rows.ts'
import { TestService } from '../../test/service.ts'

/** A row of the population as the test knows it, and what the list is to show of it. */
type Known = { npn: string; state: string; joinedAt: string; names: string[] }

const STATES = ['loading', 'ready', 'no_licenses', 'not_found', 'removed']
const FIRST = ['Ann', 'Bo', 'Smithson', 'Zoë', 'ann']
const LAST = ['Smith', 'Smythe', "O'Hara", 'Jones-Smith', 'Åberg']

const NPNS = [7, 15, 150, 15_645_555, 9_000_000_000, 1_500_000_000]

function nameOf([first, middle, last]: string[]): object {
  if (last !== undefined) return { first_name: first, middle_name: middle, last_name: last }
  const none = { first_name: null, middle_name: null, last_name: null, date_of_birth: null }
  return { type: 'FIRM', company_name: first, ...none }
}

let service: TestService
let account: TestAccount
let known: Known[]

beforeAll(async () => {
  service = await TestService.start()
  account = await service.account()
  const updates = service.database.open('updates')
  known = Array.from({ length: 60 }, (_, index) => ({
    npn: String((NPNS[index % NPNS.length] ?? 0) + index * 3),
    state: STATES[(index + Math.floor(index / 5)) % STATES.length] ?? 'ready',
    joinedAt: new Date(Date.UTC(2026, 1, 1 + ((index * 5) % 11))).toISOString(),
    names:
      index % 4 === 0
        ? [`${LAST[index % 5]} Insurance LLC`]
        : [FIRST[index % 5] ?? '', 'Q', LAST[(index * 3 + 4) % 5] ?? ''],
  }))
  for (const { npn, state, joinedAt, names } of known) {
    const status = state === 'no_licenses' || state === 'removed' ? 'ready' : state
    await updates.query`
      insert into population (account_id, npn, active, activated_at, changed_at, change_number, source, data_status, activations, fresh_on)
      values (${account.id}, ${npn}::bigint, ${state !== 'removed'}, ${joinedAt}, ${state === 'removed' ? '2026-03-01' : joinedAt}, 1, 'put',
              ${status}, 1, ${status === 'ready' ? '2026-02-20' : null}::date)`
    await insertRecords(updates, 'production', 'entity', [
      recordRow('entity', npn, { ...nameOf(names), no_licenses: state === 'no_licenses' }),
    ])
  }
  await updates.query`
    insert into population_count (account_id, ready, changes) values (${account.id}, ${known.length}, 1)`
})
afterAll(() => service.close())

// biome-ignore lint/suspicious/noExplicitAny: rows as answered
async function walk(query: string): Promise<any[]> {
  const path = `/api/v1/app/${account.id}/population?limit=9${query}`
  const all = []
  for (let iterator = ''; ; ) {
    const page = await service.ok('GET', path + iterator)
    all.push(...page.data)
    if (page.data.length > 0) {
      const before = await service.ok('GET', `${path}&iterator=${encodeURIComponent(page.prevIterator)}`)
      expect(before.data, 'the page before').toEqual(
        all.slice(Math.max(0, all.length - page.data.length - 9), all.length - page.data.length),
      )
    }
    if (page.done) return all
    iterator = `&iterator=${encodeURIComponent(page.iterator)}`
  }
}

const npnsOf = (rows: readonly { npn: string }[]) => rows.map(({ npn }) => npn)
const byNpn = (one: Known, other: Known) => Number(one.npn) - Number(other.npn)
const byJoining = (one: Known, other: Known) =>
  Date.parse(one.joinedAt) - Date.parse(other.joinedAt) || byNpn(one, other)
const isListed = (state: string | undefined) => (row: Known) => (state ? row.state === state : row.state !== 'removed')

test.each([undefined, ...STATES])(
  'P1: listed by NPN and by joining, page by page in both directions: %s',
  async (state) => {
    const wanted = known.filter(isListed(state))
    const filter = state ? `&state=${state}` : ''
    expect(npnsOf(await walk(`${filter}`))).toEqual(npnsOf(wanted.toSorted(byNpn)))
    expect(npnsOf(await walk(`${filter}&sort=-npn`))).toEqual(npnsOf(wanted.toSorted(byNpn).reverse()))
    expect(npnsOf(await walk(`${filter}&sort=joined`))).toEqual(npnsOf(wanted.toSorted(byJoining)))
    expect(npnsOf(await walk(`${filter}&sort=-joined`))).toEqual(npnsOf(wanted.toSorted(byJoining).reverse()))
    for (const digits of ['15', '9']) {
      const found = wanted.filter(({ npn }) => npn.startsWith(digits)).toSorted(byNpn)
      expect(npnsOf(await walk(`${filter}&q=${digits}`)), digits).toEqual(npnsOf(found))
      expect(npnsOf(await walk(`${filter}&q=${digits}&sort=-npn`))).toEqual(npnsOf(found.reverse()))
    }
  },
)

test.each([undefined, ...STATES])(
  'P1: narrowed to those that joined within a time, in its order: %s',
  async (state) => {
    const [from, to] = ['2026-02-03T00:00:00.000Z', '2026-02-08T00:00:00.000Z']
    const isWithin = ({ joinedAt }: Known) => joinedAt >= from && joinedAt < to
    const filter = `${state ? `&state=${state}` : ''}&from=${from}&to=${to}`
    const wanted = known.filter((row) => isListed(state)(row) && isWithin(row))
    expect(wanted.length).toBeGreaterThan(0)
    expect(npnsOf(await walk(filter))).toEqual(npnsOf(wanted.toSorted(byJoining)))
    expect(npnsOf(await walk(`${filter}&sort=-joined`))).toEqual(npnsOf(wanted.toSorted(byJoining).reverse()))
    const found = wanted.filter(({ npn }) => npn.startsWith('15')).toSorted(byNpn)
    expect(npnsOf(await walk(`${filter}&q=15`))).toEqual(npnsOf(found))
    const named = wanted.filter(
      (row) =>
        (row.state === 'ready' || row.state === 'no_licenses') && wordsOf(row).some((word) => word.startsWith('smi')),
    )
    expect(new Set(npnsOf(await walk(`${filter}&q=smi`)))).toEqual(new Set(npnsOf(named)))
  },
)

const wordsOf = ({ names }: Known) =>
  names
    .join(' ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)

/** Searches as the list does, and as it does in a large population. */
async function search(text: string, state?: string): Promise<void> {
  const asked = text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
  const countOf = (begin: string) =>
    known.flatMap((row) => [...new Set(wordsOf(row))]).filter((word) => word.startsWith(begin)).length
  const [first = ''] = asked.toSorted((one, other) => countOf(one) - countOf(other) || other.length - one.length)
  const sorted = known
    .filter((row) => (state ? row.state === state : row.state === 'ready' || row.state === 'no_licenses'))
    .filter((row) => asked.length > 0 && asked.every((each) => wordsOf(row).some((word) => word.startsWith(each))))
    .map((row) => ({
      npn: row.npn,
      word:
        wordsOf(row)
          .filter((word) => word.startsWith(first))
          .sort()[0] ?? '',
    }))
    .sort((one, other) =>
      one.word === other.word ? Number(one.npn) - Number(other.npn) : one.word < other.word ? -1 : 1,
    )
  const found = npnsOf(await walk(`&q=${encodeURIComponent(text)}${state ? `&state=${state}` : ''}`))
  expect(found, text).toEqual(npnsOf(sorted))
}

test('P1: names are found by the beginnings of their words, in a small population and in a large one', async () => {
  const updates = service.database.open('updates')
  for (const size of [known.length, 50_000]) {
    await updates.query`update population_count set ready = ${size} where account_id = ${account.id}`
    for (const text of ['smi', 'SMITH', 'ann sm', 'smith llc', 'o hara', 'åb', 'zoë', 'nobody', 's', '&'])
      await search(text)
    await search('smi', 'no_licenses')
    expect(await walk('&q=smi&state=loading')).toEqual([]) // nothing is known of them yet
  }
})

test('a name that changes is found by its new words alone, and one that is gone by none', async () => {
  const updates = service.database.open('updates')
  const target = known.find(({ state, names }) => state === 'ready' && names.length === 3)
  await updates.query`update entity set last_name = 'Quux-Baz', updated_on = '2026-03-05' where npn = ${target?.npn}::bigint`
  expect(npnsOf(await walk('&q=baz'))).toEqual([target?.npn])
  const left = await updates.query`select word from producer_word where npn = ${target?.npn}::bigint and word like 's%'`
  expect(left).toEqual([])
  await updates.query`delete from entity where npn = ${target?.npn}::bigint`
  expect(await updates.query`select from producer_word where npn = ${target?.npn}::bigint`).toEqual([])
})

test('P1.2: a row says how its data stands, and neither birth dates nor addresses', async () => {
  const updates = service.database.open('updates')
  const other = await service.account('sandbox') // with 15645555 in it from the start
  await updates.query`insert into nipr_run (id, feed_id, run_date, state, trigger, next_try_at, scheduled_at, published_at, ended_at)
    values (gen_random_uuid(), ${other.id}, '2026-03-06', 'published', 'sandbox', now(), now(), now(), now())`
  const path = `/api/v1/app/${other.id}/population`
  const token = { token: other.key }
  const { data } = await service.ok('GET', path, undefined, token)
  expect(data[0]).toEqual({
    npn: '15645555',
    name: 'Joe A Producer',
    kind: 'individual',
    state: 'ready',
    asOf: '2026-03-06',
    joinedAt: expect.any(String),
    removedAt: null,
    changedOn: '2026-03-06',
    activeLicenses: expect.any(Number),
    source: 'preloaded',
    lastEvent: null,
  })
  const client = { token: await service.token(other) }
  const job = await service.ok('DELETE', '/v1/accounts/subscriptions', ['15645555'], client)
  await expect
    .poll(async () => (await service.ok('GET', `${path}/job/${job.job_id}`, undefined, token)).finishedAt)
    .not.toBeNull()
  const removed = await service.ok('GET', `${path}/15645555`, undefined, token)
  expect(removed).toMatchObject({
    state: 'removed',
    name: null,
    licenses: null,
    activeLicenses: null,
    history: [
      { change: 'left', source: null, msgId: expect.stringMatching(/^msg_/) },
      { change: 'joined', source: 'preloaded', msgId: null },
    ],
    events: [{ type: 'producersync.npn.deactivated', eventId: expect.stringMatching(/^evt_/) }],
    lastEvent: { type: 'producersync.npn.deactivated' },
    api: { method: 'GET', url: expect.stringMatching(/\/v2\/entities\/15645555$/) },
  })
  const firm = await service.ok('GET', `${path}/19855109`, undefined, token)
  expect(firm).toMatchObject({ kind: 'firm', licenses: { active: expect.any(Number), states: expect.any(Array) } })
  expect(firm.licenses.states.length).toBeGreaterThan(1)
  expect(await service.call('GET', `${path}/912484758`, undefined, token)).toMatchObject({ status: 404 })
  const again = await service.ok('GET', path, undefined, token)
  expect(npnsOf(again.data)).toEqual(['19855109']) // looking at others has joined nobody
})

test('P1: all of what a filter finds is exported, each NPN once, in the order of the list', async () => {
  const path = `/api/v1/app/${account.id}/population`
  for (const query of ['', '&q=15', '&q=smith', '&state=ready', '&from=2026-02-05T00:00:00Z']) {
    const headers = { authorization: `Bearer ${account.key}` }
    const answer = await fetch(`${service.url}${path}/export?${query.slice(1)}`, { headers })
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    const [head, ...lines] = (await answer.text()).trimEnd().split('\r\n')
    expect(head).toBe('npn,name,kind,state,joined_at,changed_on,active_licenses,as_of')
    const npns = lines.map((line) => line.split(',')[0])
    expect(npns.length).toBeGreaterThan(0)
    expect(npns).toEqual(npnsOf(await walk(query)))
  }
})

test('an order that no index has is refused by name', async () => {
  const path = `/api/v1/app/${account.id}/population`
  for (const query of [
    'q=smith&sort=npn',
    'q=15&sort=joined',
    'sort=npn&from=2026-02-05T00:00:00Z',
    'sort=name',
    'state=gone',
    'iterator=x',
  ]) {
    const { status, body } = await service.call('GET', `${path}?${query}`)
    expect([query, status, body.detail[0].loc[0]]).toEqual([query, 422, 'query'])
  }
})
