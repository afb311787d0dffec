import type { Queryable } from './database.ts'
import { sql } from './sql.ts'

const versionMin = 15
const versionMax = 18

type Row = { version: number; fsync: string; full_page_writes: string; synchronous_commit: string; standby: boolean }

const read = sql`
  select current_setting('server_version_num')::int / 10000 as version, current_setting('fsync') as fsync,
         current_setting('full_page_writes') as full_page_writes, current_setting('synchronous_commit') as synchronous_commit, pg_is_in_recovery() as standby`

/**
 * What keeps this server from holding on to what it has acknowledged, each as a sentence for the operator; none when all is well.
 * Checked at start (refuse) and every 60 s after (not healthy).
 * @throws as `Queryable.run`
 */
export async function durabilityFaults(database: Queryable): Promise<string[]> {
  const [row] = await database.run<Row>(read)
  if (!row) throw new Error('The server told none of its settings.')
  const faults: string[] = []
  if (row.version < versionMin || row.version > versionMax)
    faults.push(`PostgreSQL ${row.version} is not supported; use ${versionMin} to ${versionMax}.`)
  if (row.fsync !== 'on')
    faults.push(`fsync is ${row.fsync}: a power cut would lose acknowledged events. Set fsync = on.`)
  if (row.full_page_writes !== 'on')
    faults.push(`full_page_writes is ${row.full_page_writes}: a power cut could destroy the database. Set it to on.`)
  if (row.synchronous_commit !== 'on' && row.synchronous_commit !== 'remote_apply')
    faults.push(
      `synchronous_commit is ${row.synchronous_commit}: commits are acknowledged before they are on disk. Set it to on or remote_apply.`,
    )
  if (row.standby) faults.push('The server is a standby: nothing can be written. Point DATABASE_URL at the primary.')
  return faults
}
