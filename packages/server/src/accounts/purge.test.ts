import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { DataKeys, sealingKey } from './encryption.ts'
import { firstStart } from './first-start.ts'
import { visibleTo } from './principal.ts'
import { purgeAccess } from './purge.ts'
import { RateLimiter } from './rate-limit.ts'
import { addFailure, readFailures } from './token-failures.ts'
import { insertAccessToken } from './tokens.ts'

const master = sealingKey(randomBytes(32))
let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(async () => await db.close())

test('past windows, forgiven failures and long expired tokens are removed; what still counts stays', async () => {
  const clock = new ManualClock('2026-03-06T16:41:07.120Z')
  const parts = {
    clock,
    ids: new IdSource(clock),
    dataKeys: new DataKeys(master),
    preload: async () => {},
  }
  const [api, worker, owner] = [db.open('api'), db.open('worker'), db.open('migrate')]
  const first = await firstStart(api, master, parts)
  assert.ok(first)
  const { account, client } = first
  const grant = { ...client, environment: account.environment, accountId: account.id, scopes: [] }
  const subjects = { client: 'c', address: 'a' }
  const busyMinute = async () => {
    await new RateLimiter(api, clock).take('client:a', 300)
    await api.transaction({}, (tx) => addFailure(tx, subjects, clock.now()))
    await api.transaction({ settings: visibleTo('sandbox', account.id) }, (tx) =>
      insertAccessToken(tx, parts, grant, { text: `at_${clock.now().getTime()}`, scopes: [] }),
    )
  }
  const left = async () => {
    const [row] = await owner.query<{ windows: number; tokens: number }>`
      select (select count(*)::int from rate_window) as windows, (select count(*)::int from token where expires_at is not null) as tokens`
    return row
  }

  await busyMinute()
  const start = clock.now()
  clock.advanceTo(addMs(start, 4 * 60_000))
  await busyMinute()
  assert.equal(await purgeAccess(worker, clock.now()), 0)
  clock.advanceTo(addMs(start, 6 * 60_000))
  assert.equal(await purgeAccess(worker, clock.now()), 1)
  assert.deepEqual(await left(), { windows: 1, tokens: 2 })
  assert.ok((await readFailures(api, subjects)).client)
  clock.advanceTo(addMs(start, 25 * 3_600_000 + 1))
  await purgeAccess(worker, clock.now())
  assert.deepEqual(await left(), { windows: 0, tokens: 1 })
  assert.deepEqual(await readFailures(api, subjects), { client: undefined, address: undefined })
})
