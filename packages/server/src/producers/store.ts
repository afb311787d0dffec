import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { Npn } from '#src/population/npn.ts'
import type { DataStatus } from '#src/population/store.ts'
import { stored } from './columns.ts'
import type { Filters } from './filters.ts'
import type { Position } from './position.ts'
import type { Standing } from './read-producer.ts'
import type { Served, ServedKind } from './served.ts'

/** Whose population is read, and the feed that holds its records. */
export type Reader = { accountId: string; feedId: string }

/** Production has one feed for all its accounts, each sandbox account one of its own. */
export function readerOf({ id, environment }: { id: string; environment: Environment }): Reader {
  return { accountId: id, feedId: environment === 'production' ? 'production' : id }
}

/** A record as it is served, without its links and what is embedded in it. */
export type RecordRow<Kind extends ServedKind> = Omit<
  Served<Kind>,
  'links' | 'licenseLoas' | 'regulatoryActionValues'
> &
  (Kind extends 'entities' ? { residentLicenseId: number | null } : unknown)

/** Which records of a kind are read; filters in their one spelling. */
export type Wanted = {
  filters: Filters
  /** Of these licenses or actions; their NPNs are named too. */
  parentIds?: readonly number[]
  id?: number
  after?: Position
  limit?: number
}

/**
 * Records of the NPNs that the account monitors and whose data is ready, by NPN and id.
 *
 * The population is walked by its key from the position on, and each NPN's records are fetched by theirs until the page is
 * full: `offset 0` keeps the planner to that, whatever it believes of the two tables' sizes. An NPN without any change since
 * the date asked for is passed over by the key of its entity alone.
 */
export async function readRecords<Kind extends ServedKind>(
  db: Queryable,
  { accountId, feedId }: Reader,
  kind: Kind,
  { filters, parentIds, id, after, limit }: Wanted,
): Promise<RecordRow<Kind>[]> {
  const { table, columns, parentId } = stored[kind]
  const { npns, updatedSince } = filters
  const ofProducer = [sql`account_id = ${accountId} and active and data_status = 'ready'`]
  if (npns) ofProducer.push(sql`npn = any (${npns}::bigint[])`)
  if (after) ofProducer.push(sql`npn >= ${after.npn}::bigint`)
  if (id !== undefined)
    ofProducer.push(sql`npn = (select npn from ${table} where feed_id = ${feedId} and id = ${id}::bigint)`)
  if (updatedSince !== undefined) {
    ofProducer.push(sql`
      greatest(fresh_on, (select changed_on from entity e where e.feed_id = ${feedId} and e.npn = population.npn))
        >= ${updatedSince}::date`)
  }
  const ofRecord = [sql`r.feed_id = ${feedId} and r.npn = p.npn`, ...conditionsOf(kind, filters)]
  if (id !== undefined) ofRecord.push(sql`r.id = ${id}::bigint`)
  if (parentIds && parentId) ofRecord.push(sql`${parentId} = any (${parentIds}::bigint[])`)
  if (after) ofRecord.push(sql`(p.npn > ${after.npn}::bigint or r.id > ${after.id}::bigint)`)
  return await db.run<RecordRow<Kind>>(sql`
    select ${columns}
      from (select npn, fresh_on, activations from population where ${allOf(ofProducer)} order by npn) as p
     cross join lateral (select * from ${table} r where ${allOf(ofRecord)} order by r.id offset 0) as r
     order by p.npn, r.id
     limit ${limit ?? null}`)
}

function conditionsOf(kind: ServedKind, filters: Filters): Sql[] {
  const { states, updatedSince, includeDeleted = true, active, loaCodes, loaCategories, coCodes, status } = filters
  const conditions: Sql[] = []
  if (states) conditions.push(sql`r.for_state = any (${states}::text[])`)
  if (updatedSince !== undefined) {
    conditions.push(sql`greatest(r.updated_on, p.fresh_on) >= ${updatedSince}::date`)
  }
  if (!includeDeleted) conditions.push(sql`not r.nipr_deleted`)
  if (active !== undefined) conditions.push(sql`r.active = ${active}`)
  if (coCodes) conditions.push(sql`r.co_code = any (${coCodes}::text[])`)
  if (status !== undefined) conditions.push(sql`r.status = ${status}`)
  if (loaCodes) conditions.push(ofLoas(kind, includeDeleted, (row) => sql`${row}.loa_code = any (${loaCodes}::text[])`))
  if (loaCategories) {
    conditions.push(ofLoas(kind, includeDeleted, (row) => sql`${row}.categories && ${loaCategories}::text[]`))
  }
  return conditions
}

/** A condition on a line of authority: for a license, that one of its shown ones meets it. */
function ofLoas(kind: ServedKind, includeDeleted: boolean, condition: (row: Sql) => Sql): Sql {
  if (kind !== 'licenses') return condition(sql`r`)
  return sql`
    exists (select from license_loa l
             where l.feed_id = r.feed_id and l.npn = r.npn and l.license_id = r.id and ${condition(sql`l`)}
                   ${includeDeleted ? sql`` : sql`and not l.nipr_deleted`} offset 0)`
}

function allOf(conditions: readonly Sql[]): Sql {
  return conditions.reduce((all, condition) => sql`${all} and ${condition}`)
}

/** How an NPN stands with the account. */
export async function readStanding(db: Queryable, { accountId }: Reader, npn: Npn): Promise<Standing> {
  const [row] = await db.query<{ data_status: DataStatus }>`
    select data_status from population where account_id = ${accountId} and npn = ${npn}::bigint and active`
  return row?.data_status ?? 'not_monitored'
}

/** Those of the NPNs whose data nobody loads any more, or not for this account. */
export async function readLoaded(db: Queryable, accountId: string, npns: readonly Npn[]): Promise<Npn[]> {
  const rows = await db.query<{ npn: Npn }>`
    select npn::text from population
     where account_id = ${accountId} and npn = any (${npns}::bigint[]) and not (active and data_status = 'loading')`
  return rows.map(({ npn }) => npn)
}
