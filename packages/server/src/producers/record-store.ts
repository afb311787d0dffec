import type { Queryable } from '#src/adapters/postgres/database.ts'
import { prepare, type Sql, sql, sqlText } from '#src/adapters/postgres/sql.ts'
import type { Npn } from '#src/population/npn.ts'
import { RECORD_KINDS, type RecordKind } from './record.ts'
import { RECORD_COLUMNS, toRow } from './record-columns.ts'

/** A stored record without its fields. `identity` and `contentHash`: hexadecimal. */
export type RecordHead = {
  kind: RecordKind
  id: number
  parentId: number | null
  identity: string
  contentHash: string
  niprDeleted: boolean
}

type HeadRow = {
  kind: RecordKind
  npn: Npn
  id: number
  parent_id: number | null
  identity: string
  content_hash: string
  nipr_deleted: boolean
}

const PARENT_COLUMNS: Partial<Record<RecordKind, string>> = {
  license_loa: 'license_id',
  regulatory_action_value: 'regulatory_action_id',
}

const headsOf = new Map(
  RECORD_KINDS.map((kind) => [
    kind,
    sqlText(`select '${kind}' as kind, npn::text, id, ${PARENT_COLUMNS[kind] ?? 'null::bigint'} as parent_id,
                    encode(identity, 'hex') as identity, encode(content_hash, 'hex') as content_hash, nipr_deleted
               from ${kind} where `),
  ]),
)

/** What a feed has stored of each of the producers. */
export async function readHeads(db: Queryable, feedId: string, npns: readonly Npn[]): Promise<Map<Npn, RecordHead[]>> {
  const heads = new Map<Npn, RecordHead[]>(npns.map((npn) => [npn, []]))
  const ofProducers = sql`feed_id = ${feedId} and npn = any (${npns}::bigint[])`
  const statements = RECORD_KINDS.map((kind) => sql`${headsOf.get(kind)}${ofProducers}`)
  const all = statements.reduce((together, next) => sql`${together} union all ${next}`)
  for (const row of await db.run<HeadRow>(prepare(all))) {
    heads.get(row.npn)?.push({
      kind: row.kind,
      id: row.id,
      parentId: row.parent_id,
      identity: row.identity,
      contentHash: row.content_hash,
      niprDeleted: row.nipr_deleted,
    })
  }
  return heads
}

/** A record to write: `fields` in camel case, as in `record.ts`. */
export type RecordWrite = {
  npn: Npn
  kind: RecordKind
  id: number
} & ({ action: 'insert' | 'update'; identity: string; contentHash: string; fields: object } | { action: 'delete' })

/** The columns of a written record as JSON; null for one that has vanished. */
export function toStoredFields(write: RecordWrite): object | null {
  if (write.action === 'delete') return null
  return { ...toRow(write.fields), identity: `\\x${write.identity}`, content_hash: `\\x${write.contentHash}` }
}

/** What writes records: their date and the run or load that is named as their `transactionId`. */
export type Stamp = { day: string; transactionId: string }

/** Writes records in one statement for each kind and action. */
export async function writeRecords(
  tx: Queryable,
  feedId: string,
  writes: readonly RecordWrite[],
  stamp: Stamp,
): Promise<void> {
  const groups = Map.groupBy(writes, ({ kind }) => kind)
  for (const kind of RECORD_KINDS) {
    const group = groups.get(kind) ?? []
    const stored = group.filter(({ action }) => action !== 'delete')
    if (stored.length > 0) {
      await tx.run(prepare(upsert(kind, feedId, givenRecords(stored), stamp)))
    }
    const gone = group.filter(({ action }) => action === 'delete')
    if (gone.length > 0) {
      const source = sql`select * from unnest(${gone.map(({ npn }) => npn)}::bigint[], ${gone.map(({ id }) => id)}::bigint[]) as given (npn, record_id)`
      await tx.run(prepare(markDeleted(kind, feedId, source, stamp)))
    }
  }
  const changed = [...new Set(writes.map(({ npn }) => npn))]
  await tx.query`
    update entity set changed_on = greatest(changed_on, ${stamp.day}::date)
     where feed_id = ${feedId} and npn = any (${changed}::bigint[]) and changed_on < ${stamp.day}::date`
}

/**
 * Stores records: new ones, and new contents of known ones.
 * @param source  selects `npn`, `record_id` and `fields` (`toStoredFields`)
 */
export function upsert(kind: RecordKind, feedId: string, source: Sql, { day, transactionId }: Stamp): Sql {
  return sql`${insert(kind, feedId, source, { day, transactionId })} ${UPSERTS[kind].onConflict}`
}

function insert(kind: RecordKind, feedId: string, source: Sql, { day, transactionId }: Stamp): Sql {
  const { into, columns, from } = UPSERTS[kind]
  const changedOn = kind === 'entity' ? sql`, ${day}::date` : sql``
  return sql`
    ${into} ${feedId}, source.npn, source.record_id, ${day}::date, ${day}::date, ${transactionId}::uuid, false ${changedOn}, ${columns}
       from (${source}) as source cross join lateral ${from}`
}

/** Stores the first records of a feed. For a role that may add records and change none. */
export async function insertRecords(
  tx: Queryable,
  feedId: string,
  writes: readonly RecordWrite[],
  stamp: Stamp,
): Promise<void> {
  for (const [kind, group] of Map.groupBy(writes, (write) => write.kind)) {
    await tx.run(insert(kind, feedId, givenRecords(group), stamp))
  }
}

function givenRecords(writes: readonly RecordWrite[]): Sql {
  const rows = writes.map((write) => ({ npn: write.npn, record_id: write.id, fields: toStoredFields(write) }))
  return sql`
    select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (npn bigint, record_id bigint, fields jsonb)`
}

/** @param source  selects `npn` and `record_id` */
export function markDeleted(kind: RecordKind, feedId: string, source: Sql, { day, transactionId }: Stamp): Sql {
  return sql`
    update ${sqlText(kind)} as record
       set nipr_deleted = true, updated_on = greatest(record.updated_on, ${day}::date), transaction_id = ${transactionId}::uuid
      from (${source}) as source
     where record.feed_id = ${feedId} and record.npn = source.npn and record.id = source.record_id`
}

type UpsertText = { into: Sql; columns: Sql; from: Sql; onConflict: Sql }

const UPSERTS = Object.fromEntries(RECORD_KINDS.map((kind) => [kind, upsertText(kind)])) as Record<
  RecordKind,
  UpsertText
>

function upsertText(kind: RecordKind): UpsertText {
  const types = { ...RECORD_COLUMNS[kind], identity: 'bytea', content_hash: 'bytea' }
  const columns = Object.keys(types)
  const key = kind === 'entity' ? 'feed_id, npn' : 'feed_id, npn, id'
  return {
    into: sqlText(`
      insert into ${kind} as stored (feed_id, npn, id, created_on, updated_on, transaction_id, nipr_deleted${kind === 'entity' ? ', changed_on' : ''}, ${columns.join(', ')})
      select`),
    columns: sqlText(columns.map((column) => `fields.${column}`).join(', ')),
    from: sqlText(
      `jsonb_to_record(source.fields) as fields (${Object.entries(types)
        .map(([column, type]) => `${column} ${type}`)
        .join(', ')})`,
    ),
    onConflict: sqlText(`
      on conflict (${key}) do update
      set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')},
          updated_on = greatest(stored.updated_on, excluded.updated_on),
          transaction_id = excluded.transaction_id, nipr_deleted = false`),
  }
}
