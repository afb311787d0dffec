import { Database, type Queryable, type TransactionOptions } from '#src/adapters/postgres/database.ts'
import { DatabaseUnavailable } from '#src/adapters/postgres/errors.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { queryableBy } from '../../test/queryable.ts'
import { Link, type Network } from './link.ts'
import { running, type VirtualTime } from './virtual-time.ts'

export type SimDatabaseParts = {
  time: VirtualTime
  network: Network
  /** The database's own time, as text. */
  nowText: () => string
  /** Told of each statement that has been executed, before its answer leaves. */
  onExecuted: (statement: Sql) => Promise<void>
}

/**
 * A process's pool of connections in the simulation: what it asks travels to the real database and back, and is executed there
 * one statement at a time, at the simulated moment of its arrival.
 */
export class SimDatabase extends Database {
  readonly #real: Database
  readonly #parts: SimDatabaseParts
  readonly #timeoutMs: number

  /** @param real  of the same role, shared by all processes */
  constructor(real: Database, timeoutMs: number, parts: SimDatabaseParts) {
    super(
      { url: '' },
      { role: 'worker', connectionsMax: 0, applicationName: '', statementTimeoutMs: 0, queryTimeoutMs: 0 },
    )
    this.#real = real
    this.#parts = parts
    this.#timeoutMs = timeoutMs
  }

  override async transactionBatch<Row>(statements: Sql[]): Promise<Row[][]> {
    return await this.#call(this.#timeoutMs, async (link) => {
      await link.request()
      const done = await this.#execute(() => this.#real.transactionBatch<Row>([this.#setNow(), ...statements]))
      for (const statement of statements) await this.#parts.onExecuted(statement)
      await link.answer()
      return done().slice(1)
    })
  }

  override async transaction<T>(options: TransactionOptions, work: (tx: Queryable) => Promise<T>): Promise<T> {
    const { time } = this.#parts
    return await this.#call(options.timeoutMs ?? this.#timeoutMs, async (link) => {
      await link.request()
      time.enterWork()
      let isWorking = true
      const rest = () => {
        if (isWorking) time.leaveWork()
        isWorking = false
      }
      try {
        const result = await this.#real.transaction({}, async (tx) => {
          rest()
          await link.answer()
          const made = await work(this.#within(tx, link))
          await link.request() // commit
          time.enterWork()
          isWorking = true
          return made
        })
        rest()
        await link.answer()
        return result
      } finally {
        rest()
      }
    })
  }

  /** As long as a question takes whose answer the simulation itself has, by what is so when the question arrives. */
  async ask<T>(answer: () => T): Promise<T> {
    return await this.#call(this.#timeoutMs, async (link) => {
      await link.request()
      const answered = answer()
      await link.answer()
      return answered
    })
  }

  override async close(): Promise<void> {}

  #within(tx: Queryable, link: Link): Queryable {
    const run = async <Row>(statement: Sql): Promise<Row[]> => {
      await link.request()
      const done = await this.#execute(async () => {
        await tx.run(this.#setNow())
        return await tx.run<Row>(statement)
      })
      await this.#parts.onExecuted(statement)
      await link.answer()
      return done()
    }
    return queryableBy(run)
  }

  /** @returns what gives its result, or throws what it threw, once the answer has arrived */
  async #execute<T>(work: () => Promise<T>): Promise<() => T> {
    const { time } = this.#parts
    time.enterWork()
    try {
      const result = await work()
      return () => result
    } catch (error) {
      return () => {
        throw error
      }
    } finally {
      time.leaveWork()
    }
  }

  async #call<T>(timeoutMs: number, serve: (link: Link) => Promise<T>): Promise<T> {
    const life = running.getStore()
    if (!life) throw new Error('only a process of the simulation has a database')
    const link = new Link(life, this.#parts.network)
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      link.cut()
      late.reject(new DatabaseUnavailable('timed_out'))
    }, timeoutMs)
    const served = serve(link)
    served.catch(() => undefined)
    try {
      return await Promise.race([served, late.promise])
    } finally {
      clearTimeout(timer)
      link.close()
    }
  }

  #setNow(): Sql {
    return sql`select set_config('sim.now', ${this.#parts.nowText()}, false)`
  }
}
