import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { withClient } from './client.ts'
import type { Connection } from './connection.ts'
import { DatabaseUnavailable, isLockTimeout, translate } from './errors.ts'

/** The schema of the database is not one this release can work with, or cannot be made one; the message says what to do. */
export class SchemaError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'SchemaError'
  }
}

export type MigrateOptions = {
  /** Folder of `NNN-name.sql`; default: those of the service. */
  directory?: URL
  /** Another process may be migrating: the longest wait for it, default 60,000. */
  waitMsMax?: number
}

/** `worksWith`: programs that know the migration of this number run on the schema that this one leaves; null: only those that know it. */
type Migration = { number: number; name: string; text: string; sha256: string; worksWith: number | null }
type Applied = { number: number; name: string; sha256: string; works_with: number | null }

const lockKey = '7310823957125' // any fixed number, the same in every process
const sessionOptions = {
  role: 'migrate',
  applicationName: 'producersync-migrate',
  statementTimeoutMs: 0,
} as const
const lockTriesPerMigration = 20
const serviceMigrations = new URL('migrations/', import.meta.url)

/**
 * Brings the schema up to this release: each missing migration in a transaction of its own, all under one advisory lock, so that any
 * number of processes may call this at once.
 * @returns the names of the migrations applied now
 * @throws SchemaError: an applied migration was edited or is unknown, or one fails; DatabaseUnavailable
 */
export async function migrate(connection: Connection, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = readMigrations(options.directory ?? serviceMigrations)
  return await withClient(connection, sessionOptions, async (client) => {
    await takeLock(client, options.waitMsMax ?? 60_000)
    await client.query(`
      create table if not exists schema_migration (
        number int primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now());
      grant select on schema_migration to psapi_api, psapi_accept, psapi_worker, psapi_updates`)
    await addWorksWith(client)
    const { missing } = compare(migrations, await readApplied(client))
    for (const migration of missing) await apply(client, migration)
    return missing.map(({ name }) => name)
  })
}

/** What this release and the database do not have in common: names of migrations, both empty when the schema is as expected. */
export type SchemaDifference = {
  missing: string[]
  /** Of a newer release, which has said that this one works on its schema. */
  newer: string[]
}

/** @throws SchemaError as `migrate`, DatabaseUnavailable */
export async function schemaDifference(
  connection: Connection,
  options: MigrateOptions = {},
): Promise<SchemaDifference> {
  const migrations = readMigrations(options.directory ?? serviceMigrations)
  return await withClient(connection, sessionOptions, async (client) => {
    const { rows } = await client.query<{ made: boolean }>(`select to_regclass('schema_migration') is not null as made`)
    const { missing, newer } = compare(migrations, rows[0]?.made ? await readApplied(client) : [])
    return { missing: missing.map(({ name }) => name), newer: newer.map(({ name }) => name) }
  })
}

/** The names of the migrations this release has and the database lacks. @throws as `schemaDifference` */
export async function missingMigrations(connection: Connection, options: MigrateOptions = {}): Promise<string[]> {
  return (await schemaDifference(connection, options)).missing
}

/** The names of the migrations that this release has. */
export function migrationNames(): string[] {
  return readMigrations(serviceMigrations).map(({ name }) => name)
}

function readMigrations(directory: URL): Migration[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.sql'))
  let before = 0
  const migrations = names.sort().map((name) => {
    const number = Number(/^(\d{3})-[a-z0-9-]+\.sql$/.exec(name)?.[1])
    if (!(number > before))
      throw new SchemaError(`Migration ${name} should have a number of its own, as 001-what-it-does.sql.`)
    before = number
    const text = readFileSync(new URL(name, directory), 'utf8')
    const worksWith = /^-- works with: (\d{3})$/m.exec(text)?.[1]
    const sha256 = createHash('sha256').update(text).digest('hex')
    return { number, name, text, sha256, worksWith: worksWith === undefined ? null : Number(worksWith) }
  })
  return migrations
}

/** Not `add column if not exists`: that waits for whoever reads the table, a backup for hours. */
async function addWorksWith(client: Client): Promise<void> {
  const { rowCount } = await client.query(
    `select from pg_attribute where attrelid = 'schema_migration'::regclass and attname = 'works_with' and not attisdropped`,
  )
  if (rowCount === 0) await client.query('alter table schema_migration add column works_with int')
}

async function readApplied(client: Client): Promise<Applied[]> {
  // the column is younger than the table
  const { rows } = await client.query<Applied>(
    `select number, name, sha256, (to_jsonb(m) ->> 'works_with')::int as works_with from schema_migration m order by number`,
  )
  return rows
}

function compare(migrations: Migration[], applied: Applied[]): { missing: Migration[]; newer: Applied[] } {
  const known = new Map(migrations.map((migration) => [migration.number, migration]))
  const newest = migrations.at(-1)?.number ?? 0
  const newer: Applied[] = []
  for (const row of applied) {
    const migration = known.get(row.number)
    if (!migration) {
      if (row.works_with === null || row.works_with > newest)
        throw new SchemaError(
          `The database has migration ${row.name}, which this release does not know and does not work with: it is of a newer one. Start that.`,
        )
      newer.push(row)
      continue
    }
    if (migration.sha256 !== row.sha256)
      throw new SchemaError(
        `Migration ${migration.name} was changed after it had been applied. Restore it, and put the change into a new migration.`,
      )
    known.delete(row.number)
  }
  return { missing: [...known.values()], newer }
}

async function apply(client: Client, migration: Migration): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query('begin')
      await client.query(migration.text)
      const { number, name, sha256, worksWith } = migration
      const row = [number, name, sha256, worksWith]
      await client.query('insert into schema_migration (number, name, sha256, works_with) values ($1, $2, $3, $4)', row)
      await client.query('commit')
      return
    } catch (error) {
      await client.query('rollback').catch(() => {})
      const translated = translate(error)
      if (translated instanceof DatabaseUnavailable) throw translated
      if (isLockTimeout(translated) && attempt < lockTriesPerMigration) {
        // who waits for a lock holds up all who come after: traffic of the running release is let by in between
        await sleep(Math.min(1_000, 100 * attempt))
        continue
      }
      throw new SchemaError(
        `Migration ${migration.name} failed: ${error instanceof Error ? error.message : String(error)}`,
        error,
      )
    }
  }
}

async function takeLock(client: Client, waitMsMax: number): Promise<void> {
  const deadlineMs = performance.now() + waitMsMax
  for (;;) {
    try {
      await client.query(`select pg_advisory_lock(${lockKey})`)
      return
    } catch (error) {
      if (!isLockTimeout(error)) throw translate(error)
      if (performance.now() > deadlineMs)
        throw new SchemaError(
          'Another process has been migrating the database for too long; see pg_stat_activity.',
          error,
        )
    }
  }
}
