import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Database } from '#src/adapters/postgres/database.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import {
  CannotOpen,
  checkMasterKey,
  DataKeys,
  heldMasterKey,
  type MasterKey,
  open,
  type SealedFor,
  seal,
  sealingKey,
  WrongMasterKey,
} from './encryption.ts'
import { rewrapKeys } from './rewrap.ts'

const key = sealingKey(randomBytes(32))
const place: SealedFor = { accountId: 'app_a', objectId: 'ep_a', purpose: 'signing-secret' }
const secret = Buffer.from('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')

describe('secrets at rest (T01)', () => {
  test('what is sealed opens again, and never twice the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), fc.string(), fc.string(), (text, a, b, c) => {
        const at = { accountId: a, objectId: b, purpose: c }
        const sealed = seal(key, text, at)
        assert.deepEqual(open(key, sealed, at), Buffer.from(text))
        assert.notDeepEqual(seal(key, text, at), sealed)
      }),
    )
  })

  test('ciphertexts moved to another account, object or purpose do not open', () => {
    const sealed = seal(key, secret, place)
    const elsewhere: SealedFor[] = [
      { ...place, accountId: 'app_b' },
      { ...place, objectId: 'ep_b' },
      { ...place, purpose: 'headers' },
      { accountId: 'app_aep', objectId: '_a', purpose: 'signing-secret' },
      { accountId: 'app_a","ep_a', objectId: '', purpose: 'signing-secret' },
    ]
    for (const other of elsewhere) assert.throws(() => open(key, sealed, other), CannotOpen)
  })

  test('changed, cut and empty bytes, and those of another key, do not open', () => {
    const sealed = seal(key, secret, place)
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed)
      changed[index] = (changed[index] ?? 0) ^ 1
      assert.throws(() => open(key, changed, place), CannotOpen, `byte ${index}`)
      assert.throws(() => open(key, sealed.subarray(0, index), place), CannotOpen, `cut to ${index}`)
    }
    assert.throws(() => open(sealingKey(randomBytes(32)), sealed, place), CannotOpen)
  })

  test('sealed bytes name their key, and neither it nor the text stands in them', () => {
    const bytes = randomBytes(32)
    const other = sealingKey(bytes)
    const sealed = seal(other, secret, place)
    assert.deepEqual(sealed.subarray(1, 9), other.id)
    for (const encoding of ['latin1', 'base64', 'hex'] as const) {
      assert.ok(!sealed.toString('latin1').includes(secret.toString(encoding)))
      assert.ok(!sealed.toString('latin1').includes(bytes.toString(encoding)))
    }
  })
})

describe('data keys', () => {
  let db: TestDatabase
  let api: Database
  let owner: Database
  beforeAll(async () => {
    db = await testDatabase()
    api = db.open('api')
    owner = db.open('migrate')
    await checkMasterKey(api, master, now)
  })
  afterAll(async () => await db.close())

  const now = new Date('2026-03-06T16:41:07.120Z')
  const master = sealingKey(randomBytes(32))
  const next: MasterKey = { ...sealingKey(randomBytes(32)), former: [master] }
  const never = async () => assert.fail('it ended')
  const secretOf = (keys: DataKeys, wrapped: Buffer, sealed: Buffer, account = 'app_a') =>
    open(keys.of(account, wrapped), sealed, place)

  test('an account’s data key opens with its master key, for that account only', async () => {
    const keys = new DataKeys(master)
    const wrapped = await keys.newDataKey(api, 'app_a')
    const sealed = seal(keys.of('app_a', wrapped), secret, place)
    assert.deepEqual(secretOf(new DataKeys(master), wrapped, sealed), secret)
    assert.throws(() => new DataKeys(master).of('app_b', wrapped), CannotOpen)
    assert.throws(() => new DataKeys(sealingKey(randomBytes(32))).of('app_a', wrapped), CannotOpen)
  })

  test('each account has a data key of its own', async () => {
    const keys = new DataKeys(master)
    const ids: string[] = []
    for (const account of ['app_a', 'app_b'])
      ids.push(keys.of(account, await keys.newDataKey(api, account)).id.toString('hex'))
    assert.equal(new Set(ids).size, 2)
  })

  test('while the master key changes, new ones are sealed by the key that the database holds, whoever makes them', async () => {
    for (const keys of [new DataKeys(master), new DataKeys(next)]) {
      const wrapped = await keys.newDataKey(api, 'app_a')
      for (const other of [new DataKeys(master), new DataKeys(next)]) other.of('app_a', wrapped)
    }
  })

  test('rewrapping leaves what was sealed as it is, under the new master key alone; who has the old one alone is refused (T02)', async () => {
    const [keys, both] = [new DataKeys(master), new DataKeys(next)]
    const wrapped = await keys.newDataKey(api, 'app_a')
    const sealed = seal(keys.of('app_a', wrapped), secret, place)
    await owner.query`insert into environment (name, id, created_at) values ('sandbox', 'org_x', ${now})`
    await owner.query`
      insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
      select 'app_' || n, 'sandbox', 'x', ${wrapped}, 0, ${now}, ${now} from unnest(array['a', 'gone']) as n`
    const damaged = await rewrapKeys(owner, next, now, never)
    assert.deepEqual(damaged, { accounts: 1, lost: ['app_gone'] }) // it is sealed for app_a
    assert.ok(await heldMasterKey(api, master))
    await owner.query`update account set data_key = '' where id = 'app_gone'`

    const ends: unknown[] = []
    const rewrap = () => rewrapKeys(owner, next, now, async (tx) => void ends.push(tx))
    assert.deepEqual(await rewrap(), { accounts: 0, lost: [] })
    const [row] = await owner.query<{ data_key: Buffer }>`select data_key from account where id = 'app_a'`
    assert.ok(row)
    const alone = new DataKeys({ id: next.id, key: next.key })
    for (const keysNow of [both, alone]) assert.deepEqual(secretOf(keysNow, row.data_key, sealed), secret)
    assert.throws(() => new DataKeys(master).of('app_a', row.data_key), CannotOpen)
    await assert.rejects(keys.newDataKey(api, 'app_b'), WrongMasterKey)
    assert.equal(await heldMasterKey(api, master), undefined)
    await assert.rejects(rewrapKeys(owner, master, now, never), WrongMasterKey)
    alone.of('app_b', await alone.newDataKey(api, 'app_b'))
    assert.deepEqual(await rewrap(), { accounts: 0, lost: [] }) // again: nothing is left to do
    assert.equal(ends.length, 2)
  })
})
