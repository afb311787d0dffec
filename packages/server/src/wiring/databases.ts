import { SESSION_LIMITS } from '#src/adapters/postgres/connection.ts'
import { type Connection, Database, type Role } from '#src/adapters/postgres/database.ts'

export type Databases = Record<'api' | 'lists' | 'accept' | 'worker' | 'lease' | 'live' | 'updates' | 'feeds', Database>

/** Statements of the accept path at once; each waits for one commit (DESIGN, "Accept": 2 to 4). */
export const ACCEPT_STATEMENTS_MAX = 3
/** The longest that a call of the API may wait for the database: its refusal is to be out within 2 s, whatever else is going on. */
export const CALL_MS_MAX = 1_800

/** The longest wait for a free connection. */
const WAIT_MS_MAX = 2_000

/**
 * The pools of a process, one for each role and for what must not wait behind others.
 * @param patience  how many times these limits calls may take
 */
export function openDatabases(connection: Connection, patience: number): Databases {
  const open = (role: Role, name: string, connectionsMax: number, statementTimeoutMs: number, queryTimeoutMs: number) =>
    new Database(connection, {
      role,
      applicationName: `producersync-${name}`,
      connectionsMax,
      waitMsMax: WAIT_MS_MAX * patience,
      statementTimeoutMs: statementTimeoutMs * patience,
      queryTimeoutMs: queryTimeoutMs * patience,
      connectTimeoutMs: SESSION_LIMITS.connectTimeoutMs * patience,
      lockTimeoutMs: SESSION_LIMITS.lockTimeoutMs * patience,
      idleInTransactionMs: SESSION_LIMITS.idleInTransactionMs * patience,
    })
  return {
    api: open('api', 'api', 10, 2_000, CALL_MS_MAX),
    lists: open('api', 'lists', 4, 2_000, CALL_MS_MAX), // apart, so that none delays what is short
    accept: open('accept', 'accept', ACCEPT_STATEMENTS_MAX + 1, 2_000, CALL_MS_MAX),
    worker: open('worker', 'worker', 5, 5_000, 6_000),
    lease: open('worker', 'lease', 2, 1_000, 1_000), // apart, so that no heartbeat waits behind work
    live: open('worker', 'live', 1, 2_000, CALL_MS_MAX), // reads what is new for the streams of this process
    updates: open('updates', 'updates', 6, 5_000, 6_000),
    feeds: open('updates', 'feeds', 6, 60_000, 65_000), // apart: a run that publishes delays no population job
  }
}
