import { Client, DatabaseError } from 'pg'
import { type Connection, clientConfig, type SessionOptions } from './connection.ts'
import { DatabaseUnavailable, isStalePlan, translate } from './errors.ts'
import { Pipeline, type Results } from './pipeline.ts'
import type { Sql } from './sql.ts'

const goodbyeTimeoutMs = 250

/** One connection to the server, used by one caller at a time. Lost once, it is never used again. */
export class Session {
  readonly #client: Client
  readonly #prepared = new Set<string>()
  #current: Pipeline | undefined
  #lost: DatabaseUnavailable | undefined
  #heardAtMs = performance.now()
  #onLost: () => void = () => {}

  private constructor(client: Client) {
    this.#client = client
    // a listener for life: an 'error' event nobody hears ends the process
    client.on('error', (error) => this.#lose(error))
    client.on('end', () => this.#lose(undefined))
  }

  /** @throws DatabaseUnavailable */
  static async connect(connection: Connection, options: SessionOptions): Promise<Session> {
    const client = new Client(clientConfig(connection, options))
    const session = new Session(client)
    try {
      await client.connect()
    } catch (error) {
      session.destroy()
      const translated = translate(error)
      throw translated instanceof DatabaseUnavailable
        ? translated
        : new DatabaseUnavailable('unreachable', clean(error))
    }
    client.connection.on('parseComplete', () => session.#current?.parsed())
    client.connection.on('readyForQuery', () => session.#ready())
    return session
  }

  get usable(): boolean {
    return this.#lost === undefined
  }

  /** No statement under way and no transaction open. */
  get atRest(): boolean {
    return this.usable && this.#current === undefined && this.#client.getTransactionStatus() === 'I'
  }

  /**
   * For how long the server has owed an answer and sent none.
   * @param nowMs  on the scale of `performance.now()`
   */
  silentForMs(nowMs: number): number {
    return this.#current === undefined ? 0 : nowMs - this.#heardAtMs
  }

  /** Called once, when the connection is lost or destroyed, also while nobody uses it. */
  onLost(callback: () => void): void {
    if (this.usable) this.#onLost = callback
    else callback()
  }

  /**
   * Sends statements in one round trip; outside a transaction they are one (see Pipeline).
   * @param deadlineMs  on the scale of `performance.now()`; when it passes, the connection is destroyed, as nobody knows what became
   *                    of the statements
   * @throws DatabaseUnavailable, DatabaseBusy('lock'), or the error of the first statement that failed
   */
  async execute(statements: Sql[], deadlineMs: number): Promise<Results> {
    while (this.#current) await this.#current.finished.catch(() => {})
    if (this.#lost) throw this.#lost
    const pipeline = new Pipeline(statements, this.#prepared)
    this.#current = pipeline
    this.#heardAtMs = performance.now()
    const timer = setTimeout(
      // an answer that has arrived during a stall of this process is read before the connection is given up
      () => setImmediate(() => this.#current === pipeline && this.#giveUp()),
      Math.max(0, deadlineMs - performance.now()),
    )
    try {
      this.#client.query(pipeline)
      return await pipeline.finished
    } catch (error) {
      if (isStalePlan(error)) this.destroy()
      throw translate(clean(error))
    } finally {
      clearTimeout(timer)
      if (this.#current === pipeline) this.#current = undefined
    }
  }

  /** Says goodbye to the server, and does not wait long for its answer. */
  async end(): Promise<void> {
    this.#lost ??= new DatabaseUnavailable('closed')
    const timer = setTimeout(() => this.#client.connection.stream.destroy(), goodbyeTimeoutMs)
    await this.#client.end()
    clearTimeout(timer)
  }

  /** Cuts the connection; the server rolls back what is open. */
  destroy(): void {
    this.#lose(new DatabaseUnavailable('closed'))
  }

  #ready(): void {
    this.#heardAtMs = performance.now()
    const finished = this.#current
    this.#current = undefined
    finished?.finish()
  }

  #giveUp(): void {
    this.#lose(new DatabaseUnavailable('timed_out'))
  }

  #lose(cause: unknown): void {
    if (this.#lost) return
    this.#lost = cause instanceof DatabaseUnavailable ? cause : new DatabaseUnavailable('lost', clean(cause))
    const current = this.#current
    this.#current = undefined
    current?.abandon(this.#lost)
    this.#client.connection.stream.destroy()
    this.#onLost()
  }
}

// Detail and values in messages are data of the rows concerned; errors reach logs.
function clean(error: unknown): unknown {
  if (error instanceof DatabaseError) {
    error.detail = undefined
    error.where = undefined
    if (error.code?.startsWith('22')) error.message = error.message.replace(/".*"/s, '"…"')
  }
  return error
}
