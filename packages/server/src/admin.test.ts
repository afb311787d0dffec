import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { createAccess } from '#src/accounts/access.ts'
import { grantOf } from '#src/accounts/clients.ts'
import { DataKeys } from '#src/accounts/encryption.ts'
import { firstStart } from '#src/accounts/first-start.ts'
import { loadMasterKey } from '#src/accounts/master-key.ts'
import { visibleTo } from '#src/accounts/principal.ts'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { type Connection, Database } from '#src/adapters/postgres/database.ts'
import { startEmbeddedPostgres } from '#src/adapters/postgres/embedded.ts'
import { DomainError } from '#src/domain-error.ts'
import { issueToken, openSession, sessionsOfCookie } from '#src/portal/session-store.ts'
import { preload } from '#src/updates/preload.ts'
import { type TestDatabase, testDatabase } from '../test/postgres.ts'
import { runAdmin } from './admin.ts'

const folder = mkdtempSync(join(tmpdir(), 'admin-test-'))
const masterKeyFile = join(folder, 'master-key')
const clock = new DatabaseClock()
let db: TestDatabase
let api: Database

beforeAll(async () => {
  db = await testDatabase()
  api = db.open('api')
  await start(api)
})
afterAll(async () => {
  await db.close()
  rmSync(folder, { recursive: true })
})

/** What the service does to a database at its first start. */
async function start(database: Database): Promise<void> {
  const master = await loadMasterKey(masterKeyFile, { create: true })
  await firstStart(database, master, { clock, ids: new IdSource(clock), dataKeys: new DataKeys(master), preload })
}

function urlOf(connection: Connection): string {
  assert.ok('socketDir' in connection)
  const { socketDir, port, database, user } = connection
  return `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(socketDir)}`
}

type Run = { code: number; results: string[]; messages: string[] }

async function run(args: string[], variables: Record<string, string> = {}): Promise<Run> {
  const results: string[] = []
  const messages: string[] = []
  const url = urlOf(db.connection)
  const code = await runAdmin(
    args,
    { DATABASE_URL: url, MASTER_KEY_FILE: masterKeyFile, ...variables },
    { result: (text) => void results.push(text), message: (text) => void messages.push(text) },
  )
  return { code, results, messages }
}

/** The one JSON object that a command printed. */
async function json<T>(args: string[], variables?: Record<string, string>): Promise<T> {
  const { code, results, messages } = await run([...args, '--json'], variables)
  assert.equal(code, 0, messages.join('\n'))
  assert.equal(results.length, 1)
  return JSON.parse(results[0] ?? '')
}

type ClientAnswer = { id: string; secretId: string; secret: string }

describe('accounts and clients', () => {
  test('account create with a client gives credentials that work, once, on standard output alone', async () => {
    const { code, results, messages } = await run([
      'account',
      'create',
      '--environment',
      'production',
      '--name',
      'Contoso',
      '--client',
    ])
    assert.equal(code, 0)
    const [, id = ''] = /^client id +(\S+)$/m.exec(results.join('\n')) ?? []
    const [, secret = ''] = /^client secret +(\S+)$/m.exec(results.join('\n')) ?? []
    assert.ok(!messages.join('\n').includes(secret))
    const grant = await grantOf(api, id, secret)
    assert.equal(grant?.environment, 'production')
    assert.deepEqual(grant?.scopes, ['producersync.read', 'producersync.write', 'webhooks'])
    const listed = await run(['account', 'list'])
    assert.ok(listed.results.join('\n').includes('Contoso'))
    assert.ok(!listed.results.join('\n').includes(secret))
  })

  test('a new sandbox account starts with the preloaded NPNs, a production account with none', async () => {
    const npns = async (environment: string) => {
      const args = ['account', 'create', '--environment', environment, '--name', 'Test']
      const { account } = await json<{ account: { id: string; populationMax: number } }>(args)
      const rows = await db.open('migrate').query<{ npn: number }>`
        select npn from population where account_id = ${account.id} and active order by npn`
      return [account.populationMax, ...rows.map(({ npn }) => npn)]
    }
    assert.deepEqual(await npns('sandbox'), [10_000, 15_645_555, 19_855_109])
    assert.deepEqual(await npns('production'), [1_000_000])
  })

  test('a uid is taken once per environment; names are checked as the API does', async () => {
    const create = (environment: string, ...more: string[]) =>
      run(['account', 'create', '--environment', environment, '--name', 'Test', ...more])
    assert.equal((await create('sandbox', '--uid', 'twice')).code, 0)
    const second = await create('sandbox', '--uid', 'twice')
    assert.deepEqual([second.code, second.messages], [1, ['An application with this uid exists.']])
    assert.equal((await create('production', '--uid', 'twice')).code, 0)
    const bad = await create('sandbox', '--uid', 'app_x')
    assert.equal(bad.code, 2)
    assert.match(bad.messages.join(), /^uid: must be/)
    // of both environments
    assert.equal((await run(['client', 'create', '--account', 'twice'])).code, 2)
    assert.equal((await run(['client', 'create', '--account', 'twice', '--environment', 'sandbox'])).code, 0)
  })

  test('client create, rotate, revoke: two secrets live side by side, and end one by one or with the client', async () => {
    const { account } = await json<{ account: { id: string } }>([
      'account',
      'create',
      '--environment',
      'sandbox',
      '--name',
      'Test',
    ])
    const { client } = await json<{ client: ClientAnswer }>([
      'client',
      'create',
      '--account',
      account.id,
      '--scope',
      'producersync.read',
    ])
    assert.deepEqual((await grantOf(api, client.id, client.secret))?.scopes, ['producersync.read'])
    const { client: second } = await json<{ client: ClientAnswer }>(['client', 'rotate', client.id])
    assert.ok(await grantOf(api, client.id, client.secret))
    assert.ok(await grantOf(api, client.id, second.secret))
    const third = await run(['client', 'rotate', client.id])
    assert.deepEqual([third.code, third.results], [1, []])
    assert.equal((await run(['client', 'revoke', client.id, '--secret', client.secretId])).code, 0)
    assert.equal((await run(['client', 'revoke', client.id, '--secret', client.secretId])).code, 1)
    assert.equal(await grantOf(api, client.id, client.secret), undefined)
    assert.ok(await grantOf(api, client.id, second.secret))
    const listed = await run(['client', 'list', '--account', account.id])
    assert.match(listed.results.join('\n'), new RegExp(`${client.secretId} +revoked .*\n +${second.secretId} +valid`))
    assert.equal((await run(['client', 'revoke', client.id])).code, 0)
    assert.equal(await grantOf(api, client.id, second.secret), undefined)
    for (const args of [
      ['revoke', client.id],
      ['rotate', client.id],
      ['rotate', 'client_x'],
      ['list', '--account', 'nobody'],
    ]) {
      assert.equal((await run(['client', ...args])).code, 1, args.join(' '))
    }
    assert.equal((await run(['client', 'create', '--account', account.id, '--scope', 'everything'])).code, 2)
  })
})

describe('login-link create, list, revoke', () => {
  type LinkAnswer = { id: string; url: string; accountId: string; expiresAt: string }
  const parts = { clock, ids: new IdSource(clock) }
  const spend = async (url: string) =>
    await openSession(api, parts, url.split('#key=')[1] ?? '', { embedded: false, former: undefined })
  const create = async (...more: string[]) => (await json<{ link: LinkAnswer }>(['login-link', 'create', ...more])).link
  let account: string

  beforeAll(async () => {
    const args = ['account', 'create', '--environment', 'production', '--name', 'Linked', '--uid', 'linked']
    account = (await json<{ account: { id: string } }>(args)).account.id
  })

  test('the link is shown once, lets in one session with the role’s rights, and is never listed', async () => {
    const variables = { PUBLIC_URL: 'https://hooks.example.com' }
    const { code, results, messages } = await run(
      ['login-link', 'create', '--account', 'linked', '--role', 'viewer'],
      variables,
    )
    assert.equal(code, 0)
    const [, url = ''] =
      /^link +(https:\/\/hooks\.example\.com\/portal\/login#key=lk_\w{43})$/m.exec(results.join('\n')) ?? []
    assert.ok(!messages.join().includes(url))
    const opened = await spend(url)
    assert.deepEqual([opened?.session.accountId, opened?.session.role], [account, 'viewer'])
    assert.deepEqual(opened?.session.capabilities, ['ViewBase'])
    assert.equal(await spend(url), undefined)
    const listed = (await run(['login-link', 'list', '--account', account])).results.join('\n')
    assert.match(listed, /^link_\w{27} {2}used \S+ {2}viewer {2}-$/m)
    assert.ok(!listed.includes(url.slice(-43)))
  })

  test('one for a person ends that person’s earlier unused ones alone', async () => {
    const [first, other] = [
      await create('--account', account, '--person', 'Ada'),
      await create('--account', account, '--person', 'Bob'),
    ]
    const second = await create('--account', account, '--person', 'Ada', '--role', 'admin', '--hours', '1')
    assert.ok(Math.abs(Date.parse(second.expiresAt) - Date.now() - 3_600_000) < 60_000)
    assert.equal(await spend(first.url), undefined)
    assert.equal((await spend(other.url))?.session.person, 'Bob')
    assert.ok((await spend(second.url))?.session.capabilities.includes('ManageAccount'))
  })

  test('revoke ends the link, and the session that was made from it with its tokens', async () => {
    const { id, url } = await create('--account', account)
    const opened = await spend(url)
    assert.ok(opened?.cookie)
    const { session } = opened
    const token = await api.transaction({ settings: visibleTo('production', account) }, (tx) =>
      issueToken(tx, parts, session),
    )
    const access = createAccess(api, clock)
    const principal = await access.authenticate(token?.token)
    assert.ok(principal.kind === 'app')
    assert.deepEqual([...principal.scopes], ['producersync.read', 'producersync.write'])
    assert.equal((await run(['login-link', 'revoke', id])).code, 0)
    assert.equal((await run(['login-link', 'revoke', id])).code, 1)
    assert.deepEqual(await sessionsOfCookie(api, opened.cookie, clock.now()), [])
    await assert.rejects(createAccess(api, clock).authenticate(token?.token), DomainError)
    const { id: unused, url: dead } = await create('--account', account)
    assert.equal((await run(['login-link', 'revoke', unused])).code, 0)
    assert.equal(await spend(dead), undefined)
  })

  test.each([
    [['--account', 'linked', '--hours', '0'], 2, /^hours: /],
    [['--account', 'linked', '--hours', '169'], 2, /^hours: /],
    [['--account', 'linked', '--hours', 'x'], 2, /^hours: /],
    [['--account', 'linked', '--person', ''], 2, /^person: /],
    [['--account', 'linked', '--role', 'owner'], 2, /role/],
    [['--account', 'nobody'], 1, /There is no account nobody/],
  ])('%j is refused', async (args, code, message) => {
    const refused = await run(['login-link', 'create', ...args])
    assert.equal(refused.code, code)
    assert.match(refused.messages.join('\n'), message)
    assert.deepEqual(refused.results, [])
  })
})

test('key create, list, revoke: the key works until it is revoked, and is never listed', async () => {
  const { key } = await json<{ key: { id: string; key: string } }>([
    'key',
    'create',
    '--environment',
    'production',
    '--name',
    'deploy',
  ])
  assert.equal((await createAccess(api, clock).authenticate(key.key)).environment, 'production')
  const listed = await run(['key', 'list'])
  assert.match(listed.results.join('\n'), new RegExp(`${key.id} +production +valid +deploy`))
  assert.ok(!listed.results.join('\n').includes(key.key))
  assert.equal((await run(['key', 'revoke', key.id])).code, 0)
  assert.equal((await run(['key', 'revoke', key.id])).code, 1)
  await assert.rejects(createAccess(api, clock).authenticate(key.key), DomainError)
})

describe('operator-link, audit verify', () => {
  test('staff come in by the link, to no account’s own session', async () => {
    const { link } = await json<{ link: { id: string; url: string } }>([
      ...['operator-link', '--environment', 'production', '--role', 'support', '--person', 'Grace'],
    ])
    const parts = { clock, ids: new IdSource(clock) }
    const key = link.url.split('#key=')[1] ?? ''
    const opened = await openSession(api, parts, key, { embedded: false, former: undefined })
    assert.deepEqual(
      [opened?.session.role, opened?.session.person, opened?.session.capabilities],
      ['support', 'Grace', []],
    )
    assert.equal((await run(['operator-link', '--role', 'admin'])).code, 2)
    assert.equal((await run(['operator-link', '--hours', '169'])).code, 2)
  })

  test('each command that changes something has left a line, and an altered one is found', async () => {
    const made = ['account', 'create', '--environment', 'sandbox', '--name', 'Audited', '--uid', 'audited', '--client']
    const { account, client } = await json<{ account: { id: string }; client: { id: string } }>(made)
    for (const args of [
      ['client', 'rotate', client.id],
      ['client', 'revoke', client.id],
      ['login-link', 'create', '--account', account.id, '--person', 'Ada'],
    ]) {
      assert.equal((await run(args)).code, 0, args.join(' '))
    }
    const verify = ['audit', 'verify', '--account', 'audited']
    assert.deepEqual(await json(verify), { lines: 4, brokenAt: null })
    const lines = await db.open('migrate').query<{ operation: string; actor_kind: string }>`
      select operation, actor_kind from audit where account_id = ${account.id} order by number`
    assert.deepEqual(
      lines.map(({ operation, actor_kind }) => [operation, actor_kind]),
      ['admin.account.create', 'admin.client.rotate', 'admin.client.revoke', 'admin.login-link.create'].map(
        (operation) => [operation, 'command_line'],
      ),
    )
    const owner = db.open('migrate')
    await owner.query`update audit set operation = 'admin.nothing' where account_id = ${account.id} and number = 2`
    const broken = await run(verify)
    assert.deepEqual([broken.code, broken.results.join('\n')], [1, '4 lines\nbroken at 2'])
  })
})

test('rewrap-keys with one key has nothing to do; purge removes what is past its time, and says what waits', async () => {
  const rewrapped = await json<{ rewrapped: number; masterKey: string }>(['rewrap-keys'])
  assert.equal(rewrapped.rewrapped, 0)
  assert.match(rewrapped.masterKey, /^[0-9a-f]{16}$/)
  const owner = db.open('migrate')
  const made = ['account', 'create', '--environment', 'sandbox', '--name', 'Ended', '--client', '--uid']
  const { account: hours } = await json<{ account: { id: string } }>([...made, 'ended-hours-ago'])
  const { account: minutes } = await json<{ account: { id: string } }>([...made, 'ended-minutes-ago'])
  await owner.query`update account set deleted_at = now() - interval '2 hours' where id = ${hours.id}`
  await owner.query`update account set deleted_at = now() - interval '2 minutes' where id = ${minutes.id}`
  assert.deepEqual(await json(['purge']), { endedAccounts: 1 })
  const left = await owner.query<{
    account_id: string
  }>`select account_id from oauth_client where account_id = any (${[hours.id, minutes.id]})`
  assert.deepEqual(left, [{ account_id: minutes.id }])
  assert.match((await run(['purge'])).results.join('\n'), /^Nothing is left that is past its time\.\n.*: 1 \(/)
  const rows = await owner.query`select 1 from audit where operation = 'admin.rewrap-keys'`
  assert.equal(rows.length, 2) // one in each environment
})

test('environment set changes what it is told, or nothing when one assignment is wrong', async () => {
  const set = await json<{ settings: Record<string, unknown> }>([
    'environment',
    'set',
    'sandbox',
    'httpsOnly=false',
    'timeoutMs=9000',
  ])
  assert.deepEqual([set.settings.httpsOnly, set.settings.timeoutMs], [false, 9_000])
  const wrong = await run(['environment', 'set', 'sandbox', 'timeoutMs=8000', 'endpointsMax=many'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.messages.join(), /endpointsMax: must be an integer/)
  assert.equal((await run(['environment', 'set', 'production', 'httpsOnly=false'])).code, 2)
  assert.equal((await run(['environment', 'set', 'staging', 'timeoutMs=8000'])).code, 2)
  const { settings } = await json<{ settings: Record<string, unknown> }>(['environment', 'show', 'sandbox'])
  assert.equal(settings.timeoutMs, 9_000)
  const back = await run(['environment', 'set', 'sandbox', 'timeoutMs=default'])
  assert.ok(back.results.join('\n').includes('timeoutMs=5000'))
})

describe('usage and configuration', () => {
  test('help has examples and exit code 0; wrong usage is exit code 2, with nothing on standard output', async () => {
    for (const args of [['--help'], ['account', '--help'], ['account', 'create', '--help'], ['help', 'client']]) {
      const { code, results } = await run(args)
      assert.equal(code, 0)
      assert.match(results.join('\n'), /Usage: admin/)
    }
    assert.match((await run(['--help'])).results.join('\n'), /Examples:\n +npm run -s admin -- account create/)
    const wrong = [
      [],
      ['nonsense'],
      ['account', 'create'],
      ['account', 'create', '--environment', 'staging', '--name', 'x'],
      ['key', 'revoke'],
      ['account', 'list', 'x'],
      ['environment', 'set', 'sandbox'],
    ]
    for (const args of wrong) {
      const { code, results, messages } = await run(args)
      assert.deepEqual([code, results], [2, []], args.join(' '))
      assert.ok(messages.length > 0)
    }
  })

  test('check-config prints the configuration without the database’s password, or names every fault', async () => {
    const fine = await run(['check-config'], { DATABASE_URL: 'postgresql://u:hunter2@h/d' })
    assert.equal(fine.code, 0)
    assert.ok(!JSON.stringify(fine).includes('hunter2'))
    const bad = await run(['check-config'], { PORT: 'x', ROLES: 'y', PSAPI_SERVER_DATADIR: 'z' })
    assert.deepEqual([bad.code, bad.results], [2, []])
    for (const name of ['PORT', 'ROLES', 'PSAPI_SERVER_DATADIR']) assert.ok(bad.messages.join('\n').includes(name))
    assert.equal((await run(['check-config'], { MASTER_KEY_FILE: join(folder, 'missing') })).code, 2)
  })

  test('a wrong master key makes no account', async () => {
    const other = join(folder, 'other-key')
    await loadMasterKey(other, { create: true })
    const args = ['account', 'create', '--environment', 'sandbox', '--name', 'Test']
    const { code, messages } = await run(args, { MASTER_KEY_FILE: other })
    assert.equal(code, 2)
    assert.match(messages.join(), /The master key is not the one/)
  })

  test('a database that is down is exit code 1 and a sentence', async () => {
    const { code, messages } = await run(['account', 'list'], { DATABASE_URL: 'postgresql://u@127.0.0.1:1/d' })
    assert.deepEqual([code, messages], [1, ['The database is unavailable (unreachable).']])
  })
})

test('migrate brings an empty database up to this release; before, and before the first start, the others say so', async () => {
  const empty = await testDatabase({ empty: true })
  const variables = { DATABASE_URL: urlOf(empty.connection) }
  try {
    const before = await run(['account', 'list'], variables)
    assert.deepEqual([before.code, before.messages.length], [1, 1])
    const check = await run(['migrate', '--check'], variables)
    assert.equal(check.code, 1)
    assert.match(check.results.join(), /001-who/)
    const { applied } = await json<{ applied: string[] }>(['migrate'], variables)
    assert.ok(applied.length >= 4)
    assert.equal((await run(['migrate', '--check'], variables)).code, 0)
    assert.deepEqual(await json(['migrate'], variables), { applied: [] })
    const notStarted = await run(['key', 'list'], variables)
    assert.equal(notStarted.code, 1)
    assert.match(notStarted.messages.join(), /has not been started/)
  } finally {
    await empty.close()
  }
})

test('the embedded database is reached while the service runs on it, and started for the while when none does', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'admin-test-data-')) // not inside `folder`, which the server's user may not enter
  const variables = { DATABASE_URL: '', PSAPI_SERVER_DATA_DIR: dataDir }
  assert.equal((await run(['migrate'], variables)).code, 0)
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const server = await startEmbeddedPostgres({ dataDir, log })
  const limits = { connectionsMax: 2, statementTimeoutMs: 5_000, queryTimeoutMs: 10_000 }
  const database = new Database(server.connection, { role: 'api', applicationName: 'test', ...limits })
  await start(database)
  const create = ['account', 'create', '--environment', 'sandbox', '--name']
  const { account: running } = await json<{ account: { id: string } }>([...create, 'While running'], variables)
  const [row] = await database.query<{ n: number }>`select count(*)::int as n from token_by_hash(${Buffer.alloc(32)})`
  assert.deepEqual(row, { n: 0 }) // the service's server was left alone
  await database.close()
  await server.stop()
  const { account: alone } = await json<{ account: { id: string } }>([...create, 'Alone'], variables)
  const { accounts } = await json<{ accounts: { id: string }[] }>(['account', 'list'], variables)
  const listed = accounts.map(({ id }) => id)
  assert.ok(listed.includes(running.id) && listed.includes(alone.id))
  rmSync(dataDir, { recursive: true })
})
