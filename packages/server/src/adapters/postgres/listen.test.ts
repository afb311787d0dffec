import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../../test/postgres.ts'
import { withClient } from './client.ts'
import type { Database } from './database.ts'
import { Listener } from './listen.ts'

let at: TestDatabase
let database: Database

beforeAll(async () => {
  at = await testDatabase({ empty: true })
  database = at.open('worker')
})
afterAll(async () => await at.close())

const options = { role: 'worker', applicationName: 'test-listener' } as const

const notify = (payload: string) => database.query`select pg_notify('things', ${payload})`

test('a listener hears its channel, says when it may have missed something, and hears again', async () => {
  let heard = Promise.withResolvers<string>()
  const reconnected = Promise.withResolvers<void>()
  const listener = new Listener(
    at.connection,
    'things',
    (payload) => heard.resolve(payload),
    reconnected.resolve,
    options,
  )
  await listener.start()
  await notify('first')
  expect(await heard.promise).toBe('first')

  heard = Promise.withResolvers<string>()
  const administrator = { applicationName: 'administrator', statementTimeoutMs: 30_000 }
  await withClient(at.superuserConnection, administrator, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-listener' and datname = current_database()`,
    ),
  )
  await reconnected.promise
  await notify('second')
  expect(await heard.promise).toBe('second')
  await listener.close()
})

test('a closed listener has no connection, and does not come back', async () => {
  const listener = new Listener(
    at.connection,
    'things',
    () => {},
    () => {},
    options,
  )
  await listener.start()
  await listener.close()
  await withClient(at.superuserConnection, { applicationName: 'administrator', statementTimeoutMs: 30_000 }, (client) =>
    client.query(`
      do $$ begin
        while exists (select from pg_stat_activity where application_name = 'test-listener') loop
          perform pg_sleep(0.005), pg_stat_clear_snapshot();
        end loop;
      end $$`),
  )
})

test('a listener without a server keeps trying, and closes', async () => {
  const nowhere = { socketDir: '/nonexistent', port: 1, database: 'x', user: 'x' }
  const listener = new Listener(
    nowhere,
    'things',
    () => {},
    () => {},
    options,
  )
  await listener.start()
  await listener.close()
})
