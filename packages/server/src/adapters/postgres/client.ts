import { Client } from 'pg'
import { type Connection, clientConfig, type SessionOptions } from './connection.ts'
import { DatabaseUnavailable, translate } from './errors.ts'

/** Nobody waits for what is done once: a server that is busy may take its time. */
const CONNECT_MS_MAX = 15_000

/**
 * Gives `work` a connection outside any pool, for what is done once: roles, migrations. Scripts of several statements are possible.
 * @throws DatabaseUnavailable, DatabaseBusy, or what `work` throws
 */
export async function withClient<T>(
  connection: Connection,
  options: SessionOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(clientConfig(connection, { connectTimeoutMs: CONNECT_MS_MAX, ...options }))
  let lost = false
  client.on('error', () => {
    lost = true
  })
  try {
    await client.connect()
  } catch (error) {
    const translated = translate(error)
    throw translated instanceof DatabaseUnavailable ? translated : new DatabaseUnavailable('unreachable', error)
  }
  try {
    return await work(client)
  } catch (error) {
    throw lost ? new DatabaseUnavailable('lost', error) : translate(error)
  } finally {
    await client.end()
  }
}
