import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../../test/postgres.ts'
import { withClient } from './client.ts'
import { DatabaseUnavailable } from './database.ts'
import { migrate, missingMigrations, SchemaError, schemaDifference } from './migrate.ts'

let at: TestDatabase
let folder: string
let directory: URL

beforeEach(async () => {
  at = await testDatabase({ empty: true })
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  directory = pathToFileURL(`${folder}/`)
})
afterEach(async () => {
  await at.close()
  rmSync(folder, { recursive: true, force: true })
})

const write = (name: string, text: string) => writeFileSync(join(folder, name), text)

test('each migration is applied once, in order, by the role that owns the schema', async () => {
  write('001-first.sql', 'create table first (id int primary key); insert into first values (1);')
  write('002-second.sql', 'insert into first values (2);')
  expect(await migrate(at.connection, { directory })).toEqual(['001-first.sql', '002-second.sql'])
  write('003-third.sql', 'insert into first values (3);')
  expect(await missingMigrations(at.connection, { directory })).toEqual(['003-third.sql'])
  expect(await migrate(at.connection, { directory })).toEqual(['003-third.sql'])
  expect(await migrate(at.connection, { directory })).toEqual([])
  const database = at.open('migrate')
  expect(await database.query`select array_agg(id order by id) as ids from first`).toEqual([{ ids: [1, 2, 3] }])
  expect(await database.query`select tableowner::text as owner from pg_tables where tablename = 'first'`).toEqual([
    { owner: 'psapi_migrate' },
  ])
})

test('a fresh database lacks every migration', async () => {
  write('001-first.sql', 'select 1')
  expect(await missingMigrations(at.connection, { directory })).toEqual(['001-first.sql'])
})

test('four processes that start at once apply each migration once', async () => {
  write('001-first.sql', 'create table first (id int); select pg_sleep(0.2);')
  write('002-second.sql', 'insert into first values (2);')
  const script = `
    import { migrate } from ${JSON.stringify(new URL('migrate.ts', import.meta.url).href)}
    const [connection, directory] = process.argv.slice(1)
    console.log(JSON.stringify(await migrate(JSON.parse(connection), { directory: new URL(directory) })))`
  const started = Array.from({ length: 4 }, () => {
    const args = ['--input-type=module', '-e', script, JSON.stringify(at.connection), directory.href]
    return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  })
  const applied = await Promise.all(
    started.map(async (child): Promise<unknown[]> => {
      const exit = once(child, 'close')
      const [line] = await Promise.all([child.stdout.toArray(), exit])
      expect(child.exitCode).toBe(0)
      return JSON.parse(Buffer.concat(line).toString())
    }),
  )
  expect(applied.filter((names) => names.length > 0)).toEqual([['001-first.sql', '002-second.sql']])
  expect(await at.open('migrate').query`select count(*) as count from first`).toEqual([{ count: 1 }])
})

test('an applied migration that was edited is refused, by name, and nothing more is applied', async () => {
  write('001-first.sql', 'create table first (id int)')
  await migrate(at.connection, { directory })
  write('001-first.sql', 'create table first (id bigint)')
  write('002-second.sql', 'create table second (id int)')
  await expect(migrate(at.connection, { directory })).rejects.toThrow(SchemaError)
  await expect(missingMigrations(at.connection, { directory })).rejects.toThrow(/001-first\.sql was changed/)
  expect(await at.open('migrate').query`select to_regclass('second')::text as second`).toEqual([{ second: null }])
})

test('a schema of a newer release is refused', async () => {
  write('001-first.sql', 'select 1')
  write('002-newer.sql', 'select 1')
  await migrate(at.connection, { directory })
  rmSync(join(folder, '002-newer.sql'))
  await expect(migrate(at.connection, { directory })).rejects.toThrow(/002-newer\.sql.*newer/)
})

test('a schema of the next release is worked with when that says so, and of the one after it is refused', async () => {
  write('001-first.sql', 'select 1')
  write('002-second.sql', 'select 1')
  write('003-expands.sql', '-- why\n-- works with: 002\nselect 1')
  await migrate(at.connection, { directory })
  rmSync(join(folder, '003-expands.sql'))
  expect(await migrate(at.connection, { directory })).toEqual([])
  expect(await schemaDifference(at.connection, { directory })).toEqual({ missing: [], newer: ['003-expands.sql'] })
  rmSync(join(folder, '002-second.sql'))
  const refused = migrate(at.connection, { directory })
  await expect(refused).rejects.toThrow(/002-second\.sql, which this release does not know and does not work with/)
  write('002-second.sql', 'select 1')
  write('003-expands.sql', '-- why\n-- works with: 002\nselect 1')
  expect(await migrate(at.connection, { directory })).toEqual([]) // the newer program, back again
})

test('a database that was migrated before migrations said what they work with is gone on with', async () => {
  write('001-first.sql', 'select 1')
  await migrate(at.connection, { directory })
  await at.open('migrate').query`alter table schema_migration drop column works_with`
  write('002-second.sql', '-- works with: 001\nselect 1')
  expect(await missingMigrations(at.connection, { directory })).toEqual(['002-second.sql'])
  expect(await migrate(at.connection, { directory })).toEqual(['002-second.sql'])
})

test('a migration that fails leaves nothing of itself, and those before it stay', async () => {
  write('001-first.sql', 'create table first (id int)')
  write('002-second.sql', 'create table second (id int); select 1 / 0;')
  await expect(migrate(at.connection, { directory })).rejects.toThrow(/002-second\.sql failed: division by zero/)
  const database = at.open('migrate')
  expect(
    await database.query`select to_regclass('first')::text as first, to_regclass('second')::text as second`,
  ).toEqual([{ first: 'first', second: null }])
  write('002-second.sql', 'create table second (id int)')
  expect(await migrate(at.connection, { directory })).toEqual(['002-second.sql'])
})

test('a table in use is waited for', async () => {
  write('001-first.sql', 'create table first (id int)')
  await migrate(at.connection, { directory })
  write('002-second.sql', 'alter table first add name text')
  const options = { applicationName: 'traffic', statementTimeoutMs: 60_000, idleInTransactionMs: 60_000 }
  await withClient(at.superuserConnection, options, async (client) => {
    await client.query('create temporary table waiting (id text primary key); begin; lock table first')
    const migrated = migrate(at.connection, { directory })
    // a second transaction that waits: the first has given up its place, and let others by
    await client.query(`
      do $$ begin
        loop
          insert into waiting select virtualtransaction from pg_locks where not granted and relation = 'first'::regclass
            on conflict do nothing;
          exit when (select count(*) from waiting) = 2;
          perform pg_sleep(0.01);
        end loop;
      end $$`)
    await client.query('commit')
    expect(await migrated).toEqual(['002-second.sql'])
  })
})

test.each(['1-short.sql', '001_underscore.sql'])('a file named %s is refused', async (name) => {
  write(name, 'select 1')
  await expect(migrate(at.connection, { directory })).rejects.toThrow(SchemaError)
})

test('without a server it is DatabaseUnavailable', async () => {
  const nowhere = { socketDir: '/nonexistent', port: 1, database: 'x', user: 'x' }
  await expect(migrate(nowhere, { directory })).rejects.toThrow(DatabaseUnavailable)
})
