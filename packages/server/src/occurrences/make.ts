import { addMs } from '#src/adapters/clock.ts'
import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { MESSAGE_ID_PREFIX } from '#src/events/message.ts'

/** So many rows of an owner make a stretch: a page of a list looks through no more of them than for each row it shows. */
const ROWS_PER_STRETCH = 200
/** Of so many rows of a stretch it is noted which they are. */
const FEW = 10
const OWNERS_PER_STATEMENT = 50
const ROWS_PER_OWNER = 20_000

/** Attempts are looked at in times of this length, from a full one on. */
const STEP_MS = 300_000
/** An attempt is late when its event was accepted so long before the time in which it was made. */
const LATE_MS = 600_000
/** All other attempts were made within this time after their event. */
export const PROMPT_MS = LATE_MS + STEP_MS

type Time = { from: Date; until: Date }

/**
 * Notes where values occur, of what was stored in a time: stretches of events and of attempts, as many as are full, and the events
 * that ended at an endpoint without success, or came late. Times follow each other without gaps.
 */
export async function noteOccurrences(tx: Queryable, time: Time, now: Date): Promise<void> {
  await countWaiting(tx, time)
  await noteEvents(tx, time, now)
  for (const kind of [events, attempts]) {
    while ((await countReady(tx, kind)) > 0) await cutStretches(tx, kind, time.until, now)
  }
}

async function countWaiting(tx: Queryable, { from, until }: Time): Promise<void> {
  const [eventFrom, attemptFrom] = [MESSAGE_ID_PREFIX + ksuidFloor(from), ATTEMPT_ID_PREFIX + ksuidFloor(from)]
  const [eventUntil, attemptUntil] = [MESSAGE_ID_PREFIX + ksuidFloor(until), ATTEMPT_ID_PREFIX + ksuidFloor(until)]
  await tx.query`
    insert into occurrence_owner as o (account_id, owner, from_id, until_id, waiting)
    select a.id, '', ${eventFrom}, ${eventFrom}, e.made
      from account a
     cross join lateral (select count(*) as made from event e
                          where e.account_id = a.id and e.id >= ${eventFrom} and e.id < ${eventUntil}) as e
     where e.made > 0
    union all
    select t.account_id, t.id, ${attemptFrom}, ${attemptFrom}, a.made
      from endpoint t
     cross join lateral (select count(*) as made from attempt a
                          where a.account_id = t.account_id and a.endpoint_id = t.id
                            and a.id >= ${attemptFrom} and a.id < ${attemptUntil}) as a
     where a.made > 0
    on conflict (account_id, owner) do update set waiting = o.waiting + excluded.waiting`
}

/**
 * Events that were given up or canceled at an endpoint, or attempted there long after they were accepted, are few, so each is named:
 * lists show them in the order of events, not of attempts.
 */
async function noteEvents(tx: Queryable, { from, until }: Time, now: Date): Promise<void> {
  const steps = Math.round((until.getTime() - from.getTime()) / STEP_MS)
  const bounds = Array.from({ length: steps + 1 }, (_, step) => addMs(from, step * STEP_MS))
  const ids = bounds.map((bound) => ATTEMPT_ID_PREFIX + ksuidFloor(bound))
  const oldest = bounds.map((bound) => MESSAGE_ID_PREFIX + ksuidFloor(addMs(bound, -LATE_MS)))
  await tx.query`
    insert into occurrence (account_id, owner, value, first_id, last_id, noted_at)
    select distinct t.account_id, t.id, v.value, a.event_id, a.event_id, ${now}::timestamptz
      from endpoint t
     cross join lateral (
       select a.event_id, a.outcome, a.state, width_bucket(a.id, ${ids}::text[] collate "C") as step from attempt a
        where a.account_id = t.account_id and a.endpoint_id = t.id and a.id >= ${ids[0]} and a.id < ${ids.at(-1)}
       offset 0) as a
     cross join lateral (
       select 'failed:' where a.state = 'dead_letter' union all
       select 'canceled:' where a.outcome = 'canceled' union all
       select 'late:' where a.event_id < (${oldest}::text[])[a.step] collate "C") as v (value)
    on conflict do nothing`
}

/** What stretches are cut of: rows of an owner `o` in the order of their ids, and what a row `r` has. */
type Kind = { owners: Sql; rows: (until: Date) => Sql; values: Sql }

const ofEvent = sql`
  select 'type:' || e.type union all
  select distinct 'channel:' || c from unnest(e.channels) as c union all
  select distinct 'tag:' || t from unnest(e.tags) as t`

const events: Kind = {
  owners: sql`owner = ''`,
  rows: (until) => sql`
    select e.id, e.type, e.channels, e.tags, null::text as code from event e
     where e.account_id = o.account_id and e.id > o.until_id and e.id < ${MESSAGE_ID_PREFIX + ksuidFloor(until)}
     order by e.id limit ${ROWS_PER_OWNER}`,
  values: ofEvent,
}

const attempts: Kind = {
  owners: sql`owner <> ''`,
  rows: (until) => sql`
    select a.id, e.type, e.channels, e.tags, 'code:' || a.status_code / 100 * 100 as code
      from (select a.id, a.event_id, a.status_code from attempt a
             where a.account_id = o.account_id and a.endpoint_id = o.owner
               and a.id > o.until_id and a.id < ${ATTEMPT_ID_PREFIX + ksuidFloor(until)}
             order by a.id limit ${ROWS_PER_OWNER}) as a
      left join lateral (select e.type, e.channels, e.tags from event e
                          where e.account_id = o.account_id and e.id = a.event_id offset 0) as e on true`,
  values: sql`${ofEvent} union all select e.code where e.code is not null`,
}

/** How many owners have enough rows for a stretch. */
async function countReady(tx: Queryable, { owners }: Kind): Promise<number> {
  const [row] = await tx.run<{ ready: number }>(sql`
    select count(*)::int as ready from occurrence_owner where waiting >= ${ROWS_PER_STRETCH} and ${owners}`)
  return row?.ready ?? 0
}

async function cutStretches(tx: Queryable, { owners, rows, values }: Kind, until: Date, now: Date): Promise<void> {
  await tx.run(sql`
    with ready as materialized (
      select * from occurrence_owner where waiting >= ${ROWS_PER_STRETCH} and ${owners} limit ${OWNERS_PER_STATEMENT}
    ), numbered as (
      select o.account_id, o.owner, r.*,
             row_number() over (partition by o.account_id, o.owner order by r.id) - 1 as place,
             count(*) over (partition by o.account_id, o.owner) as found
        from ready o cross join lateral (${rows(until)}) as r
    ), stretched as materialized (
      select n.*, min(id) over stretch as first_id, max(id) over stretch as last_id
        from (select *, place / ${ROWS_PER_STRETCH} as stretch_no from numbered
               where place < found / ${ROWS_PER_STRETCH} * ${ROWS_PER_STRETCH}) as n
      window stretch as (partition by account_id, owner, stretch_no)
    ), noted as (
      insert into occurrence (account_id, owner, value, first_id, last_id, ids, noted_at)
      select e.account_id, e.owner, v.value, e.first_id, e.last_id,
             case when count(*) <= ${FEW} then array_agg(e.id) end, ${now}::timestamptz
        from stretched e cross join lateral (${values}) as v (value)
       where v.value is not null
       group by e.account_id, e.owner, v.value, e.first_id, e.last_id
    ), moved as (
      update occurrence_owner o
         set until_id = coalesce(s.last_id, o.until_id), waiting = case when s.last_id is null then 0 else o.waiting - s.rows end
        from ready r
        left join (select account_id, owner, max(last_id) as last_id, count(*) as rows from stretched group by account_id, owner) as s
          using (account_id, owner)
       where o.account_id = r.account_id and o.owner = r.owner
    )
    select 1`)
}
