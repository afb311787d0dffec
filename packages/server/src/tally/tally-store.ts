import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { type Coverage, FIVE_MS, FIVES_KEPT_MS, HOUR_MS } from './covered.ts'
import { classOf, countsByClass, sumByClass } from './response-times.ts'

/** What is counted at once: five minutes or an hour, from a full one on. */
export type Stretch = { from: Date; minutes: 5 | 60 }

type ProgressRow = { covers_from: Date; covers_until: Date; next_until: Date; is_free: boolean }

export async function readCoverage(tx: Queryable): Promise<Coverage | null> {
  const [row] = await tx.query<{ covers_from: Date; covers_until: Date }>`
    select covers_from, covers_until from tally_progress`
  return row ? { from: row.covers_from, until: row.covers_until } : null
}

/**
 * Marks a time up to which may be counted once every transaction under way has ended; the first mark is where counting begins.
 * @returns whether there is more to count than there was
 */
export async function markUntil(db: Queryable, until: Date): Promise<boolean> {
  const rows = await db.query`
    insert into tally_progress (covers_from, covers_until, next_until, next_after)
    values (${until}, ${until}, ${until}, pg_current_xact_id())
    on conflict (only_row) do update set next_until = excluded.next_until, next_after = excluded.next_after
     where tally_progress.next_until < excluded.next_until and tally_progress.next_until = tally_progress.covers_until
    returning 1`
  return rows.length > 0
}

/**
 * What is to be counted next; the row stays locked to the end of the transaction, so one process counts at a time.
 * @param now  what is longer ago than counts of five minutes are kept is counted by hours at once
 */
export async function takeStretch(
  tx: Queryable,
  now: Date,
): Promise<{ stretch: Stretch; coversFrom: Date } | undefined> {
  const [row] = await tx.query<ProgressRow>`
    select covers_from, covers_until, next_until, pg_snapshot_xmin(pg_current_snapshot()) > next_after as is_free
      from tally_progress for update skip locked`
  if (!row?.is_free || row.covers_until >= row.next_until) return undefined
  const from = row.covers_until.getTime()
  const isLongAgo =
    from % HOUR_MS === 0 && from + HOUR_MS <= Math.min(now.getTime() - FIVES_KEPT_MS, row.next_until.getTime())
  return { stretch: { from: row.covers_until, minutes: isLongAgo ? 60 : 5 }, coversFrom: row.covers_from }
}

export function endOf({ from, minutes }: Stretch): Date {
  return new Date(from.getTime() + (minutes === 5 ? FIVE_MS : HOUR_MS))
}

export async function coverUntil(tx: Queryable, until: Date): Promise<void> {
  await tx.query`update tally_progress set covers_until = ${until}`
}

/** Counts the attempts of a stretch. Endpoint by endpoint: what others have stored at other times is not read. */
export async function tally(tx: Queryable, stretch: Stretch): Promise<void> {
  const [from, until] = [stretch.from, endOf(stretch)]
  await tx.run(sql`
    with made as materialized (
      select t.account_id, t.id as endpoint_id, a.*, e.type
        from endpoint t
       cross join lateral (
         select a.cause, a.outcome, a.failure_class, a.number, a.state, a.started_at, a.event_id,
                case when a.outcome <> 'canceled' and a.cause <> 'test' then ${classOf(sql`a.duration_ms`)} end as duration_class,
                case when a.outcome <> 'canceled' and a.cause <> 'test' then a.duration_ms end as duration_ms
           from attempt a
          where a.account_id = t.account_id and a.endpoint_id = t.id
            and a.id >= ${ATTEMPT_ID_PREFIX + ksuidFloor(from)} and a.id < ${ATTEMPT_ID_PREFIX + ksuidFloor(until)}
         offset 0) as a
        left join lateral (select e.type from event e where e.account_id = t.account_id and e.id = a.event_id offset 0) as e on true
    ), typed as (
      insert into type_tally (account_id, endpoint_id, minutes, starts_at, event_type, delivered, failed, canceled)
      select account_id, endpoint_id, ${stretch.minutes}, ${from}, coalesce(type, ''), ${endings}
        from made where cause <> 'test' group by account_id, endpoint_id, coalesce(type, '')
    ), classes as (
      select account_id, endpoint_id, jsonb_object_agg(failure_class, attempts) as classes
        from (select account_id, endpoint_id, failure_class, count(*) as attempts
                from made where cause <> 'test' and failure_class is not null and outcome <> 'canceled'
               group by account_id, endpoint_id, failure_class) as counted
       group by account_id, endpoint_id
    )
    insert into endpoint_tally (account_id, endpoint_id, minutes, starts_at, delivered, failed, canceled, exhausted, first_attempts,
                                first_delivered, durations, max_ms, last_success_at, classes)
    select account_id, endpoint_id, ${stretch.minutes}, ${from}, ${endings},
           count(*) filter (where cause <> 'test' and state = 'dead_letter'),
           count(*) filter (where cause <> 'test' and number = 1 and outcome <> 'canceled'),
           count(*) filter (where cause <> 'test' and number = 1 and failure_class is null),
           ${countsByClass(sql`duration_class`)}, coalesce(max(duration_ms), 0),
           max(started_at) filter (where failure_class is null),
           (select c.classes from classes c where c.account_id = m.account_id and c.endpoint_id = m.endpoint_id)
      from made m group by account_id, endpoint_id`)
}

const endings = sql`
  count(*) filter (where cause <> 'test' and failure_class is null),
  count(*) filter (where cause <> 'test' and failure_class is not null and outcome <> 'canceled'),
  count(*) filter (where cause <> 'test' and outcome = 'canceled')`

/** Adds the counts of five minutes up to those of the hour that begins then. */
export async function sumHour(tx: Queryable, hour: Date): Promise<void> {
  const until = new Date(hour.getTime() + HOUR_MS)
  const within = sql`minutes = 5 and starts_at >= ${hour} and starts_at < ${until}`
  await tx.run(sql`
    insert into type_tally (account_id, endpoint_id, minutes, starts_at, event_type, delivered, failed, canceled)
    select account_id, endpoint_id, 60, ${hour}, event_type, sum(delivered), sum(failed), sum(canceled)
      from type_tally where ${within} group by account_id, endpoint_id, event_type`)
  await tx.run(sql`
    with fives as (
      select * from endpoint_tally where ${within}
    ), classes as (
      select account_id, endpoint_id, jsonb_object_agg(class, attempts) as classes
        from (select account_id, endpoint_id, c.key as class, sum(c.value::int) as attempts
                from fives cross join lateral jsonb_each_text(classes) as c group by account_id, endpoint_id, c.key) as counted
       group by account_id, endpoint_id
    )
    insert into endpoint_tally (account_id, endpoint_id, minutes, starts_at, delivered, failed, canceled, exhausted, first_attempts,
                                first_delivered, durations, max_ms, classes, last_success_at)
    select s.account_id, s.endpoint_id, 60, ${hour}, sum(delivered), sum(failed), sum(canceled), sum(exhausted),
           sum(first_attempts), sum(first_delivered), ${sumByClass(sql`durations`)}, max(max_ms),
           (select c.classes from classes c where c.account_id = s.account_id and c.endpoint_id = s.endpoint_id),
           max(last_success_at)
      from fives s group by s.account_id, s.endpoint_id`)
}

/** Counts of five minutes whose hour has been summed, and that are older than they are kept. @returns how many, up to `limit` */
export async function purgeFives(db: Queryable, now: Date, limit: number): Promise<number> {
  const before = new Date(now.getTime() - FIVES_KEPT_MS)
  let gone = 0
  for (const table of [sql`type_tally`, sql`endpoint_tally`]) {
    const rows = await db.run(sql`
      delete from ${table}
       where ctid = any (array(select o.ctid from ${table} o
                                where o.minutes = 5 and o.starts_at < ${before}
                                  and o.starts_at < (select date_trunc('hour', covers_until, 'UTC') from tally_progress)
                                limit ${limit}))
      returning 1`)
    gone = Math.max(gone, rows.length)
  }
  return gone
}

/** Counts of what was made before a moment, of these accounts or of all. @returns how many, up to `limit` */
export async function purgeTallies(
  db: Queryable,
  accountIds: readonly string[] | null,
  before: Date,
  limit: number,
): Promise<number> {
  let gone = 0
  for (const table of [sql`type_tally`, sql`endpoint_tally`]) {
    const rows = await db.run(sql`
      delete from ${table}
       where ctid = any (array(select o.ctid from ${table} o
                                where (${accountIds}::text[] is null or o.account_id = any (${accountIds}::text[]))
                                  and o.starts_at < ${before} limit ${limit}))
      returning 1`)
    gone = Math.max(gone, rows.length)
  }
  return gone
}
