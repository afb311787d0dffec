import type { Client } from 'pg'
import { RECORD_KINDS } from '#src/producers/record.ts'
import type { RigDatabase } from '../chaos/database.ts'

const FEED = 'production'
const OF_THE_FEED = `t.feed_id = '${FEED}' and`
const NPNS_PER_STATEMENT = 50_000
/** Columns that are another's in a copy: it was there the day before, and a run has moved it. */
const OF_A_COPY: Readonly<Record<string, string>> = {
  npn: 'c.npn',
  id: 't.id + c.round * s.stride',
  license_id: 't.license_id + c.round * s.stride',
  regulatory_action_id: 't.regulatory_action_id + c.round * s.stride',
  created_on: 't.created_on - 1',
  updated_on: 't.updated_on - 1',
  changed_on: 't.changed_on - 1',
  fresh_on: 't.fresh_on - 1',
  fresh_run: 'gen_random_uuid()',
  loaded_at: 'null',
}

/**
 * Stores producers beside those that are there, as copies of them with NPNs and ids of their own, in every population that the
 * original is in: a million of them by SQL in some minutes, where first loads would take an hour. No report has ever said so:
 * they are there to be passed by.
 * @returns how many records that makes
 */
export async function storeCopies(database: RigDatabase, npns: readonly string[]): Promise<number> {
  return await database.asSuperuser(async (client) => {
    // no triggers and no checks of references: a copy is as right as its original
    await client.query(`set session_replication_role = replica; set work_mem = '256MB'; set synchronous_commit = off`)
    await plan(client, npns)
    let records = 0
    for (const kind of RECORD_KINDS) records += await copy(client, kind, OF_THE_FEED)
    await copy(client, 'nipr_target', OF_THE_FEED)
    await copy(client, 'population')
    await client.query(`
      update population_count n set ready = (select count(*) from population p where p.account_id = n.account_id and p.active and p.data_status = 'ready')`)
    await client.query(`select setval('record_id', (select (max(round) + 2) * max(stride) from copied c, stride s))`)
    for (const table of [...RECORD_KINDS, 'nipr_target', 'population']) await client.query(`vacuum (analyze) ${table}`)
    await client.query('checkpoint') // as on any day: of pages that are written first after one, the log has the whole
    return records
  })
}

/** Which copy is of which producer, all in turn; and what the ids of the next round are ahead by. */
async function plan(client: Client, npns: readonly string[]): Promise<void> {
  await client.query(`
    create temp table original as
      select npn, row_number() over (order by npn) - 1 as number from entity where feed_id = '${FEED}';
    create temp table stride as select last_value + 1000 as stride from record_id;
    create temp table copied (npn bigint, number bigint, round bigint)`)
  const { rows } = await client.query<{ originals: string }>('select count(*) as originals from original')
  const originals = Number(rows[0]?.originals)
  if (originals === 0) throw new Error('nothing to copy')
  for (let start = 0; start < npns.length; start += NPNS_PER_STATEMENT) {
    await client.query(
      `insert into copied
       select npn, (n - 1 + $2) % $3, (n - 1 + $2) / $3 + 1 from unnest($1::bigint[]) with ordinality as given (npn, n)`,
      [npns.slice(start, start + NPNS_PER_STATEMENT), start, originals],
    )
  }
  await client.query('analyze original; analyze copied')
}

async function copy(client: Client, table: string, condition = ''): Promise<number> {
  const { rows: columns } = await client.query<{ name: string }>(
    `select column_name as name from information_schema.columns
      where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER' order by ordinal_position`,
    [table],
  )
  const names = columns.map(({ name }) => name)
  const { rowCount } = await client.query(
    `insert into ${table} (${names.join(', ')})
     select ${names.map((name) => OF_A_COPY[name] ?? `t.${name}`).join(', ')}
       from copied c join original o on o.number = c.number join ${table} t on ${condition} t.npn = o.npn, stride s`,
  )
  return rowCount ?? 0
}
