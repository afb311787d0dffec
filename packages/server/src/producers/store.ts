import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { Npn } from '#src/population/npn.ts'
import type { DataStatus } from '#src/population/store.ts'
import type { Served, ServedKind } from './answer-schemas.ts'
import { stored } from './columns.ts'
import type { Filters } from './filters.ts'
import type { Position } from './position.ts'
import type { Standing } from './read-producer.ts'

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
 * full: `offset 0` keeps the planner to that, whatever it believes of the size of things. What has not changed since the date
 * asked for is passed over by the keys of population and entities alone, side by side.
 */
export async function readRecords<Kind extends ServedKind>(
  db: Queryable,
  reader: Reader,
  kind: Kind,
  wanted: Wanted,
): Promise<RecordRow<Kind>[]> {
  const { table, columns } = stored[kind]
  const { updatedSince } = wanted.filters
  const changed = updatedSince === undefined ? sql`` : sql`join entity e on e.npn = p.npn`
  return await db.run<RecordRow<Kind>>(sql`
    select ${columns}
      from (select p.npn, p.fresh_on, p.activations from population p ${changed}
             where ${allOf(ofProducers(reader, table, wanted))} order by p.npn) as p
     cross join lateral (select * from ${table} r where ${allOf(ofRecords(reader, kind, wanted))} order by r.id offset 0) as r
     order by p.npn, r.id
     limit ${wanted.limit ?? null}`)
}

function ofProducers({ accountId, feedId }: Reader, table: Sql, { filters, id, after }: Wanted): Sql[] {
  const { npns, updatedSince } = filters
  const conditions = [sql`p.account_id = ${accountId} and p.active and p.data_status = 'ready'`]
  if (npns) conditions.push(sql`p.npn = any (${npns}::bigint[])`)
  if (id !== undefined) {
    conditions.push(sql`p.npn = (select npn from ${table} where feed_id = ${feedId} and id = ${id}::bigint)`)
  }
  if (after) conditions.push(sql`p.npn >= ${after.npn}::bigint`)
  if (updatedSince !== undefined) {
    conditions.push(sql`e.feed_id = ${feedId} and e.npn >= ${after?.npn ?? 0}::bigint`)
    conditions.push(sql`greatest(p.fresh_on, e.changed_on) >= ${updatedSince}::date`)
  }
  return conditions
}

function ofRecords({ feedId }: Reader, kind: ServedKind, { filters, parentIds, id, after }: Wanted): Sql[] {
  const { parentId } = stored[kind]
  const conditions = [sql`r.feed_id = ${feedId} and r.npn = p.npn`, ...conditionsOf(kind, filters)]
  if (id !== undefined) conditions.push(sql`r.id = ${id}::bigint`)
  if (parentIds && parentId) conditions.push(sql`${parentId} = any (${parentIds}::bigint[])`)
  if (after) conditions.push(sql`(p.npn > ${after.npn}::bigint or r.id > ${after.id}::bigint)`)
  return conditions
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
    r.id in (select l.license_id from license_loa l
              where l.feed_id = r.feed_id and l.npn = p.npn and ${condition(sql`l`)}
                    ${includeDeleted ? sql`` : sql`and not l.nipr_deleted`})`
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
