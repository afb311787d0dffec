import { Client } from 'pg'
import { type Connection, clientConfig, type Role } from './connection.ts'

const reconnectMsMin = 50
const reconnectMsMax = 1_000
const probeEveryMs = 5_000
const probeTimeoutMs = 2_000
const goodbyeTimeoutMs = 250

/**
 * Hears the notifications of one channel over a connection of its own, and reconnects for ever until closed. A notification is a
 * hint: those sent while the connection was down are gone, which `onReconnect` says.
 */
export class Listener {
  readonly #connection: Connection
  readonly #channel: string
  readonly #onMessage: (payload: string) => void
  readonly #onReconnect: () => void
  readonly #options: { role: Role; applicationName: string }
  #client: Client | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #failures = 0
  #tries = 0

  /**
   * @param channel  a plain lower-case identifier
   * @param onReconnect  called whenever the channel is heard after a failure: messages may have been missed
   */
  constructor(
    connection: Connection,
    channel: string,
    onMessage: (payload: string) => void,
    onReconnect: () => void,
    options: { role: Role; applicationName: string },
  ) {
    this.#connection = connection
    this.#channel = channel
    this.#onMessage = onMessage
    this.#onReconnect = onReconnect
    this.#options = options
  }

  /** Resolves when the channel is heard for the first time, or when the first try has failed; further tries follow by themselves. */
  async start(): Promise<void> {
    await this.#listen()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const client = this.#client
    this.#client = undefined
    if (!client) return
    const timer = setTimeout(() => client.connection.stream.destroy(), goodbyeTimeoutMs)
    await client.end()
    clearTimeout(timer)
  }

  async #listen(): Promise<void> {
    this.#tries += 1
    const client = new Client(clientConfig(this.#connection, { ...this.#options, statementTimeoutMs: probeTimeoutMs }))
    this.#client = client
    client.on('error', () => this.#lose(client))
    client.on('end', () => this.#lose(client))
    client.on('notification', ({ payload }) => this.#client === client && this.#onMessage(payload ?? ''))
    try {
      await client.connect()
      await this.#bounded(client, `listen ${client.escapeIdentifier(this.#channel)}`)
    } catch {
      this.#lose(client)
      return
    }
    if (this.#client !== client) return
    this.#failures = 0
    if (this.#tries > 1) this.#onReconnect()
    this.#probeLater(client)
  }

  // a connection cut without a word shows no error for minutes
  #probeLater(client: Client): void {
    this.#timer = setTimeout(() => {
      this.#bounded(client, 'select 1').then(
        () => this.#client === client && this.#probeLater(client),
        () => this.#lose(client),
      )
    }, probeEveryMs)
  }

  async #bounded(client: Client, text: string): Promise<void> {
    const timer = setTimeout(() => client.connection.stream.destroy(), probeTimeoutMs)
    try {
      await client.query(text)
    } finally {
      clearTimeout(timer)
    }
  }

  #lose(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    clearTimeout(this.#timer)
    client.connection.stream.destroy()
    if (this.#closed) return
    const waitMs = Math.min(reconnectMsMax, reconnectMsMin * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 10)
    this.#timer = setTimeout(() => void this.#listen(), waitMs)
  }
}
