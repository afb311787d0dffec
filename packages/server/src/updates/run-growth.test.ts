import { afterAll, expect, test } from 'vitest'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { Transactions } from '#src/population/work.ts'
import { FeedWorld, producer } from '../../test/feed-world.ts'

const MONITORED = 20_000
const CHANGED = ['11', '12', '13', '14', '15']
const UNKNOWN = '16' // asked for again by every run
/** Of every table that grows with the population. */
const ROWS_READ = sql`
  select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::int as rows from pg_stat_xact_user_tables
   where relname in ('nipr_target', 'population', 'entity', 'address', 'license')`

const feed = await FeedWorld.start()
afterAll(() => feed.close())

/** Adds up what the transactions of a database read. */
function counting(database: Queryable & Transactions) {
  const count = { rows: 0 }
  const transaction: Transactions['transaction'] = (options, work) =>
    database.transaction(options, async (tx) => {
      const result = await work(tx)
      const [read] = await tx.run<{ rows: number }>(ROWS_READ)
      count.rows += read?.rows ?? 0
      return result
    })
  const counted: Queryable & Transactions = {
    transaction,
    run: async (statement) => await transaction({}, (tx) => tx.run(statement)),
    query: async (strings, ...values) => await transaction({}, (tx) => tx.query(strings, ...values)),
  }
  return { counted, count }
}

test('rule 41: a run reads what has changed, however many producers are monitored', async () => {
  const account = await feed.world.addAccount()
  for (const npn of CHANGED) feed.nipr.producers.set(npn, producer(npn))
  await feed.monitor(account, [...CHANGED, UNKNOWN])
  feed.nipr.alerted.set('2026-03-06', CHANGED)
  await feed.run('2026-03-06')
  const { owner } = feed.world
  for (const table of ['nipr_target', 'population', 'entity']) {
    await owner.run({
      text: `insert into ${table}
             select copy.* from ${table} t, generate_series(1001, 1000 + ${MONITORED}) as n,
                    jsonb_populate_record(t, jsonb_build_object('npn', n, 'loaded_at', null, 'id', 1000000 + n)) as copy
              where t.npn = 11`,
      values: [],
    })
  }
  await owner.query`analyze nipr_target, population, entity`

  for (const npn of CHANGED) feed.nipr.producers.set(npn, producer(npn, { name: 'Changed' }))
  feed.nipr.alerted.set('2026-03-09', CHANGED)
  feed.clock.advanceTo('2026-03-09T15:15:00Z')
  const { counted, count } = counting(feed.world.updates)
  await feed.begin('2026-03-09')
  expect(await feed.advance(counted)).toMatchObject({ state: 'published', counts: { changedNpns: CHANGED.length } })
  expect(count.rows).toBeGreaterThan(CHANGED.length)
  expect(count.rows).toBeLessThan(MONITORED / 4)
})
