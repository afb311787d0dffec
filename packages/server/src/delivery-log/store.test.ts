import { afterAll, beforeAll, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { insertAttempts, insertEvents } from '../../test/attempt-rows.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { eventIdAt, type FoundFilter } from './found-filter.ts'
import { countDeliveries, listDeliveries } from './store.ts'

const START = new Date('2026-03-06T15:00:00.000Z')
const DAY_MS = 86_400_000

const ANY: FoundFilter = {
  ...{ states: null, classes: null, isTest: null, triggers: null, isSlow: null, types: null, endpointIds: null },
  ...{ codes: null, npn: null, pairs: null, beginning: null },
  from: eventIdAt(addMs(START, -60 * DAY_MS)),
  until: eventIdAt(addMs(START, DAY_MS)),
}

let database: TestDatabase
let owner: Database
const eventIds: Record<string, string> = {}

// Events that were delivered at one endpoint more than once, days apart, and one that was not.
beforeAll(async () => {
  database = await testDatabase()
  owner = database.open('migrate')
  const ids = new IdSource(new ManualClock(addMs(START, -40 * DAY_MS).toISOString()))
  await owner.query`insert into environment (name, id, created_at) values ('production', 'org_a', ${START})`
  await owner.query`
    insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
    values ('app_a', 'production', 'a', ''::bytea, 0, ${START}, ${START})`
  await owner.query`
    insert into endpoint (account_id, id, environment, url, created_at, updated_at)
    values ('app_a', 'ep_a', 'production', 'https://northwind.com/hook', ${START}, ${START})`
  await owner.query`select make_partitions(${addMs(START, -41 * DAY_MS)}::date, ${START}::date)`
  const courses = {
    failed: [['failed', 'event']],
    'failed, then resent': [
      ['failed', 'event'],
      ['delivered', 'resend'],
    ],
    'delivered, then resent without success': [
      ['delivered', 'event'],
      ['failed', 'resend'],
    ],
    'resent without success, then delivered by the schedule': [
      ['failed', 'resend'],
      ['delivered', 'event'],
    ],
  } as const
  for (const [course, attempts] of Object.entries(courses)) {
    const eventId = `msg_${ids.next(addMs(START, -40 * DAY_MS)).ksuid}`
    eventIds[course] = eventId
    await insertEvents(owner, [{ id: eventId, accountId: 'app_a', createdAt: addMs(START, -40 * DAY_MS) }])
    for (const [index, [ending, cause]] of attempts.entries()) {
      const startedAt = addMs(START, (index * 20 - 40) * DAY_MS)
      const id = `atmpt_${new IdSource(new ManualClock(startedAt.toISOString())).next(startedAt).ksuid}`
      await insertAttempts(owner, [{ id, accountId: 'app_a', eventId, endpointId: 'ep_a', ending, cause, startedAt }])
    }
  }
})

afterAll(async () => {
  await database.close()
})

test.each([
  ['kept in mind', 50_000],
  ['asked for one by one', 0],
])('only the last attempt of an event at an endpoint counts, with deliveries on request %s', async (_, againMax) => {
  const scope = { accountId: 'app_a', now: START, timeoutMs: 5_000, againMax }
  const failed = { ...ANY, classes: ['http_server_error'] as const }
  const wanted = { rows: 10, order: 'ascending', above: null, below: null, withStanding: true } as const
  const { lines } = await listDeliveries(owner, scope, failed, wanted)
  const expected = [eventIds.failed, eventIds['delivered, then resent without success']]
  expect(lines.map(({ event }) => event.id)).toEqual(expected)
  expect(lines.map(({ state }) => state)).toEqual(['exhausted', 'exhausted'])
  expect(await countDeliveries(owner, scope, failed, 10)).toEqual({ count: 2, capped: false })
  expect(await countDeliveries(owner, scope, failed, 1)).toEqual({ count: 1, capped: true })
  expect(await countDeliveries(owner, scope, ANY, 10)).toEqual({ count: 4, capped: false })
})
