import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '#src/adapters/postgres/database.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { chicagoDay } from './calendar.ts'
import { saveFeed } from './feed-store.ts'
import { leaseLoads, readBusyFeeds } from './load-store.ts'

const TARGETS = 20_000
const LOADED = 15_000
const NOW = new Date('2026-03-06T16:00:00.000Z')

let testing: TestDatabase
let database: Database
beforeAll(async () => {
  testing = await testDatabase()
  database = testing.open('migrate')
  const day = chicagoDay(NOW)
  await database.query`insert into environment (name, id, created_at) values ('production', 'org_1', ${NOW})`
  const feed = {
    id: 'production',
    environment: 'production',
    accountId: null,
    kind: 'simulator',
    seed: 'seed',
  } as const
  await saveFeed(database, { ...feed, owedFrom: day, cleanedOn: day }, NOW)
  await database.query`
    insert into nipr_target (feed_id, npn, state, data, load_due_at)
    select 'production', npn, 'active', case when npn <= ${LOADED} then 'ready' else 'loading' end,
           case when npn > ${LOADED} then ${NOW}::timestamptz end
      from generate_series(1, ${TARGETS}::int) as npn`
  await database.query`analyze nipr_target`
})
afterAll(() => testing.close())

test('looking for first loads reads few targets, however many are loaded and however many wait', async () => {
  const { busy, read } = await database.transaction({}, async (tx) => {
    const rowsRead = async () => {
      const [row] = await tx.query<{ rows: number }>`
        select seq_tup_read + idx_tup_fetch as rows from pg_stat_xact_user_tables where relname = 'nipr_target'`
      return row?.rows ?? 0
    }
    const before = await rowsRead()
    const busy = await readBusyFeeds(tx, NOW)
    return { busy, read: (await rowsRead()) - before }
  })
  expect(busy).toEqual([{ feedId: 'production', loads: true, adding: false }])
  expect(read).toBeLessThan(100)
})

test('a feed whose due loads are all being made has none to take', async () => {
  const taken = await leaseLoads(database, 'production', 60_000, TARGETS, NOW)
  expect(taken).toHaveLength(TARGETS - LOADED)
  expect(await readBusyFeeds(database, NOW)).toEqual([])
})
