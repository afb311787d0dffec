import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { createAccess } from './access.ts'
import { CannotOpen, DataKeys, sealingKey, WrongMasterKey } from './encryption.ts'
import { type FirstAccount, firstStart } from './first-start.ts'
import { type Account, visibleTo } from './principal.ts'

const clock = new ManualClock('2026-03-06T16:41:07.120Z')
const master = sealingKey(randomBytes(32))
const preloaded: Account[] = []
let db: TestDatabase
let made: (FirstAccount | undefined)[]

function parts() {
  const preload = async (_tx: unknown, account: Account) => void preloaded.push(account)
  return { clock, ids: new IdSource(clock), dataKeys: new DataKeys(master), preload }
}

describe('first start', () => {
  beforeAll(async () => {
    db = await testDatabase()
    // five processes, each with its own pool
    made = await Promise.all(Array.from({ length: 5 }, () => firstStart(db.open('api'), master, parts())))
  })
  afterAll(async () => await db.close())

  test('processes that start at once make both environments and one account, and one of them learns its secrets', async () => {
    const [first, ...others] = made.filter((result) => result !== undefined)
    assert.equal(others.length, 0)
    assert.equal(first?.account.name, 'Northwind Agency')
    assert.equal(first?.account.environment, 'sandbox')
    assert.equal(first?.account.populationMax, 10_000)
    assert.match(first?.client.secret ?? '', /^cs_[0-9A-Za-z]{43}$/)
    assert.match(first?.environmentKey ?? '', /^sk_[0-9A-Za-z]{43}$/)
    assert.deepEqual(
      preloaded.map(({ id }) => id),
      [first?.account.id],
    )
    const owner = db.open('migrate')
    const rows = await owner.query<{ name: string; id: string }>`select name, id from environment order by name`
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['production', 'sandbox'],
    )
    for (const { id } of rows) assert.match(id, /^org_[0-9A-Za-z]{27}$/)
    assert.deepEqual(await owner.query`select count(*)::int as n from account where not internal`, [{ n: 1 }])
    assert.deepEqual(await owner.query`select count(*)::int as n from oauth_client_secret`, [{ n: 1 }])
    assert.deepEqual(await owner.query`select count(*)::int as n from token`, [{ n: 1 }])
  })

  test('a later start makes nothing', async () => {
    assert.equal(await firstStart(db.open('api'), master, parts()), undefined)
  })

  test('the environment key speaks for the sandbox', async () => {
    const access = createAccess(db.open('api'), clock)
    const principal = await access.authenticate(made.find((result) => result)?.environmentKey)
    assert.equal(principal.kind, 'environment_key')
    assert.equal(principal.environment, 'sandbox')
  })

  test('no secret stands in the database in clear, as hex or as Base64', async () => {
    const first = made.find((result) => result)
    const owner = db.open('migrate')
    const tables = await owner.query<{ text: string }>`
      select (select string_agg(a::text, ' ') from account a) || (select string_agg(c::text, ' ') from oauth_client_secret c)
          || (select string_agg(t::text, ' ') from token t) || (select string_agg(m::text, ' ') from master_key m) as text`
    const dump = tables[0]?.text ?? ''
    assert.ok(dump.includes('Northwind Agency'))
    for (const secret of [first?.client.secret, first?.environmentKey]) {
      assert.ok(secret)
      const bytes = Buffer.from(secret)
      for (const form of [secret, secret.split('_')[1], bytes.toString('hex'), bytes.toString('base64')]) {
        assert.ok(!dump.includes(form ?? ''))
      }
    }
  })

  test('another master key is refused', async () => {
    const wrong = sealingKey(randomBytes(32))
    const other = { ...parts(), dataKeys: new DataKeys(wrong) }
    await assert.rejects(firstStart(db.open('api'), wrong, other), WrongMasterKey)
  })

  test('a data key of another account put into an account’s row does not open', async () => {
    const account = made.find((result) => result)?.account
    assert.ok(account)
    const keys = new DataKeys(master)
    const owner = db.open('migrate')
    const moved = await keys.newDataKey(owner, 'app_other')
    await owner.query`update account set data_key = ${moved} where id = ${account.id}`
    const api = db.open('api')
    await assert.rejects(
      api.transaction({ settings: visibleTo('sandbox', account.id) }, (tx) => keys.read(tx, account.id)),
      CannotOpen,
    )
  })
})
