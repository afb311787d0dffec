import type { Submittable, Connection as Wire } from 'pg'
import type { Sql } from './sql.ts'
import { parserOf, toParameter } from './values.ts'

type Field = { name: string; dataTypeID: number }
type Column = { name: string; parse: (text: string) => unknown }
export type Rows = Record<string, unknown>[]
export type Results = { rows: Rows[]; commands: string[] }

/**
 * Several statements sent in one go, with a single Sync behind them. Outside an explicit transaction PostgreSQL treats them as
 * one: all commit at the Sync, or none does (Protocol Message Flow, "Pipelining"). Each still sees what those before it did and
 * what others committed meanwhile, so a lock taken by one holds for the next.
 *
 * `pg` calls the `handle…` methods of whatever it is given to submit, in the order of the server's messages.
 */
export class Pipeline implements Submittable {
  /** Settles when the server has answered the Sync (or the connection ends): only then may the connection be used again. */
  readonly finished: Promise<Results>
  readonly #statements: Sql[]
  readonly #parameters: (string | Buffer | null)[][]
  readonly #prepared: Set<string>
  readonly #parsing: (string | undefined)[] = []
  readonly #results: Results = { rows: [], commands: [] }
  #columns: Column[] = []
  #rows: Rows = []
  #failure: unknown
  #resolve: (results: Results) => void
  #reject: (error: unknown) => void

  /**
   * @param prepared  names this connection has prepared; grows as the server confirms
   */
  constructor(statements: Sql[], prepared: Set<string>) {
    this.#statements = statements
    this.#prepared = prepared
    // before anything is written: a value that cannot be sent must leave the connection as it was
    this.#parameters = statements.map((statement) => statement.values.map(toParameter))
    const { promise, resolve, reject } = Promise.withResolvers<Results>()
    this.finished = promise
    this.#resolve = resolve
    this.#reject = reject
  }

  submit(wire: Wire): void {
    const sent = new Set<string>()
    wire.stream.cork()
    try {
      this.#statements.forEach((statement, index) => {
        const { name } = statement
        if (name === undefined || !(this.#prepared.has(name) || sent.has(name))) {
          wire.parse({ text: statement.text, name: name ?? '', types: [] }, true)
          this.#parsing.push(name)
          if (name !== undefined) sent.add(name)
        }
        wire.bind({ portal: '', statement: name ?? '', values: this.#parameters[index] ?? [] }, true)
        wire.describe({ type: 'P', name: '' }, true)
        wire.execute({}, true)
      })
      wire.sync()
    } finally {
      wire.stream.uncork()
    }
  }

  /** The server has parsed the next of the statements sent for parsing; it stays prepared even when the rest is rolled back. */
  parsed(): void {
    const name = this.#parsing.shift()
    if (name !== undefined) this.#prepared.add(name)
  }

  /** The server has answered the Sync. */
  finish(): void {
    if (this.#failure === undefined) this.#resolve(this.#results)
    else this.#reject(this.#failure)
  }

  /** Nothing more will come. What the server said before it went counts more than how the connection ended. */
  abandon(error: unknown): void {
    this.#reject(this.#failure ?? error)
  }

  handleRowDescription(message: { fields: Field[] }): void {
    this.#columns = message.fields.map((field) => ({ name: field.name, parse: parserOf(field.dataTypeID) }))
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    const row: Record<string, unknown> = {}
    // by index: no iterator for each row
    for (let index = 0; index < this.#columns.length; index += 1) {
      const column = this.#columns[index]
      const text = message.fields[index]
      if (column) row[column.name] = text === null || text === undefined ? null : column.parse(text)
    }
    this.#rows.push(row)
  }

  handleCommandComplete(message: { text: string }): void {
    this.#endStatement(message.text)
  }

  handleEmptyQuery(): void {
    this.#endStatement('')
  }

  handleError(error: unknown): void {
    this.#failure ??= error
  }

  handleReadyForQuery(): void {
    // the session listens for the message itself, which also comes after an error
  }

  handlePortalSuspended(): void {
    this.#failure ??= new Error('The server suspended a portal that has no row limit.')
  }

  handleCopyInResponse(wire: Wire): void {
    this.#failure ??= new Error('COPY is not a statement for the pool.')
    wire.stream.destroy()
  }

  handleCopyData(): void {
    this.#failure ??= new Error('COPY is not a statement for the pool.')
  }

  #endStatement(command: string): void {
    this.#results.rows.push(this.#rows)
    this.#results.commands.push(command)
    this.#rows = []
    this.#columns = []
  }
}
