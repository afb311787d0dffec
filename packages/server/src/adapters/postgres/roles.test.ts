import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../../test/postgres.ts'
import { withClient } from './client.ts'
import { type Connection, roles } from './connection.ts'
import { durabilityFaults } from './durability.ts'
import { ensureRoles, roleFaults } from './roles.ts'

let at: TestDatabase
const login = `login_${randomBytes(6).toString('hex')}`

beforeAll(async () => {
  at = await testDatabase({ empty: true })
  await asAdministrator(`create role ${login} login`)
})
afterAll(async () => {
  await asAdministrator(`drop owned by ${login}; drop role ${login}`)
  await at.close()
})

async function asAdministrator(text: string): Promise<void> {
  await withClient(at.superuserConnection, { applicationName: 'administrator', statementTimeoutMs: 30_000 }, (client) =>
    client.query(text),
  )
}

function as(user: string): Connection {
  if (!('socketDir' in at.connection)) throw new Error('the test server has a socket')
  return { ...at.connection, user }
}

describe('roles', () => {
  test('the embedded login may run the service, and has no rights without a role', async () => {
    expect(await roleFaults(at.connection)).toEqual([])
    await expect(
      withClient(at.connection, { applicationName: 'test', statementTimeoutMs: 30_000 }, (client) =>
        client.query('create table t (id int)'),
      ),
    ).rejects.toThrow(/permission denied/)
  })

  test('making them again changes nothing', async () => {
    if (!('socketDir' in at.connection)) throw new Error('the test server has a socket')
    await ensureRoles(at.superuserConnection, at.connection.database)
    expect(await roleFaults(at.connection)).toEqual([])
  })

  test.each(roles)('%s has a connection, and only migrate may create', async (role) => {
    const database = at.open(role)
    const [row] = await database.query`
      select has_schema_privilege('public', 'create') as creates, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb as powerful
        from pg_roles where rolname = current_user`
    expect(row).toEqual({ creates: role === 'migrate', powerful: false })
  })

  test('a superuser is refused', async () => {
    expect(await roleFaults(at.superuserConnection)).toEqual([expect.stringMatching(/"postgres" is a superuser/)])
  })

  test('a user who may not take the roles is refused, naming each, until roles.sql has been run for him', async () => {
    expect(await roleFaults(as(login))).toEqual(
      roles.map(
        (role) => `The database user "${login}" may not become "psapi_${role}". Run roles.sql once for this user.`,
      ),
    )
    await asAdministrator(`grant psapi_migrate, psapi_api, psapi_accept, psapi_worker, psapi_updates to ${login}`)
    expect(await roleFaults(as(login))).toEqual([])
  })

  test('a user with BYPASSRLS is refused', async () => {
    await asAdministrator(`alter role ${login} bypassrls`)
    expect(await roleFaults(as(login))).toContain(
      `The database user "${login}" has BYPASSRLS. Take it away: alter role "${login}" nobypassrls.`,
    )
    await asAdministrator(`alter role ${login} nobypassrls`)
  })

  test('each login of its own is looked at', async () => {
    const url = (user: string) => {
      if (!('socketDir' in at.connection)) throw new Error('the test server has a socket')
      const { socketDir, port, database } = at.connection
      return `postgres://${user}@/${database}?host=${encodeURIComponent(socketDir)}&port=${port}&options=-c%20work_mem%3D5MB`
    }
    expect(await roleFaults({ url: url('psapi') })).toEqual([])
    expect(await roleFaults({ url: url('psapi'), roleUrls: { api: url('postgres') } })).toEqual([
      expect.stringMatching(/"postgres" is a superuser/),
    ])
    const options = { role: 'api', applicationName: 'by-url', statementTimeoutMs: 77 } as const
    const shown = await withClient({ url: url('psapi') }, options, (client) =>
      client.query(`select current_user::text, current_setting('work_mem') as work_mem, current_setting('statement_timeout') as timeout,
                           current_setting('application_name') as name`),
    )
    expect(shown.rows).toEqual([{ current_user: 'psapi_api', work_mem: '5MB', timeout: '77ms', name: 'by-url' }])
  })
})

describe('durability', () => {
  test('a server that does not wait for its disk is refused, for each reason', async () => {
    // the server of the tests runs like that, to be quick
    expect(await durabilityFaults(at.open('worker'))).toEqual([
      expect.stringMatching(/^fsync is off: .*Set fsync = on/),
      expect.stringMatching(/^full_page_writes is off/),
    ])
  })

  test.each([
    ['on', true],
    ['remote_apply', true],
    ['off', false],
    ['local', false],
    ['remote_write', false],
  ])('synchronous_commit = %s: good is %s', async (value, good) => {
    const faults = await at
      .open('worker')
      .transaction({ settings: { synchronous_commit: value } }, async (tx) => await durabilityFaults(tx))
    expect(faults.some((fault) => fault.startsWith(`synchronous_commit is ${value}`))).toBe(!good)
  })
})
