import type { Phase, Security } from '#src/adapters/outgoing/outgoing.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { firstsByName, joinPieces } from '#src/adapters/postgres/lists.ts'
import { prepare, type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { type Bundle, heldShards } from '#src/events/accept.ts'
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
 * recorded was planned no more, as when it is canceled while it is under way. `unpacked`: nothing was written of what is in these.
 */
export type Recorded = {
  held: ReadonlySet<number>
  announced: readonly LaneName[]
  overtaken: boolean
  unpacked: ReadonlySet<Bundle>
}

/**
 * `again`: nobody knows whether some of the records have been written before. `packed`: the bundles of records, as far as this
 * process knows; `emptied`: of which everything is recorded now.
 */
export type Writing = { again: boolean; packed: readonly Bundle[]; emptied: readonly Bundle[] }

/**
 * Writes outcomes of many deliveries in one statement: attempts added, pending rows deleted or given their next due
 * time, endpoints changed. Refused, as a whole per shard, for shards that are no longer this worker's (`hold_shards`).
 * A record of a bundle that is unpacked meanwhile is not written: its delivery has a row, which a later statement sees.
 */
export async function recordAttempts(
  db: Queryable,
  workerId: string,
  settled: readonly AttemptRecord[],
  changes: readonly EndpointChange[],
  { again, packed, emptied }: Writing,
): Promise<Recorded> {
  const records = settled.toSorted(byEvent)
  const epochs = new Map(records.map((record) => [record.delivery.shard, record.epoch]))
  const announcements = [...records, ...changes].flatMap((written) => written.announcements)
  const hasTrouble = records.some(isTrouble)
  const hasResponses = records.some(({ response }) => response !== null)
  const responses = hasResponses ? joinPieces(records.map(({ response }) => response)) : null
  const heads = firstsByName(records.map(headOf), (text) => text) // most receivers answer with the same headers each time
  const rest = restOf(records)
  const { firsts, numbers } = kindsOf(records)
  const asked = askedOf(firsts)
  const bundles = [...new Set([...packed, ...emptied])] // those of these records first
  const bundleNumbers = new Map(bundles.map((bundle, index) => [bundle, index + 1]))
  const retriesPacked = records.some(({ delivery, state }) => delivery.bundle?.isPacked && state.status === 'pending')
  const statement = sql`
    with ${heldShards(workerId, epochs)}, ${bundles.length > 0 ? keptOf(bundles) : sql``}
    done as materialized (
      select k.*, g.event_id, g.id, g.delivery_id, g.duration_ms, g.timings, g.started_ms, g.bundle_no, h.response_headers,
             ${responses ? sql`substring(${responses.bytes}::bytea from g.response_start for g.response_length)` : sql`null::bytea`} as response,
             ${rest ? sql`g.sent_text::jsonb` : sql`null::jsonb`} as sent_headers, ${rest ? sql`g.next` : sql`null::float8`} as next_ms
        from unnest(${records.map((record) => record.delivery.eventId)}::text[],
                    ${records.map((record) => record.id)}::text[],
                    ${records.map((record) => record.delivery.deliveryId)}::uuid[],
                    ${records.map((record) => Math.round(record.durationMs))}::int[],
                    ${records.map((record) => timingsText(record.timingsMs))}::text[],
                    ${records.map((record) => record.startedAt.getTime())}::float8[],
                    ${heads.numbers}::int[], ${numbers}::int[],
                    ${records.map(({ delivery: { bundle } }) => (bundle && bundleNumbers.get(bundle)) ?? 0)}::int[]
                    ${responses ? sql`, ${responses.starts}::int[], ${responses.lengths}::int[]` : sql``}
                    ${rest ? sql`, ${rest.sentHeaders}::text[], ${rest.nextMs}::float8[]` : sql``})
             with ordinality
          as g (event_id, id, delivery_id, duration_ms, timings, started_ms, head_no, kind_no, bundle_no
                ${responses ? sql`, response_start, response_length` : sql``} ${rest ? sql`, sent_text, next` : sql``}, no)
        join (select no, text::jsonb as response_headers
                from unnest(${heads.firsts}::text[]) with ordinality as t (text, no)) as h on h.no = g.head_no
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
         ${bundles.length > 0 ? sql`and (g.bundle_no = 0 or g.bundle_no in (select no from kept)) is true` : sql``}
       order by g.no
    ), written as (
      insert into attempt (account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
                           status_code, duration_ms, timings_ms, response, response_headers, sent_headers, started_at, state,
                           dead_reason, next_attempt_at, connection ${asked ? ASKED : sql``})
      select account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
             status_code, duration_ms, timings::int[], response, response_headers, sent_headers,
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
         and d.bundle_no = 0
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
         and d.bundle_no = 0 and ${NOT_ENDED}
      returning 1
    ${retriesPacked ? laterUnpacked(again) : sql``}
    ${emptied.length > 0 ? emptying(emptied.map((bundle) => bundleNumbers.get(bundle) ?? 0)) : sql``}
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
             then (select count(*) from finished) + (select count(*) from later) < (select count(*) from done where bundle_no = 0) end as overtaken,
           ${bundles.length > 0 ? sql`array(select no from kept)` : sql`null::int[]`} as kept,
           ${announcements.length > 0 ? ANNOUNCED : sql`null::json`} as announced`
  const [row] = await db.run<RecordedRow>(prepare(statement))
  return {
    held: new Set(row?.held ?? []),
    overtaken: row?.overtaken ?? false,
    unpacked: new Set(packed.filter((_, index) => !row?.kept?.includes(index + 1))),
    announced: (row?.announced ?? []).map(([accountId, endpointId, shard]) => ({ accountId, endpointId, shard })),
  }
}

/**
 * Which of these bundles are there, locked against unpacking. After `held`: who takes shards over has their worker's lock before
 * those of its bundles, too.
 */
function keptOf(bundles: readonly Bundle[]): Sql {
  return sql`
    kept as materialized (
      select k.no, b.account_id, b.id
        from pending_bundle b
        join unnest(${bundles.map(({ accountId }) => accountId)}::text[], ${bundles.map(({ id }) => id)}::uuid[])
               with ordinality as k (account_id, id, no) on k.account_id = b.account_id and k.id = b.id
       where (select count(*) from held) >= 0
       order by b.account_id, b.id for key share of b
    ),`
}

const NOT_ENDED = sql`
  not exists (select from done o where o.ends_planned and o.account_id = d.account_id and o.event_id = d.event_id
                                   and o.endpoint_id = d.endpoint_id)`

/** What was packed and is to be tried again has a row from then on. */
function laterUnpacked(again: boolean): Sql {
  return sql`
    ), later_unpacked as (
      insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, attempts_made, created_at, due_at)
      select d.account_id, d.event_id, d.delivery_id, d.endpoint_id, d.shard, d.next_queue, d.cause, d.attempts_made, e.created_at,
             to_timestamp(d.next_ms / 1000)
        from done d join event e on e.account_id = d.account_id and e.id = d.event_id
       where d.bundle_no > 0 and d.state = 'pending' and ${NOT_ENDED}
      ${again ? sql`on conflict do nothing` : sql``}`
}

function emptying(numbers: readonly number[]): Sql {
  return sql`
    ), emptied as (
      delete from pending_bundle b using kept k
       where k.no = any (${numbers}::int[]) and b.account_id = k.account_id and b.id = k.id`
}

/** What goes into an index one after the other, in its order, fills its pages; what does not splits them in halves. */
function byEvent({ delivery: one }: AttemptRecord, { delivery: other }: AttemptRecord): number {
  return Number(one.eventId > other.eventId) - Number(one.eventId < other.eventId)
}

type RecordedRow = {
  held: number[]
  overtaken: boolean
  kept: number[] | null
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

function headOf({ responseHeaders }: AttemptRecord): string | null {
  return responseHeaders && JSON.stringify(responseHeaders)
}

/** What those have that do not just succeed. */
function restOf(records: readonly AttemptRecord[]) {
  if (records.every(({ sentHeaders, state }) => sentHeaders === null && state.status !== 'pending')) return null
  return {
    sentHeaders: records.map(({ sentHeaders }) => sentHeaders && JSON.stringify(sentHeaders)),
    nextMs: records.map(({ state }) => nextAttemptMs(state)),
  }
}

function timingsText(timings: readonly (number | null)[] | null): string | null {
  return timings && `{${timings.map((ms) => (ms === null ? 'null' : Math.round(ms))).join(',')}}`
}

function deadReasonOf(state: DeliveryState): DeadReason | null {
  return state.status === 'dead_letter' ? state.reason : null
}

function nextAttemptMs(state: DeliveryState): number | null {
  return state.status === 'pending' ? state.nextAttemptAt.getTime() : null
}
