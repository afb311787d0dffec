import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import type { Sql } from '#src/adapters/postgres/sql.ts'
import { DomainError } from '#src/domain-error.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { type Access, createAccess } from './access.ts'
import { createClient, type NewSecret, revokeClient, revokeSecret, rotateSecret } from './clients.ts'
import { credentialHash, newCredential } from './credentials.ts'
import { DataKeys, sealingKey } from './encryption.ts'
import { firstStart } from './first-start.ts'
import { type Account, type Environment, type Principal, visibleTo } from './principal.ts'
import { changeAccount, createAccount, endAccount } from './store.ts'
import { createKey, insertAccessToken, revokeKey } from './tokens.ts'

const master = sealingKey(randomBytes(32))
const clock = new ManualClock('2026-03-06T16:41:07.120Z')
const ids = new IdSource(clock)
const dataKeys = new DataKeys(master)
const parts = { clock, ids, dataKeys, preload: async () => {} }
let db: TestDatabase
let api: Database

beforeAll(async () => {
  db = await testDatabase()
  api = db.open('api')
  await firstStart(api, master, parts)
})
afterAll(async () => await db.close())

async function within<T>(
  environment: Environment,
  accountId: string | undefined,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  return await api.transaction({ settings: visibleTo(environment, accountId) }, work)
}

async function account(environment: Environment, uid?: string): Promise<Account> {
  const made = await within(environment, undefined, (tx) =>
    createAccount(tx, parts, { environment, name: 'Test', uid }),
  )
  assert.ok(made)
  return made
}

async function client(of: Account): Promise<NewSecret> {
  return await within(of.environment, of.id, (tx) => createClient(tx, parts, of, { name: 'Test' }))
}

async function accessToken(of: Account, secret: NewSecret, scopes: Parameters<typeof insertAccessToken>[3]['scopes']) {
  const text = newCredential('at_')
  const grant = { ...secret, environment: of.environment, accountId: of.id, scopes }
  await within(of.environment, of.id, (tx) => insertAccessToken(tx, parts, grant, { text, scopes }))
  return text
}

async function key(environment: Environment) {
  return await within(environment, undefined, (tx) => createKey(tx, parts, { environment, name: 'test' }))
}

/** Two processes, as far as access goes: each with its own memory and its own connections. */
function twoProcesses(): [Access, Access] {
  return [createAccess(db.open('api'), clock), createAccess(db.open('api'), clock)]
}

function refusal(code: string) {
  return (error: unknown) => error instanceof DomainError && error.code === code
}

describe('tokens (webhook-api 2.1)', () => {
  test('missing, malformed, unknown, foreign-made and revoked tokens get the same refusal', async () => {
    const [access] = twoProcesses()
    const revoked = await key('sandbox')
    await within('sandbox', undefined, (tx) => revokeKey(tx, 'sandbox', revoked.id, clock.now()))
    const { secret } = await client(await account('sandbox'))
    const wrong = [
      undefined,
      '',
      'x',
      'sk_short',
      `sk_${'a'.repeat(44)}`,
      `${revoked.key} `,
      newCredential('sk_'),
      revoked.key,
      secret,
    ]
    const refusals = await Promise.all(
      wrong.map((token) =>
        access.authenticate(token).then(
          () => assert.fail('let in'),
          (error: DomainError) => [error.code, error.message],
        ),
      ),
    )
    assert.equal(new Set(refusals.map(String)).size, 1)
    assert.equal(refusals[0]?.[0], 'unauthenticated')
  })

  test('an environment key speaks for its environment, and no row level lets it see another', async () => {
    const [access] = twoProcesses()
    const { key: production } = await key('production')
    const principal = await access.authenticate(production)
    assert.deepEqual(
      [principal.kind, principal.environment, principal.accountId],
      ['environment_key', 'production', null],
    )
  })

  test('an access token with scope webhooks has the six capabilities of 2.2 and no feature flags', async () => {
    const [access] = twoProcesses()
    const of = await account('production')
    const token = await accessToken(of, await client(of), ['producersync.read', 'webhooks'])
    const principal = await access.authenticate(token)
    assert.ok(principal.kind === 'access')
    assert.equal(principal.accountId, of.id)
    assert.deepEqual([...principal.scopes], ['producersync.read', 'webhooks'])
    assert.deepEqual([...principal.capabilities].sort(), [
      'CreateAttempts',
      'ManageEndpoint',
      'ManageEndpointSecret',
      'ManageTransformations',
      'ViewBase',
      'ViewEndpointSecret',
    ])
    assert.equal(principal.featureFlags.size, 0)
  })

  test('an access token without scope webhooks has no capability at all', async () => {
    const [access] = twoProcesses()
    const of = await account('production')
    const token = await accessToken(of, await client(of), ['producersync.read', 'producersync.write'])
    const principal = await access.authenticate(token)
    assert.ok(principal.kind === 'access')
    assert.equal(principal.capabilities.size, 0)
  })

  test('an access token ends 3,600 s after it was made, to the millisecond, also where it is remembered', async () => {
    const [access] = twoProcesses()
    const of = await account('sandbox')
    const token = await accessToken(of, await client(of), ['webhooks'])
    const end = addMs(clock.now(), 3_600_000)
    clock.advanceTo(addMs(end, -1))
    await access.authenticate(token)
    clock.advanceTo(end)
    await assert.rejects(access.authenticate(token), refusal('unauthenticated'))
  })
})

describe('revocation holds in every process within 5 s (webhook-api 2.1, T08)', () => {
  type Case = { name: string; make: () => Promise<{ token: string; end: () => Promise<unknown> }> }
  const cases: Case[] = [
    {
      name: 'an environment key',
      make: async () => {
        const made = await key('sandbox')
        return {
          token: made.key,
          end: () => within('sandbox', undefined, (tx) => revokeKey(tx, 'sandbox', made.id, clock.now())),
        }
      },
    },
    {
      name: 'a client',
      make: async () => {
        const of = await account('production')
        const made = await client(of)
        const token = await accessToken(of, made, ['webhooks'])
        return {
          token,
          end: () =>
            within('production', of.id, (tx) => revokeClient(tx, { accountId: of.id, id: made.clientId }, clock.now())),
        }
      },
    },
    {
      name: 'the secret a token was got with',
      make: async () => {
        const of = await account('production')
        const made = await client(of)
        const token = await accessToken(of, made, ['webhooks'])
        const secret = { accountId: of.id, clientId: made.clientId, id: made.secretId }
        return { token, end: () => within('production', of.id, (tx) => revokeSecret(tx, secret, clock.now())) }
      },
    },
    {
      name: 'an account',
      make: async () => {
        const of = await account('sandbox')
        const token = await accessToken(of, await client(of), ['webhooks'])
        return { token, end: () => within('sandbox', undefined, (tx) => endAccount(tx, of, clock.now())) }
      },
    },
  ]

  test.each(cases)('$name', async ({ make }) => {
    const processes = twoProcesses()
    const { token, end } = await make()
    for (const access of processes) await access.authenticate(token)
    assert.ok(await end())
    clock.advanceMs(2_000)
    for (const access of processes) await assert.rejects(access.authenticate(token), refusal('unauthenticated'))
  })

  test('revoking one secret leaves the tokens of the other alone', async () => {
    const [access] = twoProcesses()
    const of = await account('production')
    const one = await client(of)
    const two = await within('production', of.id, (tx) =>
      rotateSecret(tx, parts, { accountId: of.id, id: one.clientId }),
    )
    const token = await accessToken(of, two, ['webhooks'])
    const first = { accountId: of.id, clientId: one.clientId, id: one.secretId }
    assert.ok(await within('production', of.id, (tx) => revokeSecret(tx, first, clock.now())))
    clock.advanceMs(2_000)
    await access.authenticate(token)
  })
})

test('a token is looked up once in 2 s, also when many requests bring it at once; so is an unknown one', async () => {
  const counting = countingStatements(db.open('api'))
  const access = createAccess(counting.database, clock)
  const { key: known } = await key('sandbox')
  await Promise.all(Array.from({ length: 50 }, () => access.authenticate(known)))
  await access.authenticate(known)
  assert.equal(counting.statements, 2) // and the key is noted as used, once in five minutes
  const guess = newCredential('sk_')
  for (let time = 0; time < 3; time += 1) await assert.rejects(access.authenticate(guess), refusal('unauthenticated'))
  assert.equal(counting.statements, 3)
  clock.advanceMs(2_000)
  await access.authenticate(known)
  await assert.rejects(access.authenticate(guess))
  assert.equal(counting.statements, 5)
})

test('an account that may be remembered is looked up once a second, also when many requests name it at once', async () => {
  const of = await account('sandbox')
  const { key: operatorKey } = await key('sandbox')
  const counting = countingStatements(db.open('api'))
  const access = createAccess(counting.database, clock)
  const operator = await access.authenticate(operatorKey)
  const before = counting.statements
  const lookUp = async () => await access.accountOf(operator, of.id, { maxAgeMs: 1_000 })
  await Promise.all(Array.from({ length: 50 }, lookUp))
  await lookUp()
  assert.equal(counting.statements - before, 1)
  clock.advanceMs(1_000)
  await Promise.all([lookUp(), lookUp()])
  assert.equal(counting.statements - before, 2)
})

describe('accounts by id and uid (webhook-api 2.1, 3, T04)', () => {
  async function principals() {
    const [access] = twoProcesses()
    const own = await account('sandbox', `own-${ids.next().ksuid}`)
    const foreign = await account('sandbox', `foreign-${ids.next().ksuid}`)
    const other = await account('production', `other-${ids.next().ksuid}`)
    const deleted = await account('sandbox', `deleted-${ids.next().ksuid}`)
    await within('sandbox', undefined, (tx) => endAccount(tx, deleted, clock.now()))
    const app = await access.authenticate(await accessToken(own, await client(own), ['webhooks']))
    const operator = await access.authenticate((await key('sandbox')).key)
    return { access, own, foreign, other, deleted, app, operator }
  }

  test('id and uid name the same account', async () => {
    const { access, own, app, operator } = await principals()
    for (const principal of [app, operator]) {
      assert.deepEqual(await access.accountOf(principal, own.id), own)
      assert.deepEqual(await access.accountOf(principal, own.uid ?? ''), own)
    }
  })

  test('foreign, deleted, unknown, malformed and other environments’ names get one identical refusal', async () => {
    const { access, own, foreign, other, deleted, app, operator } = await principals()
    const unknown = [
      ...[other, deleted].flatMap(({ id, uid }) => [id, uid ?? '']),
      `app_${ids.next().ksuid}`,
      'nobody',
      '',
      ' ',
      `app_${'z'.repeat(27)}`,
      `ep_${ids.next().ksuid}`,
      'a\u0000b',
      'x'.repeat(257),
      `${own.id} `,
    ]
    const asked: [Principal, string][] = [
      ...unknown.flatMap((name): [Principal, string][] => [
        [app, name],
        [operator, name],
      ]),
      [app, foreign.id],
      [app, foreign.uid ?? ''],
    ]
    const refusals = await Promise.all(
      asked.map(([principal, name]) =>
        access.accountOf(principal, name).then(
          () => assert.fail(`found ${JSON.stringify(name)}`),
          (error: DomainError) => `${error.code} ${error.message}`,
        ),
      ),
    )
    assert.deepEqual([...new Set(refusals)], ['not_found Entity not found'])
    assert.equal((await access.accountOf(operator, foreign.id)).id, foreign.id)
  })

  test('an account is read now, unless the caller takes one remembered for at most 1 s', async () => {
    const { access, own, operator } = await principals()
    const remembered = () => access.accountOf(operator, own.id, { maxAgeMs: 60_000 })
    assert.equal((await remembered()).name, 'Test')
    await within('sandbox', undefined, (tx) => changeAccount(tx, own, { name: 'Renamed' }, clock.now()))
    assert.equal((await access.accountOf(operator, own.id)).name, 'Renamed')
    clock.advanceMs(999)
    assert.equal((await remembered()).name, 'Test')
    clock.advanceMs(1)
    assert.equal((await remembered()).name, 'Renamed')
  })
})

test('10,000 look-ups of 20 accounts through few connections never see another account (T05)', async () => {
  const access = createAccess(db.open('api', { connectionsMax: 3 }), clock)
  const accounts = await Promise.all(Array.from({ length: 20 }, () => account('production')))
  const tokens = await Promise.all(accounts.map(async (of) => await accessToken(of, await client(of), ['webhooks'])))
  const people = await Promise.all(tokens.map((token) => access.authenticate(token)))
  for (let round = 0; round < 25; round += 1) {
    await Promise.all(
      people.flatMap((principal, index) =>
        accounts.map(async ({ id }, target) => {
          const found = await access.accountOf(principal, id).then(
            (account) => account.id,
            () => null,
          )
          assert.equal(found, index === target ? id : null)
        }),
      ),
    )
  }
})

test('without an account set, the API’s role sees no client, secret or token', async () => {
  for (const statement of [
    await api.query`select * from account`,
    await api.query`select * from oauth_client`,
    await api.query`select * from oauth_client_secret`,
    await api.query`select * from token`,
    await api.query`select * from environment`,
  ]) {
    assert.deepEqual(statement, [])
  }
})

test('only the hash of a token is stored', async () => {
  const { key: text, id } = await key('sandbox')
  const [row] = await db.open('migrate').query<{
    hash: Buffer
    whole: string
  }>`select hash, t::text as whole from token t where id = ${id}`
  assert.deepEqual(row?.hash, credentialHash(text))
  assert.ok(!row?.whole.includes(text.slice(3)))
})

function countingStatements(database: Database): { database: Database; readonly statements: number } {
  let statements = 0
  const transactionBatch = database.transactionBatch.bind(database)
  // a single statement is a batch of one
  database.transactionBatch = async <Row>(
    batch: Sql[],
    options?: Parameters<typeof transactionBatch>[1],
  ): Promise<Row[][]> => {
    statements += 1
    return await transactionBatch<Row>(batch, options)
  }
  return {
    database,
    get statements() {
      return statements
    },
  }
}
