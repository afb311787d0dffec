import { DataKeys, heldMasterKey, type MasterKey, WrongMasterKey } from '#src/accounts/encryption.ts'
import { loadMasterKey } from '#src/accounts/master-key.ts'
import { Operator } from '#src/accounts/operator.ts'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { type Connection, Database, type Role } from '#src/adapters/postgres/database.ts'
import { connectionToRunning, EmbeddedInUse, startEmbeddedPostgres } from '#src/adapters/postgres/embedded.ts'
import { missingMigrations } from '#src/adapters/postgres/migrate.ts'
import { withoutRequest } from '#src/audit/without-request.ts'
import { type Config, loadConfig } from '#src/config.ts'
import { preload } from '#src/updates/preload.ts'
import { type Commands, Refused } from './commands.ts'

/** Gives `work` the database: by URL, or the embedded one, started for the while when no service is running on it. */
export async function withConnection(
  config: Config,
  { output }: Commands,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  if (config.database) return await work(config.database)
  const log = {
    info: () => {},
    warn: (_: unknown, text: string) => output.message(text),
    error: (_: unknown, text: string) => output.message(text),
  }
  let server: Awaited<ReturnType<typeof startEmbeddedPostgres>>
  try {
    server = await startEmbeddedPostgres({ dataDir: config.dataDir, log })
  } catch (error) {
    if (!(error instanceof EmbeddedInUse)) throw error
    return await work(connectionToRunning(config.dataDir))
  }
  try {
    await work(server.connection)
  } finally {
    await server.stop()
  }
}

/** A database that the service has been started on, and what commands change it with. */
export type Installation = {
  connection: Connection
  /** Role `api`. */
  database: Database
  clock: DatabaseClock
  ids: IdSource
  /** @throws MasterKeyFault, WrongMasterKey */
  masterKey: () => Promise<MasterKey>
}

/** Gives `work` the installation. @throws Refused: it is not of this release, or has not been started */
export async function withInstallation(
  commands: Commands,
  work: (installation: Installation) => Promise<void>,
): Promise<void> {
  const config = loadConfig(commands.variables)
  await withConnection(config, commands, async (connection) => {
    const missing = await missingMigrations(connection)
    if (missing.length > 0) {
      throw new Refused('The database is not of this release yet: start the service on it, or run the command migrate.')
    }
    const database = openDatabase(connection, 'api')
    try {
      const clock = await readClock(database)
      const masterKey = async () => {
        const master = await loadMasterKey(config.masterKeyFile, { create: false })
        if (!(await heldMasterKey(database, master))) throw new WrongMasterKey()
        return master
      }
      if (!(await hasStarted(database))) {
        throw new Refused(
          'The service has not been started on this database yet: its first start makes the environments.',
        )
      }
      await work({ connection, database, clock, ids: new IdSource(clock), masterKey })
    } finally {
      await database.close()
    }
  })
}

/** Gives `work` an operator of the installation, and on demand its data keys. */
export async function withOperator(
  commands: Commands,
  work: (operator: Operator, dataKeys: () => Promise<DataKeys>) => Promise<void>,
): Promise<void> {
  await withInstallation(commands, async ({ database, clock, ids, masterKey }) => {
    const record = withoutRequest(ids, 'command_line')
    const operator = new Operator(database, { clock, ids, preload, record })
    await work(operator, async () => new DataKeys(await masterKey()))
  })
}

/** A master key is written by the first start, together with the environments. */
async function hasStarted(database: Database): Promise<boolean> {
  return (await database.query`select id from master_key limit 1`).length > 0
}

export async function readClock(database: Database): Promise<DatabaseClock> {
  const clock = new DatabaseClock()
  const askedAt = performance.now()
  const [row] = await database.query<{ now: Date }>`select clock_timestamp() as now`
  if (row) clock.correct(row.now, askedAt, performance.now())
  return clock
}

/** A pool for a command, which does one thing after the other. */
export function openDatabase(connection: Connection, role: Role): Database {
  return new Database(connection, {
    role,
    connectionsMax: 2,
    applicationName: 'producersync-admin',
    statementTimeoutMs: 10_000,
    queryTimeoutMs: 15_000,
  })
}
