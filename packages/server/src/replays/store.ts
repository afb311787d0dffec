import { addMs } from '#src/adapters/clock.ts'
import { ksuidFloor, ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { attemptsFrom } from '#src/attempts/store.ts'
import type { Cause } from '#src/delivery/delivery.ts'
import { ATTEMPT_ID_PREFIX, QUEUES, type Queue } from '#src/delivery/delivery.ts'
import { isAmong } from '#src/events/event-type-store.ts'
import type { ReplayFilter, ReplayOrder } from './replay.ts'

const EVENT_ID_PREFIX = 'msg_'
/** Attempts that other processes made before a task began may bear ids this much later than its beginning. */
const CLOCKS_APART_MS_MAX = 60_000

/**
 * What a row that a replay comes by means for it. `repeat`: another attempt at an event that is treated with its first,
 * or at an event outside the replay's time; `other`: an event that needs nothing, or is not meant; `delivered`: it has failed
 * and was delivered later; `planned`: the schedule goes on with it; `gone`: one that needs a delivery and has no payload any more.
 */
export type Verdict = 'repeat' | 'other' | 'delivered' | 'planned' | 'gone' | 'wanted'
export type ScannedRow = { position: string; eventId: string; verdict: Verdict }

/** Of one endpoint, events with ids `from` to `below` (without prefix); `after`: what was treated last, in the order. */
export type Scan = {
  accountId: string
  endpointId: string
  from: string
  below: string
  after: string | null
  startedAt: Date
  now: Date
  limit: number
  order: ReplayOrder
}

/** Attempts of now have smaller ids, and so no partition of a later day is looked through for them. */
function attemptsUntil(moment: Date): string {
  return ATTEMPT_ID_PREFIX + ksuidFloor(addMs(moment, CLOCKS_APART_MS_MAX))
}

type ScanRow = { position: string; event_id: string; verdict: Verdict }

function toScanned(row: ScanRow): ScannedRow {
  return { position: row.position, eventId: row.event_id, verdict: row.verdict }
}

/**
 * Where a scan by these ids goes on. An event comes with the first of its attempts in either order: later ones may be made
 * while the replay goes on.
 */
function onwards({ after, order }: Scan): Sql {
  if (after === null) return sql`true`
  return order === 'oldest' ? sql`id > ${after}` : sql`id < ${after}`
}

function inOrder({ order }: Scan): Sql {
  return order === 'oldest' ? sql`asc` : sql`desc`
}

/**
 * The next failed attempts at an endpoint, by their ids. An event comes with the first of its own, so that it comes once.
 * Reads the index of failed attempts and no more of it than `limit` rows.
 */
export async function scanFailed(tx: Queryable, scan: Scan): Promise<ScannedRow[]> {
  const { accountId, endpointId, limit } = scan
  const from = attemptsFrom(ksuidTime(scan.from))
  const until = attemptsUntil(scan.startedAt)
  const made = attemptsUntil(scan.now)
  const rows = await tx.query<ScanRow>`
    select c.id as position, c.event_id,
           case when c.event_id < ${EVENT_ID_PREFIX + scan.from} or c.event_id >= ${EVENT_ID_PREFIX + scan.below} then 'repeat'
                when o.failed_before then 'repeat'
                when o.delivered then 'delivered'
                when not exists (select from event e
                                  where e.account_id = ${accountId} and e.id = c.event_id and e.payload is not null)
                  then 'gone'
                else 'wanted' end as verdict
      from (select id, event_id from attempt
             where account_id = ${accountId} and endpoint_id = ${endpointId} and failure_class is not null
               and outcome <> 'canceled' and id >= ${from} and id < ${until} and ${onwards(scan)}
             order by id ${inOrder(scan)} limit ${limit}) as c
     cross join lateral (
           select coalesce(bool_or(a.failure_class is not null and a.outcome <> 'canceled' and a.id < c.id), false) as failed_before,
                  coalesce(bool_or(a.failure_class is null), false) as delivered
             from attempt a
            where a.account_id = ${accountId} and a.event_id = c.event_id and a.id >= ${from} and a.id < ${made}
              and a.endpoint_id = ${endpointId}) as o
     order by c.id ${inOrder(scan)}`
  return rows.map(toScanned)
}

/**
 * The next attempts at an endpoint, by their ids, whatever came of them. An event comes with the first of its own; the filter is
 * held against its latest, and against the event itself.
 */
export async function scanAttempted(tx: Queryable, scan: Scan, filter: ReplayFilter): Promise<ScannedRow[]> {
  const { accountId, endpointId, limit } = scan
  const from = attemptsFrom(ksuidTime(scan.from))
  const until = attemptsUntil(scan.startedAt)
  const made = attemptsUntil(scan.now)
  const { eventTypes, channel, tag, status, statusCodeClass } = filter
  const rows = await tx.query<ScanRow>`
    select c.id as position, c.event_id,
           case when c.event_id < ${EVENT_ID_PREFIX + scan.from} or c.event_id >= ${EVENT_ID_PREFIX + scan.below} then 'repeat'
                when exists (select from attempt f
                              where f.account_id = ${accountId} and f.event_id = c.event_id and f.id >= ${from} and f.id < c.id
                                and f.endpoint_id = ${endpointId} and f.outcome <> 'canceled')
                  then 'repeat'
                when e.id is null then 'gone'
                when (${status}::int is not null and ${status}::int <> latest.status)
                  or (${statusCodeClass}::int is not null and ${statusCodeClass}::int <> latest.code / 100 * 100)
                  or (${channel}::text is not null and not coalesce(${channel} = any (e.channels), false))
                  or (${tag}::text is not null and not coalesce(${tag} = any (e.tags), false))
                  or not ${isAmong(sql`e.type`, sql`t.environment`, eventTypes)}
                  then 'other'
                when e.payload is null then 'gone'
                else 'wanted' end as verdict
      from (select id, event_id from attempt
             where account_id = ${accountId} and endpoint_id = ${endpointId} and outcome <> 'canceled'
               and id >= ${from} and id < ${until} and ${onwards(scan)}
             order by id ${inOrder(scan)} limit ${limit}) as c
      join endpoint t on t.account_id = ${accountId} and t.id = ${endpointId}
      left join event e on e.account_id = ${accountId} and e.id = c.event_id
     cross join lateral (
           select case when l.failure_class is null then 0 when l.outcome = 'canceled' then 4 else 2 end as status,
                  l.status_code as code
             from attempt l
            where l.account_id = ${accountId} and l.event_id = c.event_id and l.id >= ${from} and l.id < ${made}
              and l.endpoint_id = ${endpointId}
            order by l.id desc limit 1) as latest
     order by c.id ${inOrder(scan)}`
  return rows.map(toScanned)
}

/**
 * The next events of an account, by their ids, and whether an endpoint misses them: it wants them now, was never tried with
 * them, and nothing is planned. Test requests are for the endpoint that they were made for, and are missed by none.
 */
export async function scanMissing(tx: Queryable, scan: Scan): Promise<ScannedRow[]> {
  const { accountId, endpointId, after, limit, order } = scan
  const from = order === 'oldest' && after !== null ? after : EVENT_ID_PREFIX + scan.from
  const attempts = attemptsFrom(ksuidTime(from.slice(EVENT_ID_PREFIX.length)))
  const made = attemptsUntil(scan.now)
  const rows = await tx.query<ScanRow>`
    select c.id as position, c.id as event_id,
           case when c.only_endpoint_id is not null or not endpoint_wants(enabled, null, c.type, y, c.channels) then 'other'
                when exists (select from attempt a
                              where a.account_id = ${accountId} and a.event_id = c.id and a.id >= ${attempts} and a.id < ${made}
                                and a.endpoint_id = ${endpointId} and a.outcome <> 'canceled')
                  then 'other'
                when exists (select from pending p
                              where p.account_id = ${accountId} and p.event_id = c.id and p.endpoint_id = ${endpointId}
                                and not is_canceled(p, t))
                  then 'other'
                when not c.has_payload then 'gone'
                else 'wanted' end as verdict
      from (select id, type, channels, only_endpoint_id, payload is not null as has_payload from event
             where account_id = ${accountId} and id >= ${from} and id < ${EVENT_ID_PREFIX + scan.below} and ${onwards(scan)}
             order by id ${inOrder(scan)} limit ${limit}) as c
      join endpoint t on t.account_id = ${accountId} and t.id = ${endpointId}
      -- what a disabled one missed is counted before it is enabled
      cross join lateral jsonb_populate_record(t, '{"disabled": false}') as enabled
      left join event_type y on y.environment = t.environment and y.name = c.type
     order by c.id ${inOrder(scan)}`
  return rows.map(toScanned)
}

export type ReplayTarget = { shard: number; disabled: boolean; deleted: boolean }

export async function readReplayTarget(
  tx: Queryable,
  accountId: string,
  endpointId: string,
): Promise<ReplayTarget | undefined> {
  const [row] = await tx.query<ReplayTarget>`
    select shard, disabled, deleted_at is not null as deleted from endpoint
     where account_id = ${accountId} and id = ${endpointId}`
  return row
}

const REPLAYS: Queue = 'replay'

/** How many deliveries of replays are due at an endpoint and not attempted yet, counted up to `countMax`. */
export async function countDueReplays(
  tx: Queryable,
  { shard, endpointId }: { shard: number; endpointId: string },
  now: Date,
  countMax: number,
): Promise<number> {
  const [row] = await tx.query<{ due: number }>`
    select count(*) as due
      from (select from pending
             where shard = ${shard} and endpoint_id = ${endpointId} and queue = ${QUEUES.indexOf(REPLAYS)} and due_at <= ${now}
             limit ${countMax}) as backlog`
  return row?.due ?? 0
}

/** Of these events those with a delivery to the endpoint that is still planned. */
export async function plannedAmong(
  tx: Queryable,
  { accountId, endpointId }: { accountId: string; endpointId: string },
  eventIds: readonly string[],
): Promise<Set<string>> {
  const rows = await tx.query<{ event_id: string }>`
    select distinct p.event_id
      from pending p
      join endpoint t on t.account_id = p.account_id and t.id = p.endpoint_id
     where p.account_id = ${accountId} and p.event_id = any (${eventIds}::text[]) and p.endpoint_id = ${endpointId}
       and p.cause in ('event', 'replay') and not is_canceled(p, t)`
  return new Set(rows.map((row) => row.event_id))
}

export type PlannedReplay = { eventId: string; dueAt: Date }

export async function planReplays(
  tx: Queryable,
  of: { accountId: string; endpointId: string; shard: number; cause: Cause; taskId: string },
  replays: readonly PlannedReplay[],
  now: Date,
): Promise<void> {
  await tx.query`
    insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, task_id, created_at, due_at)
    select ${of.accountId}, w.event_id, gen_random_uuid(), ${of.endpointId}, ${of.shard}::smallint,
           ${QUEUES.indexOf(REPLAYS)}::smallint, ${of.cause}, ${of.taskId}, ${now}::timestamptz, w.due_at
      from unnest(${replays.map((replay) => replay.eventId)}::text[],
                  ${replays.map((replay) => replay.dueAt)}::timestamptz[]) as w (event_id, due_at)`
}

/**
 * Plans one attempt of one event, due at once, whatever the endpoint's filters, and also when it is disabled.
 * @returns why nothing was planned: one of the two is gone, or the payload is
 */
export async function planResend(
  tx: Queryable,
  { accountId, endpointId, eventId }: { accountId: string; endpointId: string; eventId: string },
  requestedBy: string,
  now: Date,
): Promise<'planned' | 'not_found' | 'no_payload'> {
  const [found] = await tx.query<{ has_payload: boolean }>`
    with found as (
      select t.shard, e.payload is not null as has_payload
        from event e
        join endpoint t on t.account_id = e.account_id and t.id = ${endpointId} and t.deleted_at is null
       where e.account_id = ${accountId} and e.id = ${eventId}
    ), planned as (
      insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, requested_by, created_at,
                           due_at)
      select ${accountId}, ${eventId}, gen_random_uuid(), ${endpointId}, shard, 0, 'resend', ${requestedBy}, ${now}::timestamptz, ${now}::timestamptz
        from found where has_payload
    )
    select has_payload from found`
  if (!found) return 'not_found'
  return found.has_payload ? 'planned' : 'no_payload'
}

/** Makes the next planned attempt at an event due now. @returns false when none is planned */
export async function hastenPlanned(
  tx: Queryable,
  { accountId, endpointId, eventId }: { accountId: string; endpointId: string; eventId: string },
  now: Date,
): Promise<boolean> {
  const rows = await tx.query`
    update pending set due_at = ${now}
     where (account_id, event_id, delivery_id) in (
             select p.account_id, p.event_id, p.delivery_id
               from pending p
               join endpoint t on t.account_id = p.account_id and t.id = p.endpoint_id
              where p.account_id = ${accountId} and p.event_id = ${eventId} and p.endpoint_id = ${endpointId}
                and not is_canceled(p, t)
              order by p.due_at limit 1)
       and due_at > ${now}
    returning 1`
  return rows.length > 0
}

/**
 * Cancels what is planned of events accepted before a moment, by the mark on the endpoint: the owner obeys it with the next
 * attempt, lists at once, and the rows follow. A delivery counts as made with its event, except a replay's, which is made
 * later: those of older events are first let count as made with them. What is being recorded just now is not waited
 * for, as a record that waits would hold up a whole worker.
 * @returns false when the endpoint has been deleted
 */
export async function cancelBefore(
  tx: Queryable,
  { accountId, endpointId, shard }: { accountId: string; endpointId: string; shard: number },
  moment: Date,
): Promise<boolean> {
  await tx.query`
    with replays as (
      select account_id, event_id, delivery_id from pending
       where shard = ${shard} and endpoint_id = ${endpointId} and queue = ${QUEUES.indexOf(REPLAYS)}
         and account_id = ${accountId} and event_id < ${EVENT_ID_PREFIX + ksuidFloor(moment)} and created_at >= ${moment}
         for no key update skip locked
    )
    update pending p set created_at = e.created_at
      from replays r
      join event e on e.account_id = r.account_id and e.id = r.event_id
     where p.account_id = r.account_id and p.event_id = r.event_id and p.delivery_id = r.delivery_id`
  const rows = await tx.query`
    update endpoint set canceled_before = greatest(canceled_before, ${moment}::timestamptz), version = version + 1
     where account_id = ${accountId} and id = ${endpointId} and deleted_at is null
    returning id`
  return rows.length > 0
}
