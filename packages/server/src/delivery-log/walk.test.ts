import { afterAll, beforeAll, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { insertAttempts, insertEvents, plansOf, READ_WHOLE } from '../../test/attempt-rows.ts'
import { countAll } from '../../test/counted.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { eventIdAt, type FoundFilter, type Pair } from './found-filter.ts'
import type { Scope, Wanted } from './matching.ts'
import { countDeliveries, listDeliveries } from './store.ts'
import type { WalkBounds } from './walk.ts'

const START = new Date('2026-03-06T15:00:00.000Z')
const EVENTS = 300
const ACCOUNT = 'app_a'
const ENDPOINTS = ['ep_a', 'ep_b']
const SCOPE: Scope = { accountId: ACCOUNT, now: addMs(START, EVENTS * 100), timeoutMs: 5_000 }

const ANY: FoundFilter = {
  ...{ states: null, classes: null, isTest: null, triggers: null, isSlow: null, types: null, endpointIds: null },
  ...{ codes: null, npn: null, pairs: null, beginning: null },
  from: eventIdAt(addMs(START, -1)),
  until: eventIdAt(addMs(START, EVENTS * 1_000)),
}
/** None of the planned deliveries has the type that is sought, or few have. */
const FILTERS: [name: string, filter: FoundFilter][] = [
  ['retrying', { ...ANY, states: ['retrying'] }],
  ['retrying, a rare type', { ...ANY, states: ['retrying'], types: ['rare'] }],
  ['retrying, no such type', { ...ANY, states: ['retrying'], types: ['never'] }],
  ['retrying, a class', { ...ANY, states: ['retrying'], classes: ['http_server_error'] }],
  ['waiting, a rare type', { ...ANY, states: ['waiting'], types: ['rare'] }],
  ['retrying or given up', { ...ANY, states: ['retrying', 'exhausted'] }],
  ['planned or canceled, no such type', { ...ANY, states: ['waiting', 'retrying', 'canceled'], types: ['never'] }],
  ['given up, a rare type', { ...ANY, states: ['exhausted'], types: ['rare'] }],
  ['of a class, no such type', { ...ANY, classes: ['http_server_error'], types: ['never'] }],
  ['of one endpoint, no such type', { ...ANY, endpointIds: ['ep_a'], types: ['never'] }],
  ['of one endpoint, waiting', { ...ANY, states: ['waiting'], endpointIds: ['ep_b'] }],
]
const OF_TYPES: FoundFilter[] = [
  { ...ANY, types: ['rare'] },
  { ...ANY, types: ['rare', 'usual'] },
  { ...ANY, types: ['never'] },
  { ...ANY, types: ['rare'], states: ['delivered', 'exhausted'] },
]
const NO_BOUNDS: WalkBounds = { any: 100_000, lookedUp: 100_000 }
const NARROW: WalkBounds = { any: 10, lookedUp: 7 }

let database: TestDatabase
let owner: Database
const eventIds: string[] = []

// Of three events two wait for their first attempt and one retries; every fiftieth is of a rare type, some were given up.
beforeAll(async () => {
  database = await testDatabase()
  owner = database.open('migrate')
  const clock = new ManualClock(START.toISOString())
  const ids = new IdSource(clock)
  await owner.query`insert into environment (name, id, created_at) values ('production', 'org_a', ${START})`
  await owner.query`
    insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
    values (${ACCOUNT}, 'production', 'a', ''::bytea, 0, ${START}, ${START})`
  await owner.query`
    insert into endpoint (account_id, id, environment, url, created_at, updated_at)
    select ${ACCOUNT}, id, 'production', 'https://northwind.com/hook', ${START}, ${START} from unnest(${ENDPOINTS}::text[]) as e (id)`
  await owner.query`select make_partitions(${START}::date, ${addMs(START, 86_400_000)}::date)`
  const events = Array.from({ length: EVENTS }, (_, number) => {
    clock.advanceMs(100)
    const id = `msg_${ids.next().ksuid}`
    eventIds.push(id)
    return { id, accountId: ACCOUNT, type: number % 50 === 0 ? 'rare' : 'usual', createdAt: clock.now() }
  })
  await insertEvents(owner, events)
  await owner.query`
    insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, attempts_made, created_at, due_at)
    select ${ACCOUNT}, r.id, gen_random_uuid(), case when r.nth % 4 = 0 then 'ep_b' else 'ep_a' end, 1, (r.nth % 3 = 0)::int, 'event',
           (r.nth % 3 = 0)::int, ${START}, ${START}::timestamptz + interval '1 day'
      from unnest(${eventIds}::text[]) with ordinality as r (id, nth) where r.nth % 10 <> 9`
  const attempted = events.filter((_, index) => (index + 1) % 3 === 0 || (index + 1) % 10 === 9)
  await insertAttempts(
    owner,
    attempted.map(({ id: eventId, createdAt: startedAt }, index) => ({
      ...{ accountId: ACCOUNT, eventId, endpointId: 'ep_a', ending: 'failed', startedAt },
      id: `atmpt_${ids.next(addMs(startedAt, index)).ksuid}`,
    })),
  )
  await owner.query`analyze event, attempt, pending`
})
afterAll(async () => {
  await database.close()
})

const wantedOf = (order: Wanted['order'], from: Pair | null, rows = 25): Wanted => ({
  ...{ rows, order, withStanding: true },
  ...(order === 'ascending' ? { above: from, below: null } : { above: null, below: from }),
})

/** All pages to the last. */
async function listed(filter: FoundFilter, order: 'ascending' | 'descending', bounds: WalkBounds) {
  const found: string[] = []
  let [from, stops]: [Pair | null, number] = [null, 0]
  for (;;) {
    const wanted = wantedOf(order, from)
    const { lines, stoppedAt } = await listDeliveries(owner, SCOPE, filter, wanted, bounds)
    found.push(...lines.map(({ event, endpoint }) => `${event.id}:${endpoint.id}`))
    const last = lines.at(-1)
    if (stoppedAt === null && (last === undefined || lines.length < wanted.rows)) return { found, stops }
    if (stoppedAt !== null) stops += 1
    from = stoppedAt ?? { eventId: last?.event.id ?? '', endpointId: last?.endpoint.id ?? '' }
  }
}

test.each(FILTERS)(
  'pages that end before they are full show each delivery once, in order, all of them: %s',
  async (_, filter) => {
    for (const order of ['ascending', 'descending'] as const) {
      const whole = await listed(filter, order, NO_BOUNDS)
      expect(whole.stops).toBe(0)
      const inParts = await listed(filter, order, NARROW)
      expect(inParts.found).toEqual(whole.found)
      expect(inParts.stops).toBeGreaterThan(0)
      expect(new Set(whole.found).size).toBe(whole.found.length)
    }
  },
)

test('a page passes by no more than so many planned deliveries, and says with which event the next one begins', async () => {
  const [, never] = FILTERS[2] ?? ['', ANY]
  const retrying = eventIds.filter((_, index) => (index + 1) % 3 === 0 && (index + 1) % 10 !== 9)
  const { lines, stoppedAt } = await listDeliveries(owner, SCOPE, never, wantedOf('descending', null), NARROW)
  expect(lines).toEqual([])
  expect(stoppedAt?.eventId).toBe(retrying.at(-8))
  const upwards = await listDeliveries(owner, SCOPE, never, wantedOf('ascending', null), NARROW)
  expect(upwards.stoppedAt?.eventId).toBe(retrying[7])
})

test('a count that has not looked at all says that there may be more', async () => {
  const [, rare] = FILTERS[1] ?? ['', ANY]
  const all = await countDeliveries(owner, SCOPE, rare, 100, NO_BOUNDS)
  expect(all).toMatchObject({ capped: false })
  expect(all.count).toBeGreaterThan(0)
  const some = await countDeliveries(owner, SCOPE, rare, 100, NARROW)
  expect(some.capped).toBe(true)
  expect(some.count).toBeLessThan(all.count)
})

test('where events of a type are is looked up once that is noted, and the same is found as before', async () => {
  const all = async () => {
    const found: unknown[] = []
    for (const filter of OF_TYPES) {
      found.push((await listed(filter, 'descending', NARROW)).found, (await listed(filter, 'ascending', NARROW)).found)
      found.push(await countDeliveries(owner, SCOPE, filter, 1_000))
    }
    return found
  }
  const before = await all()
  expect(before[0]).not.toEqual([])
  const from = new Date('2026-03-06T00:00:00.000Z')
  await countAll(database, from, addMs(from, 86_400_000))
  const [noted] = await owner.query<{ rare: number }>`
    select count(*) as rare from occurrence where account_id = ${ACCOUNT} and owner = '' and value = 'type:rare'`
  expect(noted?.rare).toBeGreaterThan(0)
  expect(await all()).toEqual(before)
  const plans = await plansOf(owner, (explaining) => countDeliveries(explaining, SCOPE, OF_TYPES[2] ?? ANY, 1_000))
  expect(plans).not.toMatch(READ_WHOLE)
})
