import type { Phase, Security } from '#src/adapters/outgoing/outgoing.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { prepare, sql } from '#src/adapters/postgres/sql.ts'
import { type Announcement, announcing } from '#src/events/announce.ts'
import { isWatched } from '#src/live/watched.ts'
import { kindsOf } from './attempt-kinds.ts'
import { type DeadReason, type Delivery, type DeliveryState, nextQueueOf, QUEUES } from './delivery.ts'
import type { FailureClass } from './failure-classes.ts'
import type { DisabledReason, FailureClock } from './failure-clock.ts'
import type { LaneName } from './lanes.ts'
import { isTrouble, troubling } from './troubles.ts'

/** What is kept of an attempt, or of a cancellation. */
export type AttemptRecord = {
  delivery: Delivery
  epoch: number
  id: string // atmpt_…
  number: number // 1, 2, …; 0 for a single attempt on request
  url: string
  outcome: string
  failureClass: FailureClass | null
  statusCode: number // 0 without a response
  durationMs: number
  phase: Phase | null // in which it timed out
  timingsMs: (number | null)[] | null // dns, connect, tls, first byte, queue, limit
  address: string | null // that was connected to
  security: Security | null
  response: Uint8Array | null
  responseHeaders: [string, string][] | null
  sentHeaders: Record<string, string> | null
  startedAt: Date
  state: DeliveryState
  /** A success on request ends the planned delivery of the same message to the same endpoint. */
  endsPlanned: boolean
  /** What operators hear of it, once it is written. */
  announcements: readonly Announcement[]
}

/** What the attempts of one flush mean for an endpoint. Written only onto the version that the worker knew. */
export type EndpointChange = {
  accountId: string
  endpointId: string
  version: number
  provenAt: Date | null
  failureClock: FailureClock
  certificateEndsAt: Date | null
  /** The success that has ended a failing streak; null: none since the worker knows the endpoint. */
  recoveredAt: Date | null
  /** Until when its breaker lets nothing through. */
  pausedUntil: Date | null
  disable: { reason: DisabledReason; at: Date } | null
  /** What operators hear of it, once it is written. */
  announcements: readonly Announcement[]
}

/**
 * What was written: outcomes of these shards; and where announcements are now to be delivered. `overtaken`: something that was
 * recorded was planned no more, as when it is canceled while it is under way.
 */
export type Recorded = { held: ReadonlySet<number>; announced: readonly LaneName[]; overtaken: boolean }

/**
 * Writes outcomes of many deliveries in one statement: attempts added, pending rows deleted or given their next due
 * time, endpoints changed. Refused, as a whole per shard, for shards that are no longer this worker's (`hold_shards`).
 * @param again  nobody knows whether some of the records have been written before
 */
export async function recordAttempts(
  db: Queryable,
  workerId: string,
  settled: readonly AttemptRecord[],
  changes: readonly EndpointChange[],
  again: boolean,
): Promise<Recorded> {
  const records = settled.toSorted(byEvent)
  const epochs = new Map(records.map((record) => [record.delivery.shard, record.epoch]))
  const announcements = [...records, ...changes].flatMap((written) => written.announcements)
  const hasTrouble = records.some(isTrouble)
  const pieces = records.map((record) => record.response ?? NO_BYTES)
  let end = 1
  const starts = records.map(({ response }) => {
    const start = end
    end += response?.length ?? 0
    return response === null ? null : start
  })
  const { firsts, numbers } = kindsOf(records)
  const asked = askedOf(firsts)
  const statement = sql`
    with held as materialized (
      select unnest(hold_shards(${workerId}, ${[...epochs.keys()]}::smallint[], ${[...epochs.values()]}::bigint[])) as shard
    ), done as materialized (
      select k.*, g.*, substring(${Buffer.concat(pieces)}::bytea from g.response_start for g.response_length) as response
        from unnest(${records.map((record) => record.delivery.eventId)}::text[],
                    ${records.map((record) => record.id)}::text[],
                    ${records.map((record) => record.delivery.deliveryId)}::uuid[],
                    ${records.map((record) => Math.round(record.durationMs))}::int[],
                    ${records.map((record) => timingsText(record.timingsMs))}::text[],
                    ${starts}::int[], ${pieces.map((piece) => piece.length)}::int[],
                    ${records.map((record) => record.responseHeaders && JSON.stringify(record.responseHeaders))}::text[],
                    ${records.map((record) => record.sentHeaders && JSON.stringify(record.sentHeaders))}::text[],
                    ${records.map((record) => record.startedAt.getTime())}::float8[],
                    ${records.map((record) => nextAttemptMs(record.state))}::float8[],
                    ${numbers}::int[])
          as g (event_id, id, delivery_id, duration_ms, timings, response_start, response_length, response_headers, sent_headers,
                started_ms, next_ms, kind_no)
        join unnest(${firsts.map((_, index) => index + 1)}::int[],
                    ${firsts.map((record) => record.delivery.accountId)}::text[],
                    ${firsts.map((record) => record.delivery.endpointId)}::text[],
                    ${firsts.map((record) => record.delivery.shard)}::smallint[],
                    ${firsts.map((record) => record.delivery.cause)}::text[],
                    ${firsts.map((record) => record.number)}::smallint[],
                    ${firsts.map((record) => record.url)}::text[],
                    ${firsts.map((record) => record.outcome)}::text[],
                    ${firsts.map((record) => record.failureClass)}::text[],
                    ${firsts.map((record) => record.statusCode)}::smallint[],
                    ${firsts.map((record) => record.state.status)}::text[],
                    ${firsts.map((record) => deadReasonOf(record.state))}::text[],
                    ${firsts.map((record) => record.delivery.attemptsMade + 1)}::smallint[],
                    ${firsts.map((record) => QUEUES.indexOf(nextQueueOf(record.delivery)))}::smallint[],
                    ${firsts.map((record) => record.endsPlanned)}::boolean[],
                    ${firsts.map(connectionText)}::text[]
                    ${asked ? sql`, ${asked.phases}::text[], ${asked.taskIds}::text[], ${asked.requesters}::text[]` : sql``})
          as k (no, account_id, endpoint_id, shard, cause, number, url, outcome, failure_class, status_code, state, dead_reason,
                attempts_made, next_queue, ends_planned, connection ${asked ? ASKED : sql``}) on k.no = g.kind_no
       where (k.shard in (select shard from held)) is true -- as a look-up in a hash, however many records there are
    ), written as (
      insert into attempt (account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
                           status_code, duration_ms, timings_ms, response, response_headers, sent_headers, started_at, state,
                           dead_reason, next_attempt_at, connection ${asked ? ASKED : sql``})
      select account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
             status_code, duration_ms, timings::int[], response, response_headers::jsonb, sent_headers::jsonb,
             to_timestamp(started_ms / 1000), state, dead_reason, to_timestamp(next_ms / 1000), connection
             ${asked ? ASKED : sql``}
        from done
      ${again ? sql`on conflict do nothing` : sql``}
      ${again || hasTrouble ? sql`returning id` : sql``}
    ), noted as (
      insert into live_change (account_id, topic, subject, change)
      select d.account_id, 'delivery', d.delivery_id,
             delivery_change(d.delivery_id, d.event_id, d.endpoint_id, d.state, d.id, d.number, d.status_code, d.failure_class,
                             to_timestamp(d.next_ms / 1000), to_timestamp((d.started_ms + d.duration_ms) / 1000))
        from done d
       where ${isWatched(sql`d.account_id`)} ${again ? sql`and d.id in (select id from written)` : sql``}
    ), finished as (
      delete from pending p using done d
       where p.account_id = d.account_id and p.event_id = d.event_id and p.delivery_id = d.delivery_id and d.state <> 'pending'
      returning 1
    ), planned as (
      delete from pending p using done d
       where d.ends_planned and p.account_id = d.account_id and p.event_id = d.event_id and p.endpoint_id = d.endpoint_id
         and p.delivery_id <> d.delivery_id and p.cause in ('event', 'replay')
    ), later as (
      update pending p
         set due_at = to_timestamp(d.next_ms / 1000), attempts_made = d.attempts_made, queue = d.next_queue
        from done d
       where p.account_id = d.account_id and p.event_id = d.event_id and p.delivery_id = d.delivery_id and d.state = 'pending'
         and not exists (select from done o where o.ends_planned and o.account_id = d.account_id and o.event_id = d.event_id
                                              and o.endpoint_id = d.endpoint_id)
      returning 1
    ), endpoints as (
      update endpoint e
         set proven_at = c.proven_at, failing_since = c.failing_since, failures = c.failures, last_attempt_at = c.last_attempt_at,
             warned_percent = c.warned_percent, certificate_ends_at = c.certificate_ends_at,
             recovered_at = greatest(c.recovered_at, e.recovered_at),
             paused_until = c.paused_until,
             paused_since = case when c.paused_until is not null then coalesce(e.paused_since, c.last_attempt_at) end,
             disabled_at = case when c.disable_reason is not null and not e.disabled then c.disabled_at else e.disabled_at end,
             disabled = e.disabled or c.disable_reason is not null,
             disabled_reason = coalesce(e.disabled_reason, c.disable_reason),
             canceled_before = case when c.disable_reason is not null then c.disabled_at else e.canceled_before end,
             version = e.version + (c.disable_reason is not null)::int
        from unnest(${changes.map((change) => change.accountId)}::text[],
                    ${changes.map((change) => change.endpointId)}::text[],
                    ${changes.map((change) => change.version)}::bigint[],
                    ${changes.map((change) => change.provenAt)}::timestamptz[],
                    ${changes.map((change) => change.failureClock.failingSince)}::timestamptz[],
                    ${changes.map((change) => change.failureClock.failures)}::int[],
                    ${changes.map((change) => change.failureClock.lastAttemptAt)}::timestamptz[],
                    ${changes.map((change) => change.failureClock.warnedPercent)}::smallint[],
                    ${changes.map((change) => change.certificateEndsAt)}::timestamptz[],
                    ${changes.map((change) => change.recoveredAt)}::timestamptz[],
                    ${changes.map((change) => change.pausedUntil)}::timestamptz[],
                    ${changes.map((change) => change.disable?.reason ?? null)}::text[],
                    ${changes.map((change) => change.disable?.at ?? null)}::timestamptz[])
          as c (account_id, id, version, proven_at, failing_since, failures, last_attempt_at, warned_percent, certificate_ends_at,
                recovered_at, paused_until, disable_reason, disabled_at)
       where e.account_id = c.account_id and e.id = c.id and e.version = c.version and e.shard in (select shard from held)
      returning e.account_id, e.id
    )
    ${hasTrouble ? sql`, troubled as (${troubling})` : sql``}
    ${announcements.length > 0 ? sql`, announced as materialized (${announcing(announcements, IS_WRITTEN)})` : sql``}
    select array(select shard from held) as held,
           -- whoever cancels holds endpoints before deliveries: so does this
           case when (select count(*) from endpoints) >= 0
             then (select count(*) from finished) + (select count(*) from later) < (select count(*) from done) end as overtaken,
           ${announcements.length > 0 ? ANNOUNCED : sql`null::json`} as announced`
  const [row] = await db.run<RecordedRow>(prepare(statement))
  return {
    held: new Set(row?.held ?? []),
    overtaken: row?.overtaken ?? false,
    announced: (row?.announced ?? []).map(([accountId, endpointId, shard]) => ({ accountId, endpointId, shard })),
  }
}

/** What goes into an index one after the other, in its order, fills its pages; what does not splits them in halves. */
function byEvent({ delivery: one }: AttemptRecord, { delivery: other }: AttemptRecord): number {
  return Number(one.eventId > other.eventId) - Number(one.eventId < other.eventId)
}

type RecordedRow = {
  held: number[]
  overtaken: boolean
  announced: [accountId: string, endpointId: string, shard: number][] | null
}

/** Announcements of what this statement writes: of attempts, and of endpoints as they are changed. */
const IS_WRITTEN = sql`
  case when w.attempt_id is not null then w.attempt_id in (select id from done)
       else (w.account_id, w.endpoint_id) in (select account_id, id from endpoints) end`
const ANNOUNCED = sql`
  (select json_agg(json_build_array(lane_account_id, lane_endpoint_id, lane_shard)) from announced)`

const ASKED = sql`, phase, task_id, requested_by`

/** What few attempts have. Where none of them does, it is not part of the statement: each column costs all of them a little. */
function askedOf(records: readonly AttemptRecord[]) {
  const hasSome = records.some(({ phase, delivery }) => phase ?? delivery.taskId ?? delivery.requestedBy)
  if (!hasSome) return null
  return {
    phases: records.map(({ phase }) => phase),
    taskIds: records.map(({ delivery }) => delivery.taskId),
    requesters: records.map(({ delivery }) => delivery.requestedBy),
  }
}

/** Address, TLS version and the end of the certificate in Unix seconds, as far as there are any: one column for all that is shown. */
function connectionText({ address, security }: AttemptRecord): string | null {
  if (address === null || security === null) return address
  const { version, certificateExpiresAt } = security
  return `${address} ${version ?? '-'} ${certificateExpiresAt ? certificateExpiresAt.getTime() / 1000 : '-'}`
}

const NO_BYTES = new Uint8Array(0)

function timingsText(timings: readonly (number | null)[] | null): string | null {
  return timings && `{${timings.map((ms) => (ms === null ? 'null' : Math.round(ms))).join(',')}}`
}

function deadReasonOf(state: DeliveryState): DeadReason | null {
  return state.status === 'dead_letter' ? state.reason : null
}

function nextAttemptMs(state: DeliveryState): number | null {
  return state.status === 'pending' ? state.nextAttemptAt.getTime() : null
}
