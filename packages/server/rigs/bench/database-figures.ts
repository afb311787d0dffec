import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asSuperuser } from './service.ts'

/** What the server has done so far. */
export type DatabaseReading = {
  statements: number
  commits: number
  walBytes: number
  fullPages: number
  diskBytes: number
}

/** Needs a restart: call it, end the service, and start it again. */
export async function countStatements(dataDir: string): Promise<void> {
  await asSuperuser(dataDir, async (client) => {
    await client.query("alter system set shared_preload_libraries = 'pg_stat_statements'")
    await client.query('create extension if not exists pg_stat_statements')
  })
}

export async function readDatabase(dataDir: string): Promise<DatabaseReading> {
  return await asSuperuser(dataDir, async (client) => {
    const { rows } = await client.query<Record<keyof DatabaseReading, string>>(`
      select (select coalesce(sum(calls), 0) from pg_stat_statements where toplevel) as "statements",
             (select xact_commit from pg_stat_database where datname = current_database()) as "commits",
             pg_current_wal_lsn() - '0/0'::pg_lsn as "walBytes",
             (select wal_fpi from pg_stat_wal) as "fullPages",
             pg_database_size(current_database()) as "diskBytes"`)
    const [row] = rows
    if (!row) throw new Error('the database says nothing of itself')
    return {
      statements: Number(row.statements),
      commits: Number(row.commits),
      walBytes: Number(row.walBytes),
      fullPages: Number(row.fullPages),
      diskBytes: Number(row.diskBytes),
    }
  })
}

export async function versionOf(dataDir: string): Promise<string> {
  return await asSuperuser(dataDir, async (client) => {
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return rows[0]?.server_version ?? ''
  })
}

/** @returns where in the WAL what follows will stand */
export async function forgetStatements(dataDir: string): Promise<string> {
  return await asSuperuser(dataDir, async (client) => {
    await client.query('select pg_stat_statements_reset()')
    const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn')
    return rows[0]?.lsn ?? ''
  })
}

/** The statements that took longest since they were last forgotten, what autovacuum has done, and the WAL since then by kind of record. */
export async function writeStatements(dataDir: string, folder: string, walFrom: string): Promise<void> {
  await asSuperuser(dataDir, async (client) => {
    const write = async (name: string, query: string, values: unknown[] = []) => {
      const { rows } = await client.query(query, values)
      writeFileSync(join(folder, name), JSON.stringify(rows, null, 2))
    }
    await write(
      'statements.json',
      `select calls, round(total_exec_time) as "execMs", round(total_plan_time) as "planMs", rows, shared_blks_hit as hits,
              shared_blks_read as reads, wal_bytes::float8 as "walBytes", wal_fpi as "fullPages", query
         from pg_stat_statements where toplevel order by total_exec_time + total_plan_time desc limit 30`,
    )
    await write(
      'tables.json',
      `select relname as "table", n_tup_ins::float8 as inserted, autovacuum_count::int as vacuums, autoanalyze_count::int as analyses,
              round(total_autovacuum_time) as "vacuumMs", round(total_autoanalyze_time) as "analyzeMs"
         from pg_stat_user_tables where n_tup_ins > 0 or autovacuum_count > 0 order by n_tup_ins desc limit 30`,
    )
    await client.query('create extension if not exists pg_walinspect')
    await write(
      'wal.json',
      `select "resource_manager/record_type" as record, count, record_size::float8 as bytes, fpi_size::float8 as "fullPageBytes"
         from pg_get_wal_stats($1, pg_current_wal_flush_lsn(), true) where count > 0 order by combined_size desc limit 30`,
      [walFrom],
    )
  })
}
