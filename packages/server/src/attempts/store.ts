import { addMs } from '#src/adapters/clock.ts'
import type { Page, WindowPage } from '#src/adapters/http/pages.ts'
import { KSUID_LENGTH, ksuidFloor, ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { Cause } from '#src/delivery/delivery.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { passes } from '#src/events/event-store.ts'
import { typesAmong } from '#src/events/event-type-store.ts'
import type { StoredEvent } from '#src/events/message-out.ts'
import { everything, fill, rangesWith, rowsIn } from '#src/occurrences/ranges.ts'
import { valuesOf } from '#src/occurrences/values.ts'
import type { Range } from '#src/tally/range.ts'
import { type Attempt, type AttemptHeaders, type Ending, parseFailureClass } from './attempt.ts'

/** An attempt may bear an id this much earlier than its event's: it is made by another process, on its own reading of the time. */
export const CLOCKS_APART_MS_MAX = 60_000

/** The smallest id that an attempt can have which was made at this time or later, on any process's clock. */
export function attemptsFrom(time: Date): string {
  return ATTEMPT_ID_PREFIX + ksuidFloor(addMs(time, -CLOCKS_APART_MS_MAX))
}

/** Which attempts a list shows, beside those of one endpoint or one event. */
export type AttemptFilter = EventFilter & {
  ending: Ending | null
  statusCodeClass: number | null // 0: no response; 100 … 500
  withContent: boolean
  withEvent: boolean
}

/** What events are listed, or attempts at them. Types: names of types and of groups. */
export type EventFilter = { types: readonly string[] | null; channel: string | null; tag: string | null }

type AttemptRow = {
  id: string
  event_id: string
  endpoint_id: string
  cause: Cause
  number: number
  url: string
  outcome: string
  ending: Ending
  failure_class: string | null
  status_code: number
  duration_ms: number
  limit_ms: number | null
  response: Buffer | null
  started_at: Date
  next_at: Date | null
}

export type EventRow = {
  event_id: string
  event_type: string
  event_uid: string | null
  event_channels: string[] | null
  event_tags: string[] | null
  event_created_at: Date
  event_deliver_at: Date | null
  event_content_type: string | null
  event_payload: Buffer | null
}

export const ending = sql`case when a.failure_class is null then 'delivered' when a.outcome = 'canceled' then 'canceled' else 'failed' end`

// the next attempt is shown on the last one made, and only while it is still to come
const attemptColumns = sql`a.id, a.event_id, a.endpoint_id, a.cause, a.number, a.url, a.outcome, ${ending} as ending,
       a.failure_class, a.status_code, a.duration_ms, a.timings_ms[6] as limit_ms, a.started_at,
       case when a.next_attempt_at is not null then
         (select p.due_at from pending p join endpoint t on t.account_id = p.account_id and t.id = p.endpoint_id
           where p.account_id = a.account_id and p.event_id = a.event_id and p.delivery_id = a.delivery_id
             and p.attempts_made = a.number and not is_canceled(p, t)) end as next_at`

export const eventColumns = sql`e.type as event_type, e.uid as event_uid, e.channels as event_channels, e.tags as event_tags,
       e.created_at as event_created_at, e.deliver_at as event_deliver_at, e.content_type as event_content_type`

function toAttempt(row: AttemptRow & Partial<EventRow>): Attempt {
  return {
    id: row.id,
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    cause: row.cause,
    number: row.number,
    url: row.url,
    outcome: row.outcome,
    ending: row.ending,
    failureClass: parseFailureClass(row.failure_class),
    statusCode: row.status_code,
    durationMs: row.duration_ms,
    limitMs: row.limit_ms,
    response: row.response,
    startedAt: row.started_at,
    nextAt: row.next_at,
    event: hasEvent(row) ? toEvent(row) : null,
  }
}

/** Columns of the event come with those of an attempt only where they were asked for. */
function hasEvent(row: AttemptRow & Partial<EventRow>): row is AttemptRow & EventRow {
  return typeof row.event_type === 'string'
}

export function toEvent(row: EventRow): StoredEvent {
  return {
    id: row.event_id,
    type: row.event_type,
    uid: row.event_uid,
    channels: row.event_channels,
    tags: row.event_tags,
    createdAt: row.event_created_at,
    deliverAt: row.event_deliver_at,
    payload: row.event_payload,
    contentType: row.event_content_type,
  }
}

function endingIs(wanted: Ending | null): Sql {
  switch (wanted) {
    case null:
      return sql`true`
    case 'delivered':
      return sql`a.failure_class is null`
    case 'failed':
      return sql`a.failure_class is not null and a.outcome <> 'canceled'`
    case 'canceled':
      return sql`a.failure_class is not null and a.outcome = 'canceled'`
  }
}

/** A code of 2xx is a success and no other is one; a cancellation has none. */
function isNever(wantedEnding: Ending | null, statusCodeClass: number | null): boolean {
  if (wantedEnding === null || statusCodeClass === null) return false
  if (wantedEnding === 'canceled') return statusCodeClass !== 0
  return (wantedEnding === 'delivered') !== (statusCodeClass === 200)
}

/** @param wanted  0: no response; 100 … 500 */
function codeIs(wanted: number | null): Sql {
  if (wanted === null) return sql`true`
  const isOfClass = sql`a.status_code between ${wanted}::int and ${wanted === 0 ? 0 : wanted + 99}::int`
  // whatever is not 2xx has failed: said, it is looked up among the few that have
  return wanted === 200 ? isOfClass : sql`a.failure_class is not null and ${isOfClass}`
}

export function inOrder(page: Page): Sql {
  return page.read === 'ascending' ? sql`asc` : sql`desc`
}

/** Of one event (the endpoint may be given too) or of one endpoint. */
export type AttemptsOf = { event: { id: string }; endpointId: string | null } | { event: null; endpointId: string }

/**
 * Attempts within a page's window, newest first unless the page reads upwards; one more than its limit. The bounds of the ids
 * choose the partitions.
 */
export async function listAttempts(
  tx: Queryable,
  account: { id: string; environment: string },
  of: AttemptsOf,
  page: WindowPage,
  { ending: wantedEnding, ...filter }: AttemptFilter,
): Promise<Attempt[]> {
  const { channel, tag, statusCodeClass } = filter
  if (isNever(wantedEnding, statusCodeClass)) return []
  const types = filter.types && (await typesAmong(tx, account.environment, filter.types))
  const from = of.event === null ? page.from : later(page.from, attemptsFrom(timeOf(of.event.id)))
  const window = sql`account_id = ${account.id}
       ${of.event === null ? sql`` : sql`and event_id = ${of.event.id}`}
       ${of.endpointId === null ? sql`` : sql`and endpoint_id = ${of.endpointId}`}
       and id >= ${from} and id < ${page.until}
       ${page.above === null ? sql`` : sql`and id > ${page.above}`}
       ${page.below === null ? sql`` : sql`and id < ${page.below}`}`
  const batches =
    of.event === null
      ? rangesWith(
          tx,
          { accountId: account.id, owner: of.endpointId },
          page,
          valuesOf({ types, channel, tag, statusCodeClass }),
        )
      : everything()
  const hasEvent = filter.withEvent || types !== null || channel !== null || tag !== null
  const rows = await fill(batches, page.limit + 1, (ranges, limit) =>
    tx.run<AttemptRow & Partial<EventRow>>(sql`
      select ${attemptColumns}, case when ${filter.withContent} then a.response end as response
             ${filter.withEvent ? sql`, ${eventColumns}, null::bytea as event_payload` : sql``}
        from ${rowsIn('attempt', window, ranges)} as a
             ${hasEvent ? itsEvent : sql``}
       where ${endingIs(wantedEnding)} and ${codeIs(statusCodeClass)}
             ${hasEvent ? sql`and ${passes({ types, channel, tag })}` : sql``}
       order by a.id ${inOrder(page)}
       limit ${limit}`),
  )
  return rows.map(toAttempt)
}

/** The event `e` of each attempt `a`: looked up for one after the other, as no more of them are wanted than fill a page. */
export const itsEvent = sql`
  cross join lateral (select * from event where account_id = a.account_id and id = a.event_id offset 0) as e`

/** An attempt of an event; undefined when there is none of this id. */
export async function readAttempt(
  tx: Queryable,
  accountId: string,
  eventId: string,
  id: string,
): Promise<Attempt | undefined> {
  const [row] = await tx.query<AttemptRow>`
    select ${attemptColumns}, a.response
      from attempt a
     where a.account_id = ${accountId} and a.event_id = ${eventId} and a.id = ${id}`
  return row && toAttempt(row)
}

type HeadersRow = {
  cause: Cause
  outcome: string
  started_at: Date
  content_type: string | null
  sent_headers: Record<string, string> | null
  response_headers: [string, string][] | null
}

export async function readAttemptHeaders(
  tx: Queryable,
  accountId: string,
  eventId: string,
  id: string,
): Promise<AttemptHeaders | undefined> {
  const [row] = await tx.query<HeadersRow>`
    select a.cause, a.outcome, a.started_at, e.content_type, a.sent_headers, a.response_headers
      from attempt a
      join event e on e.account_id = a.account_id and e.id = a.event_id
     where a.account_id = ${accountId} and a.event_id = ${eventId} and a.id = ${id}`
  if (!row) return undefined
  return {
    eventId,
    cause: row.cause,
    outcome: row.outcome,
    startedAt: row.started_at,
    contentType: row.content_type,
    sent: row.sent_headers,
    received: row.response_headers,
  }
}

/** Is there a mark on an endpoint, without which none of its deliveries is canceled (`is_canceled`)? */
export function isMarked(endpoint: Sql): Sql {
  return sql`(${endpoint}.deleted_at is not null or ${endpoint}.disabled or ${endpoint}.canceled_before is not null)`
}

/** Deliveries planned now of events accepted in a time; test requests and examples left out. */
export async function countPlanned(
  tx: Queryable,
  endpoint: { accountId: string; id: string; shard: number },
  { since, until }: Range,
): Promise<{ waiting: number; retrying: number }> {
  const [planned] = await tx.query<{ waiting: number; retrying: number }>`
    select count(*) filter (where p.attempts_made = 0) as waiting, count(*) filter (where p.attempts_made > 0) as retrying
      from pending p
      join endpoint t on t.account_id = p.account_id and t.id = p.endpoint_id
     where p.shard = ${endpoint.shard} and p.endpoint_id = ${endpoint.id} and p.account_id = ${endpoint.accountId}
       and p.event_id >= ${`msg_${ksuidFloor(since)}`} and p.event_id < ${`msg_${ksuidFloor(until)}`}
       and p.cause <> 'test' and (not ${isMarked(sql`t`)} or not is_canceled(p, t))`
  return planned ?? { waiting: 0, retrying: 0 }
}

/** @param id  or a bound: what makes it sort behind its id says nothing of the time */
export function timeOf(id: string): Date {
  const start = id.indexOf('_') + 1
  return ksuidTime(id.slice(start, start + KSUID_LENGTH))
}

function later(one: string, other: string): string {
  return one > other ? one : other
}
