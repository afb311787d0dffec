import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** What the setup of all tests provides: the socket of its PostgreSQL, and who may do anything there. */
type Provided = { superuserConnection: { socketDir: string; port: number; user: string } }

export type EmptyDatabase = { host: string; port: number; user: string; database: string }

/** A database with nothing in it, on a real PostgreSQL; it goes with its server, at the end of the run. */
export async function emptyDatabase(): Promise<EmptyDatabase> {
  const { superuserConnection: at } = inject('postgres' as never) as Provided
  const server = { host: at.socketDir, port: at.port, user: at.user }
  const database = `receiver_${randomBytes(8).toString('hex')}`
  const client = new pg.Client({ ...server, database: 'postgres' })
  await client.connect()
  await client.query(`create database ${database}`)
  await client.end()
  return { ...server, database }
}
