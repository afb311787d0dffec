import type { Connection, Role, SessionOptions } from './connection.ts'
import { DatabaseUnavailable } from './errors.ts'
import { Pool } from './pool.ts'
import type { Session } from './session.ts'
import { type Sql, sql } from './sql.ts'

export type { Connection, Role } from './connection.ts'
export {
  DatabaseBusy,
  DatabaseUnavailable,
  isCheckViolation,
  isLockTimeout,
  isStorageFull,
  isUniqueViolation,
} from './errors.ts'

/** What runs statements: a pool, or one open transaction. `Row` names the columns as selected (see `parserOf` for their types). */
export interface Queryable {
  query<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]>
  run<Row>(statement: Sql): Promise<Row[]>
}

export type DatabaseOptions = {
  role: Role
  connectionsMax: number
  applicationName: string
  /** The server cancels a statement that takes longer. */
  statementTimeoutMs: number
  /** The longest wait for a free connection; default 2,000. */
  waitMsMax?: number
  /** The longest a call may take at this end, waiting included; then its connection is destroyed. */
  queryTimeoutMs: number
  /** How many callers may wait at once; default 10,000. */
  waitersMax?: number
} & Pick<SessionOptions, 'connectTimeoutMs' | 'lockTimeoutMs' | 'idleInTransactionMs'>

export type TransactionOptions = {
  /** Settings of this transaction alone (`SET LOCAL`). Afterwards a setting of one's own reads as '', not as null. */
  settings?: Record<string, string>
  readOnly?: boolean
  isolation?: 'repeatable read'
  /** The longest the call may take, waiting included, and the limit of each of its statements; default `queryTimeoutMs`. */
  timeoutMs?: number
}

/** A pool of connections of one role. Every call ends within its time limit, whatever the server or the network does. */
export class Database implements Queryable {
  readonly #pool: Pool
  readonly #queryTimeoutMs: number

  constructor(connection: Connection, options: DatabaseOptions) {
    const { queryTimeoutMs, waitMsMax = 2_000, waitersMax = 10_000, ...rest } = options
    this.#queryTimeoutMs = queryTimeoutMs
    this.#pool = new Pool(connection, { ...rest, waitMsMax, waitersMax })
  }

  get stats(): { total: number; idle: number; waiting: number } {
    return this.#pool.stats
  }

  /** Runs one statement on its own. @throws as `run` */
  async query<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]> {
    return await this.run<Row>(sql(strings, ...values))
  }

  /**
   * Runs one statement on its own.
   * @throws DatabaseUnavailable, DatabaseBusy, or what the server says of the statement (`isUniqueViolation` …)
   */
  async run<Row>(statement: Sql): Promise<Row[]> {
    const [rows = []] = await this.transactionBatch<Row>([statement])
    return rows
  }

  /**
   * Runs all statements as one transaction in one round trip: begin, all of them, commit. When one fails, none has any effect.
   * @returns the rows of each statement
   * @throws as `run`, with the error of the first statement that failed
   */
  async transactionBatch<Row>(
    statements: Sql[],
    options: Omit<TransactionOptions, 'readOnly' | 'isolation'> = {},
  ): Promise<Row[][]> {
    const deadlineMs = this.#deadline(options.timeoutMs)
    const settings = localSettings(options)
    const session = await this.#pool.acquire(deadlineMs)
    try {
      const { rows } = await session.execute(settings ? [settings, ...statements] : statements, deadlineMs)
      return rowsAs<Row>(settings ? rows.slice(1) : rows)
    } finally {
      this.#pool.release(session)
    }
  }

  /**
   * Runs `work` in a transaction: begun and set up in one round trip, committed when `work` returns, rolled back when it throws.
   * @throws what `work` throws; DatabaseUnavailable when the time is over or the commit is in doubt; otherwise as `run`
   */
  async transaction<T>(options: TransactionOptions, work: (tx: Queryable) => Promise<T>): Promise<T> {
    const deadlineMs = this.#deadline(options.timeoutMs)
    const session = await this.#pool.acquire(deadlineMs)
    const tx = new Transaction(session, deadlineMs)
    try {
      const settings = localSettings(options)
      await session.execute(settings ? [begin(options), settings] : [begin(options)], deadlineMs)
      const result = await within(deadlineMs, work(tx))
      tx.end()
      const { commands } = await session.execute([commit], deadlineMs)
      // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and no error
      if (commands[0] !== 'COMMIT') throw new Error('The transaction was rolled back: a statement in it had failed.')
      return result
    } catch (error) {
      tx.end()
      await rollBack(session)
      throw error
    } finally {
      this.#pool.release(session)
    }
  }

  /** Refuses new calls, lets running ones end within `msMax`, cuts the others, and closes all connections. */
  async close(msMax = CLOSE_MS_MAX): Promise<void> {
    await this.#pool.close(msMax)
  }

  #deadline(timeoutMs = this.#queryTimeoutMs): number {
    return performance.now() + timeoutMs
  }
}

class Transaction implements Queryable {
  readonly #session: Session
  readonly #deadlineMs: number
  #ended = false

  constructor(session: Session, deadlineMs: number) {
    this.#session = session
    this.#deadlineMs = deadlineMs
  }

  async query<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]> {
    return await this.run<Row>(sql(strings, ...values))
  }

  async run<Row>(statement: Sql): Promise<Row[]> {
    // the connection may already serve another caller
    if (this.#ended) throw new Error('The transaction has ended.')
    const { rows } = await this.#session.execute([statement], this.#deadlineMs)
    return rowsAs<Row>(rows)[0] ?? []
  }

  end(): void {
    this.#ended = true
  }
}

const commit = sql`commit`
const rollback = sql`rollback`
const rollbackTimeoutMs = 1_000
const CLOSE_MS_MAX = 250

function begin({ readOnly, isolation }: TransactionOptions): Sql {
  if (isolation)
    return readOnly ? sql`begin isolation level repeatable read read only` : sql`begin isolation level repeatable read`
  return readOnly ? sql`begin read only` : sql`begin`
}

function localSettings({ settings, timeoutMs }: TransactionOptions): Sql | undefined {
  const all = { ...(timeoutMs === undefined ? {} : { statement_timeout: String(timeoutMs) }), ...settings }
  const names = Object.keys(all)
  if (names.length === 0) return undefined
  return sql`
    select set_config(name, value, true) from unnest(${names}::text[], ${Object.values(all)}::text[]) as setting (name, value)`
}

async function within<T>(deadlineMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new DatabaseUnavailable('timed_out')),
    Math.max(0, deadlineMs - performance.now()),
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

// A connection that cannot roll back is cut instead: the server then does it.
async function rollBack(session: Session): Promise<void> {
  if (!session.usable || session.atRest) return
  try {
    await session.execute([rollback], performance.now() + rollbackTimeoutMs)
  } catch {
    session.destroy()
  }
}

// The statement and the type of its rows stand side by side at the caller, who maps them once.
function rowsAs<Row>(rows: Record<string, unknown>[][]): Row[][] {
  return rows as Row[][]
}
