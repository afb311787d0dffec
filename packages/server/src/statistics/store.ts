import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { ATTEMPT_ID_PREFIX } from '#src/attempts/store.ts'
import { isAmong } from '#src/events/event-type-store.ts'

/** Attempts made and cancellations; test requests and examples left out. */
export type Counts = { success: number; failure: number; canceled: number }

const counts = sql`
  count(*) filter (where a.failure_class is null) as success,
  count(*) filter (where a.failure_class is not null and a.outcome <> 'canceled') as failure,
  count(*) filter (where a.outcome = 'canceled') as canceled`

/** Attempts of an account in a time, test requests left out, as `a`: endpoint by endpoint, deleted ones included. */
function attemptsIn(
  account: { id: string; environment: string },
  from: string,
  until: string,
  types: readonly string[] | null,
) {
  const joins = types === null ? sql`` : sql`join event e on e.account_id = a.account_id and e.id = a.event_id`
  const passes = types === null ? sql`` : sql`and ${isAmong(sql`e.type`, account.environment, types)}`
  return sql`
    from endpoint t
    join attempt a on a.account_id = t.account_id and a.endpoint_id = t.id
    ${joins}
   where t.account_id = ${account.id} and a.account_id = ${account.id} and a.id >= ${from} and a.id < ${until}
     and a.cause <> 'test' ${passes}`
}

function bound(moment: Date): string {
  return ATTEMPT_ID_PREFIX + ksuidFloor(moment)
}

/** By the types of the events; types of which there was nothing are left out. */
export async function countByType(
  tx: Queryable,
  account: { id: string; environment: string },
  { since, until }: { since: Date; until: Date },
  types: readonly string[] | null,
): Promise<Map<string, Counts>> {
  const rows = await tx.query<Counts & { type: string }>`
    select o.type, sum(o.success)::bigint as success, sum(o.failure)::bigint as failure, sum(o.canceled)::bigint as canceled
      from (select e.type, c.success, c.failure, c.canceled
              from (select a.event_id, ${counts} ${attemptsIn(account, bound(since), bound(until), null)} group by a.event_id) as c
              join event e on e.account_id = ${account.id} and e.id = c.event_id) as o
     where ${isAmong(sql`o.type`, account.environment, types)}
     group by o.type
     order by o.type`
  return new Map(rows.map(({ type, ...count }) => [type, count]))
}

/** @param bounds  of the periods, in order, one more than there are periods */
export async function countByPeriod(
  tx: Queryable,
  account: { id: string; environment: string },
  bounds: readonly Date[],
  types: readonly string[] | null,
): Promise<Counts[]> {
  const ids = bounds.map(bound)
  const [first = '', last = ''] = [ids[0], ids.at(-1)]
  const rows = await tx.query<Counts & { period: number }>`
    select width_bucket(a.id, ${ids}::text[] collate "C") as period, ${counts}
    ${attemptsIn(account, first, last, types)}
     group by 1`
  const found = new Map(rows.map(({ period, ...count }) => [period, count]))
  return bounds.slice(1).map((_, index) => found.get(index + 1) ?? { success: 0, failure: 0, canceled: 0 })
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
