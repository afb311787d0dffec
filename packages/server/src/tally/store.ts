import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql, sqlText } from '#src/adapters/postgres/sql.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { isAmong } from '#src/events/event-type-store.ts'
import { type Piece, piecesOf } from './covered.ts'
import type { Range } from './range.ts'
import { readCoverage } from './tally-store.ts'

/** Attempts made and cancellations; test requests and examples left out. */
export type Counts = { success: number; failure: number; canceled: number }

const NOTHING: Counts = { success: 0, failure: 0, canceled: 0 }

const counted = sql`
  count(*) filter (where a.failure_class is null) as success,
  count(*) filter (where a.failure_class is not null and a.outcome <> 'canceled') as failure,
  count(*) filter (where a.outcome = 'canceled') as canceled`
const summed = sql`
  sum(s.delivered)::bigint as success, sum(s.failed)::bigint as failure, sum(s.canceled)::bigint as canceled`

/** Whose attempts are counted: of all endpoints of an account, deleted ones included, or of one. */
export type CountedOf = { accountId: string; endpointId: string | null }

function bound(moment: Date): string {
  return ATTEMPT_ID_PREFIX + ksuidFloor(moment)
}

function endpoints({ accountId, endpointId }: CountedOf): Sql {
  return sql`(select account_id, id from endpoint
               where account_id = ${accountId} and (${endpointId}::text is null or id = ${endpointId})) as t`
}

/** Attempts of a time as `a`, test requests left out: endpoint by endpoint. */
function attemptsOf(of: CountedOf, { from, until }: Piece): Sql {
  return sql`
    from ${endpoints(of)}
    join attempt a on a.account_id = t.account_id and a.endpoint_id = t.id
   where a.account_id = ${of.accountId} and a.id >= ${bound(from)} and a.id < ${bound(until)} and a.cause <> 'test'`
}

/** Counts of a time as `s`, from one of the tables of tallies. */
function tallies(table: 'type_tally' | 'endpoint_tally', of: CountedOf, piece: Piece): Sql {
  return sql`
    from ${endpoints(of)}
   cross join lateral (
     select * from ${sqlText(table)}
      where account_id = t.account_id and endpoint_id = t.id and minutes = ${piece.of === 'hours' ? 60 : 5}
        and starts_at >= ${piece.from} and starts_at < ${piece.until}
     offset 0) as s`
}

function together(parts: readonly Sql[]): Sql {
  return parts.reduce((all, part) => sql`${all} union all (${part})`)
}

/** By the types of the events; types of which there was nothing are left out. */
export async function countByType(
  tx: Queryable,
  account: { id: string; environment: string },
  range: Range,
  types: readonly string[] | null,
  now: Date,
): Promise<Map<string, Counts>> {
  const of = { accountId: account.id, endpointId: null }
  const pieces = piecesOf(range, await readCoverage(tx), now)
  if (pieces.length === 0) return new Map()
  const parts = pieces.map((piece) =>
    piece.of === 'attempts'
      ? sql`select e.type, c.success, c.failure, c.canceled
              from (select a.event_id, ${counted} ${attemptsOf(of, piece)} group by a.event_id) as c
              join event e on e.account_id = ${account.id} and e.id = c.event_id`
      : sql`select s.event_type, ${summed} ${tallies('type_tally', of, piece)} where s.event_type <> '' group by s.event_type`,
  )
  const rows = await tx.run<Counts & { type: string }>(sql`
    select o.type, sum(o.success)::bigint as success, sum(o.failure)::bigint as failure, sum(o.canceled)::bigint as canceled
      from (${together(parts)}) as o (type, success, failure, canceled)
     where ${isAmong(sql`o.type`, account.environment, types)}
     group by o.type
    having sum(o.success) + sum(o.failure) + sum(o.canceled) > 0
     order by o.type`)
  return new Map(rows.map(({ type, ...count }) => [type, count]))
}

/** @param bounds  of the periods, in order, one more than there are periods; each on full five minutes or an hour throughout */
export async function countByPeriod(
  tx: Queryable,
  account: { id: string; environment: string },
  bounds: readonly Date[],
  types: readonly string[] | null,
  now: Date,
): Promise<Counts[]> {
  const of = { accountId: account.id, endpointId: null }
  const [since = now, until = now] = [bounds[0], bounds.at(-1)]
  const finest = (bounds[1] ?? until).getTime() - since.getTime()
  const pieces = piecesOf({ since, until }, await readCoverage(tx), now, finest)
  if (pieces.length === 0) return []
  const ids = bounds.map(bound)
  const isWanted = (type: Sql) => isAmong(type, account.environment, types)
  const parts = pieces.map((piece) => {
    if (piece.of !== 'attempts') {
      const at = sql`width_bucket(s.starts_at, ${bounds}::timestamptz[])`
      return types === null
        ? sql`select ${at}, ${summed} ${tallies('endpoint_tally', of, piece)} group by 1`
        : sql`select ${at}, ${summed} ${tallies('type_tally', of, piece)} where ${isWanted(sql`s.event_type`)} group by 1`
    }
    const passes = sql`exists (select from event e where e.account_id = a.account_id and e.id = a.event_id and ${isWanted(sql`e.type`)})`
    return sql`
      select width_bucket(a.id, ${ids}::text[] collate "C"), ${counted} ${attemptsOf(of, piece)}
         ${types === null ? sql`` : sql`and ${passes}`} group by 1`
  })
  const rows = await tx.run<Counts & { period: number }>(sql`
    select o.period, sum(o.success)::bigint as success, sum(o.failure)::bigint as failure, sum(o.canceled)::bigint as canceled
      from (${together(parts)}) as o (period, success, failure, canceled) group by o.period`)
  const found = new Map(rows.map(({ period, ...count }) => [period, count]))
  return bounds.slice(1).map((_, index) => found.get(index + 1) ?? NOTHING)
}

/** Of one endpoint, or of an account. */
export async function countIn(tx: Queryable, of: CountedOf, range: Range, now: Date): Promise<Counts> {
  const pieces = piecesOf(range, await readCoverage(tx), now)
  if (pieces.length === 0) return NOTHING
  const parts = pieces.map((piece) =>
    piece.of === 'attempts'
      ? sql`select ${counted} ${attemptsOf(of, piece)}`
      : sql`select ${summed} ${tallies('endpoint_tally', of, piece)}`,
  )
  const [row] = await tx.run<Counts>(sql`
    select coalesce(sum(o.success), 0)::bigint as success, coalesce(sum(o.failure), 0)::bigint as failure,
           coalesce(sum(o.canceled), 0)::bigint as canceled
      from (${together(parts)}) as o (success, failure, canceled)`)
  return row ?? NOTHING
}

/** Live accounts of an environment by their ids, from after `after`; only those of `ids` where they are given. */
export async function nextAccounts(
  tx: Queryable,
  environment: string,
  { after, ids, limit }: { after: string; ids: readonly string[] | null; limit: number },
): Promise<{ id: string; uid: string | null }[]> {
  return await tx.query<{ id: string; uid: string | null }>`
    select id, uid from account
     where environment = ${environment} and deleted_at is null and not internal and id > ${after}
       and (${ids}::text[] is null or id = any (${ids}::text[]))
     order by id limit ${limit}`
}

/** The live accounts that these ids and uids name, by name. */
export async function findAccounts(
  tx: Queryable,
  environment: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const rows = await tx.query<{ name: string; id: string }>`
    select n.name, a.id
      from unnest(${names}::text[]) as n (name)
      join account a on a.environment = ${environment} and a.deleted_at is null and (a.id = n.name or a.uid = n.name)`
  return new Map(rows.map(({ name, id }) => [name, id]))
}

/** Where counting has come to within an account. */
export type CountedTo = { endpointId: string; attemptId: string }

/** Counts attempts made, at most `limit` rows looked through; `next` is where more of them may be. */
export async function countMade(
  tx: Queryable,
  accountId: string,
  { since, until, after, limit }: { since: Date; until: Date; after: CountedTo; limit: number },
): Promise<{ made: number; next: CountedTo | null }> {
  const [row] = await tx.query<{ seen: number; made: number; endpoint_id: string | null; id: string | null }>`
    with seen as (
      select endpoint_id, id, cause <> 'test' and outcome <> 'canceled' as made
        from attempt
       where account_id = ${accountId} and id >= ${bound(since)} and id < ${bound(until)}
         and (endpoint_id, id) > (${after.endpointId}, ${after.attemptId})
       order by endpoint_id, id limit ${limit}
    )
    select count(*) as seen, count(*) filter (where made) as made, last.endpoint_id, last.id
      from seen
      left join lateral (select endpoint_id, id from seen order by endpoint_id desc, id desc limit 1) as last on true
     group by last.endpoint_id, last.id`
  const next = row && row.seen === limit ? { endpointId: row.endpoint_id ?? '', attemptId: row.id ?? '' } : null
  return { made: row?.made ?? 0, next }
}

/** What the live endpoints of accounts have chosen. */
export async function chosenTypes(
  tx: Queryable,
  accountIds: readonly string[],
): Promise<Map<string, { types: string[]; all: boolean }>> {
  const rows = await tx.query<{ account_id: string; types: string[]; is_all: boolean }>`
    select e.account_id, bool_or(e.event_types is null) as is_all,
           array(select distinct c.name from endpoint o cross join lateral unnest(o.event_types) as c (name)
                  where o.account_id = e.account_id and o.deleted_at is null order by c.name) as types
      from endpoint e
     where e.account_id = any (${accountIds}::text[]) and e.deleted_at is null
     group by e.account_id`
  return new Map(rows.map((row) => [row.account_id, { types: row.types, all: row.is_all }]))
}
