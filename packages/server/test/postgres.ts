import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { withClient } from '#src/adapters/postgres/client.ts'
import { type Connection, inDatabase } from '#src/adapters/postgres/connection.ts'
import { Database, type DatabaseOptions, type Role, type TransactionOptions } from '#src/adapters/postgres/database.ts'

export type TestDatabase = {
  /** As the service connects: login `psapi`, which takes a role. */
  connection: Connection
  /** May do anything: to look behind row-level security, to end connections. */
  superuserConnection: Connection
  /** A pool of a role, closed with the test database. */
  open(role: Role, options?: Partial<DatabaseOptions>): Database
  close(): Promise<void>
}

/** For a transaction that is held open while the test looks at something else, on however slow a machine. */
export const HELD_OPEN: TransactionOptions = {
  timeoutMs: 60_000,
  settings: { idle_in_transaction_session_timeout: '0' },
}

/** On however slow a machine: of pools whose limits are not what is tested. */
const PATIENT_LIMITS = {
  connectionsMax: 4,
  statementTimeoutMs: 30_000,
  queryTimeoutMs: 60_000,
  waitMsMax: 30_000,
  connectTimeoutMs: 30_000,
  lockTimeoutMs: 30_000,
}

const sessionOptions = {
  applicationName: 'test',
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 30_000,
  connectTimeoutMs: 30_000,
}

/**
 * A database of its own for a test file, with all migrations applied; `close` removes it.
 * @param options  `empty`: with the roles only, nothing migrated
 */
export async function testDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const server = inject('postgres')
  const template = options.empty ? server.emptyTemplate : server.template
  const name = `test_${randomBytes(8).toString('hex')}`
  const maintenance = inDatabase(server.superuserConnection, 'postgres')
  await withClient(maintenance, sessionOptions, (client) =>
    client.query(`create database ${name} template ${template} strategy file_copy owner psapi_migrate`),
  )
  const connection = inDatabase(server.connection, name)
  const pools: Database[] = []
  return {
    connection,
    superuserConnection: inDatabase(server.superuserConnection, name),
    open(role, options = {}) {
      const pool = new Database(connection, { role, applicationName: `test-${role}`, ...PATIENT_LIMITS, ...options })
      pools.push(pool)
      return pool
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.close()))
      await withClient(maintenance, sessionOptions, (client) => client.query(`drop database ${name} with (force)`))
    },
  }
}
