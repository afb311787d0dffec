import { DataKeys, heldMasterKey, type MasterKey, type SealingKey } from '#src/accounts/encryption.ts'
import { loadMasterKey } from '#src/accounts/master-key.ts'
import { type Connection, type Database, DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import { durabilityFaults } from '#src/adapters/postgres/durability.ts'
import { SchemaError, schemaDifference } from '#src/adapters/postgres/migrate.ts'
import { roleFaults } from '#src/adapters/postgres/roles.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { Config } from '#src/config.ts'
import { readDatabase } from '#src/operate/health-store.ts'
import { type Check, failed, ok, PAGES, skipped, type Verdict, warning } from './finding.ts'

const CONNECTIONS_SHARE_MAX = 0.9
const SKEW_WARN_MS = 5_000
const SKEW_FAIL_MS = 60_000
/** Housekeeping makes them seven days ahead, every hour. */
const PARTITION_DAYS_FEW = 5
const PARTITION_DAYS_TOO_FEW = 1
const ACCOUNTS_TRIED = 100

/** Whether the service could start on this database: looked at first, since all else rests on it. */
export function footingChecks(connection: Connection): Check[] {
  return [
    { check: 'database', page: PAGES.install, look: () => reached(connection) },
    { check: 'roles', page: PAGES.install, look: async () => roles(await roleFaults(connection)) },
    { check: 'schema', page: PAGES.upgrade, look: () => schema(connection) },
  ]
}

/** @param database  role `worker` · `api`: role `api` */
export function databaseChecks(database: Database, api: Database, config: Config): Check[] {
  return [
    { check: 'durability', page: PAGES.runbook('database-not-durable'), look: () => durability(database) },
    { check: 'row-security', page: PAGES.upgrade, look: () => rowSecurity(database) },
    { check: 'secrets', page: PAGES.backups, look: () => secrets(database, api, config) },
    { check: 'partitions', page: PAGES.runbook('retention-stuck'), look: () => partitions(database) },
    { check: 'connections', page: PAGES.runbook('pool-exhausted'), look: () => connections(database) },
    { check: 'clock', page: PAGES.doctor, look: () => clock(database) },
  ]
}

async function reached(connection: Connection): Promise<Verdict> {
  try {
    await roleFaults(connection)
    return ok('The database answers.')
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable)) throw error
    return failed(
      `The database does not answer (${reasonOf(error)}).`,
      'Is it running, does DATABASE_URL name it, and does it let this machine and user in?',
    )
  }
}

function roles(faults: readonly string[]): Verdict {
  if (faults.length === 0) return ok('The logins may become their roles and nothing more.')
  return failed(faults.join(' '), 'psql -f packages/server/src/adapters/postgres/roles.sql, as an administrator')
}

async function schema(connection: Connection): Promise<Verdict> {
  try {
    const { missing, newer } = await schemaDifference(connection)
    if (missing.length === 0 && newer.length === 0) return ok('The schema is that of this release')
    if (missing.length === 0) {
      const text = `The schema is of a newer release (${newer.join(', ')}), with which this one works.`
      return warning(text, 'Bring this process up to the release of the others, or the others back to this one.')
    }
    const text = `${missing.length} migration(s) are missing, first ${missing[0]}.`
    return failed(text, 'Start the service, or: npm run -s admin -- migrate')
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    return failed(error.message, 'Run the release that the database is of, or a newer one.')
  }
}

async function durability(database: Database): Promise<Verdict> {
  const faults = await durabilityFaults(database)
  const { shown } = await readDatabase(database)
  if (faults.length === 0) return ok(`PostgreSQL ${shown.version} keeps what it acknowledges`)
  return failed(faults.join(' '), 'Change the settings of the server and restart it; until then nothing is accepted.')
}

/** Every table with rows of accounts is closed to whoever has not named the account, its owner too. */
async function rowSecurity(database: Database): Promise<Verdict> {
  const rows = await database.query<{ name: string; closed: boolean }>`
    select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as closed
      from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped)
     order by c.relname`
  const open = rows.filter(({ closed }) => !closed).map(({ name }) => name)
  if (open.length === 0) return ok(`${rows.length} tables with rows of accounts are closed by row level security`)
  const commands = open.map((name) => `alter table ${name} enable row level security, force row level security;`)
  return failed(`Row level security is off for ${open.join(', ')}.`, `As psapi_migrate: ${commands.join(' ')}`)
}

/** The keys of accounts open with the master key: those made last, and so those of the time restored to. */
async function secrets(database: Database, api: Database, config: Config): Promise<Verdict> {
  const [any] = await api.query`select id from master_key limit 1`
  if (!any) return skipped('The service has not been started on this database yet.')
  const master = await loadMasterKey(config.masterKeyFile, { create: false })
  const held = await heldMasterKey(api, master)
  if (!held) {
    const remedy = 'Point MASTER_KEY_FILE at the key that this database was used with; it is not in its backups.'
    return failed('The master key is not the one of this database.', remedy)
  }
  const keys = new DataKeys(master)
  const accounts = await database.query<{ id: string; data_key: Buffer }>`
    select id, data_key from account order by id desc limit ${ACCOUNTS_TRIED}`
  const lost = accounts.filter(({ id, data_key }) => !opens(keys, id, data_key)).map(({ id }) => id)
  if (lost.length === 0)
    return keyChange(master, held) ?? ok(`The master key opens the keys of ${accounts.length} accounts`)
  return failed(
    `The master key does not open the keys of ${lost.length} account(s), such as ${lost[0]}.`,
    'Their rows are damaged or of another database: restore them from a backup.',
  )
}

/** A change of the master key that has begun and not ended; undefined: none. */
function keyChange(master: MasterKey, held: SealingKey): Verdict | undefined {
  if (held !== master) {
    const text = 'MASTER_KEY_FILE begins with a new key, and the accounts are still under the former one.'
    return warning(text, 'When every process runs with both: npm run -s admin -- rewrap-keys')
  }
  if (!master.former?.length) return undefined
  const text = 'MASTER_KEY_FILE still has former keys, which open nothing here any more.'
  return warning(text, 'Take all lines but the first out of it, and restart the processes one after the other.')
}

function opens(keys: DataKeys, id: string, wrapped: Buffer): boolean {
  try {
    return keys.of(id, wrapped) !== undefined
  } catch {
    return false
  }
}

async function partitions(database: Database): Promise<Verdict> {
  const [row] = await database.query<{ days: number | null }>`
    select min(last)::int as days
      from (select max(to_date(right(c.relname, 8), 'YYYYMMDD')) - current_date as last
              from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where i.inhparent in ('event'::regclass, 'attempt'::regclass) and c.relname ~ '_[0-9]{8}$'
             group by i.inhparent) as parents`
  const days = row?.days ?? null
  if (days === null) return skipped('None are made before the first start.')
  const remedy = 'Start a process of the service, and look for housekeeping.failed in its log.'
  if (days < PARTITION_DAYS_TOO_FEW)
    return failed(`Partitions end in ${days} day(s): then nothing is accepted.`, remedy)
  const text = `Partitions are there for ${days} day(s) ahead`
  return days < PARTITION_DAYS_FEW ? warning(`${text}, and should be for 7.`, remedy) : ok(text)
}

async function connections(database: Database): Promise<Verdict> {
  const { shown } = await readDatabase(database)
  const text = `${shown.connections} of ${shown.connectionsMax} connections are in use`
  if (shown.connections < shown.connectionsMax * CONNECTIONS_SHARE_MAX) return ok(text)
  return warning(`${text}.`, 'Raise max_connections, or run fewer processes: one with all roles takes up to 40.')
}

/** Decisions take the database's time; this clock judges certificates and stands in logs. */
async function clock(database: Database): Promise<Verdict> {
  const askedAtMs = Date.now()
  const [row] = await database.query<{ now: Date }>`select clock_timestamp() as now`
  const skewMs = row ? (askedAtMs + Date.now()) / 2 - row.now.getTime() : 0
  return skewVerdict(skewMs)
}

/** @param skewMs  how far this clock is ahead of the database's */
export function skewVerdict(skewMs: number): Verdict {
  const seconds = Math.abs(skewMs / 1000)
  if (seconds <= SKEW_WARN_MS / 1000) return ok('This clock agrees with the database’s to within 5 s')
  const text = `This clock is ${Math.round(seconds)} s ${skewMs > 0 ? 'ahead of' : 'behind'} the database’s.`
  const remedy = 'Let NTP set both: timedatectl set-ntp true'
  return seconds > SKEW_FAIL_MS / 1000 ? failed(text, remedy) : warning(text, remedy)
}
