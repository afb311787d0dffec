import { type DedupeStore, postgres, postgresTable } from '@producersync/webhooks/dedupe'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { clientConfig } from '#src/adapters/postgres/connection.ts'
import { type TestDatabase, testDatabase } from './postgres.ts'

/** The receiver package's memory of handled events, on a real PostgreSQL. */

let database: TestDatabase
let pool: pg.Pool
let store: DedupeStore

beforeAll(async () => {
  database = await testDatabase({ empty: true })
  const options = { applicationName: 'receiver', statementTimeoutMs: 30_000, lockTimeoutMs: 30_000 }
  pool = new pg.Pool({ ...clientConfig(database.superuserConnection, options), max: 10 })
  await pool.query(postgresTable)
  await pool.query(postgresTable) // harmless the second time
})
afterAll(async () => {
  await pool.end()
  await database.close()
})
beforeEach(async () => {
  await pool.query('truncate producersync_webhook')
  store = postgres((sql, values) => pool.query(sql, values))
})

/** Moves the end of every entry into the past: the clock is the database's. */
const endAll = () => pool.query("update producersync_webhook set ends_at = now() - interval '1 second'")
const secondsLeft = async () =>
  (await pool.query('select round(extract(epoch from ends_at - now())) as seconds from producersync_webhook')).rows

test('what is claimed is busy, what is done is done', async () => {
  expect(await store.claim('evt_1', 60)).toBe('new')
  expect(await store.claim('evt_1', 60)).toBe('busy')
  await store.done('evt_1')
  expect(await store.claim('evt_1', 60)).toBe('done')
  expect(await store.claim('evt_2', 60)).toBe('new')
})

test('what is released is new, what is done stays done', async () => {
  await store.claim('evt_1', 60)
  await store.release('evt_1')
  expect(await store.claim('evt_1', 60)).toBe('new')
  await store.done('evt_1')
  await store.release('evt_1')
  expect(await store.claim('evt_1', 60)).toBe('done')
})

test('of many that claim at once, one gets it, also when an ended claim is taken over', async () => {
  for (const _ of ['first', 'taken over']) {
    const claims = await Promise.all(Array.from({ length: 50 }, () => store.claim('evt_1', 60)))
    expect(claims.filter((claim) => claim === 'new')).toHaveLength(1)
    expect(claims.filter((claim) => claim === 'busy')).toHaveLength(49)
    await endAll()
  }
})

test('a claim and a handled event last as long as they are told to', async () => {
  store = postgres((sql, values) => pool.query(sql, values), { keepSeconds: 3_600 })
  await store.claim('evt_1', 60)
  expect(await secondsLeft()).toEqual([{ seconds: '60' }])
  await store.done('evt_1')
  expect(await secondsLeft()).toEqual([{ seconds: '3600' }])
  await endAll()
  expect(await store.claim('evt_1', 60)).toBe('new')
})

test('what has ended is deleted along the way', async () => {
  for (const id of ['evt_1', 'evt_2', 'evt_3']) {
    await store.claim(id, 60)
    await store.done(id)
  }
  await endAll()
  await store.claim('evt_4', 60)
  await store.done('evt_4')
  expect((await pool.query('select event_id from producersync_webhook')).rows).toEqual([{ event_id: 'evt_4' }])
})
