import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { createClient, findClient, grantOf, listClients, revokeClient, revokeSecret, rotateSecret } from './clients.ts'
import { DataKeys, sealingKey } from './encryption.ts'
import { firstStart } from './first-start.ts'
import { type Account, visibleTo } from './principal.ts'
import { createAccount } from './store.ts'

const master = sealingKey(randomBytes(32))
const clock = new ManualClock('2026-03-06T16:41:07.120Z')
const parts = {
  clock,
  ids: new IdSource(clock),
  dataKeys: new DataKeys(master),
  preload: async () => {},
}
let db: TestDatabase
let api: Database
let account: Account

beforeAll(async () => {
  db = await testDatabase()
  api = db.open('api')
  await firstStart(api, master, parts)
  const made = await api.transaction({ settings: visibleTo('production') }, (tx) =>
    createAccount(tx, parts, { environment: 'production', name: 'Test' }),
  )
  assert.ok(made)
  account = made
})
afterAll(async () => await db.close())

async function asOwner<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
  return await api.transaction({ settings: visibleTo('production', account.id) }, work)
}

async function newClient() {
  const made = await asOwner((tx) => createClient(tx, parts, account, { name: 'Test' }))
  return { ...made, key: { accountId: account.id, id: made.clientId } }
}

describe('OAuth2 clients (producersync-api 2, T08)', () => {
  test('a new client has the three scopes, and its secret is 256 bits shown once', async () => {
    const made = await newClient()
    assert.match(made.secret, /^cs_[0-9A-Za-z]{43}$/)
    assert.deepEqual(await grantOf(api, made.clientId, made.secret), {
      clientId: made.clientId,
      secretId: made.secretId,
      environment: 'production',
      accountId: account.id,
      scopes: ['producersync.read', 'producersync.write', 'webhooks'],
    })
  })

  test('a client id and a secret open only together', async () => {
    const [one, two] = [await newClient(), await newClient()]
    assert.equal(await grantOf(api, one.clientId, two.secret), undefined)
    assert.equal(await grantOf(api, 'client_unknown', one.secret), undefined)
    assert.equal(await grantOf(api, one.clientId, ''), undefined)
  })

  test('rotating gives a second secret beside the first; a third is refused until one is revoked', async () => {
    const made = await newClient()
    const second = await asOwner((tx) => rotateSecret(tx, parts, made.key))
    assert.ok(await grantOf(api, made.clientId, made.secret))
    assert.ok(await grantOf(api, made.clientId, second.secret))
    await assert.rejects(
      asOwner((tx) => rotateSecret(tx, parts, made.key)),
      refusal('limit_reached'),
    )
    const first = { accountId: account.id, clientId: made.clientId, id: made.secretId }
    assert.equal(await asOwner((tx) => revokeSecret(tx, first, clock.now())), true)
    assert.equal(await asOwner((tx) => revokeSecret(tx, first, clock.now())), false)
    assert.equal(await grantOf(api, made.clientId, made.secret), undefined)
    await asOwner((tx) => rotateSecret(tx, parts, made.key))
  })

  test('a rotation waits for one under way, and is refused when that leaves two', async () => {
    const made = await newClient()
    const second = await asOwner(async (tx) => {
      await rotateSecret(tx, parts, made.key)
      const waiting = asOwner((other) => rotateSecret(other, parts, made.key))
      waiting.catch(() => {}) // judged below
      await untilSomeoneWaits()
      return { waiting }
    })
    await assert.rejects(second.waiting, refusal('limit_reached'))
  })

  test('twenty rotations at once leave two valid secrets', async () => {
    const made = await newClient()
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => asOwner((tx) => rotateSecret(tx, parts, made.key))),
    )
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1)
    for (const result of results) if (result.status === 'rejected') assert.ok(refusal('limit_reached')(result.reason))
    const listed = (await asOwner((tx) => listClients(tx, account.id))).find((client) => client.id === made.clientId)
    assert.equal(listed?.secrets.filter((secret) => secret.revokedAt === null).length, 2)
  })

  test('a revoked client opens with none of its secrets and gets no new one', async () => {
    const made = await newClient()
    const second = await asOwner((tx) => rotateSecret(tx, parts, made.key))
    assert.equal(await asOwner((tx) => revokeClient(tx, made.key, clock.now())), true)
    assert.equal(await asOwner((tx) => revokeClient(tx, made.key, clock.now())), false)
    for (const { secret } of [made, second]) assert.equal(await grantOf(api, made.clientId, secret), undefined)
    await assert.rejects(
      asOwner((tx) => rotateSecret(tx, parts, made.key)),
      refusal('not_found'),
    )
  })

  test('a client is found in its own environment only', async () => {
    const made = await newClient()
    const find = (environment: 'sandbox' | 'production') =>
      api.transaction({ settings: visibleTo(environment) }, (tx) => findClient(tx, environment, made.clientId))
    assert.equal((await find('production'))?.accountId, account.id)
    assert.equal(await find('sandbox'), undefined)
  })

  test('the database refuses a third valid secret, whoever inserts it', async () => {
    const made = await newClient()
    await asOwner((tx) => rotateSecret(tx, parts, made.key))
    for (const slot of [1, 2, 3]) {
      await assert.rejects(
        db.open('migrate').query`
          insert into oauth_client_secret (account_id, client_id, id, slot, secret_hash, created_at)
          values (${account.id}, ${made.clientId}, ${`secret_${slot}`}, ${slot}, ${randomBytes(32)}, ${clock.now()})`,
      )
    }
  })
})

async function untilSomeoneWaits(): Promise<void> {
  const owner = db.open('migrate')
  for (;;) {
    const [row] = await owner.query<{ waiting: boolean }>`
      select exists (select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())
                      union all select from pg_locks where not granted and locktype = 'transactionid') as waiting`
    if (row?.waiting) return
  }
}

function refusal(code: string) {
  return (error: unknown) => error instanceof DomainError && error.code === code
}
