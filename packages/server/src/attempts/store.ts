import { addMs } from '#src/adapters/clock.ts'
import type { Page, WindowPage } from '#src/adapters/http/pages.ts'
import { ksuidFloor, ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { Cause } from '#src/delivery/delivery.ts'
import { isAmong } from '#src/events/event-type-store.ts'
import type { StoredEvent } from '#src/events/message-out.ts'
import {
  type Attempt,
  type AttemptHeaders,
  type Ending,
  type Facts,
  parseFailureClass,
  type Standing,
  standingOf,
} from './attempt.ts'

export const ATTEMPT_ID_PREFIX = 'atmpt_'

/** An attempt may bear an id this much earlier than its event's: it is made by another process, on its own reading of the time. */
const CLOCKS_APART_MS_MAX = 60_000

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

type EventRow = {
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

const ending = sql`case when a.failure_class is null then 'delivered' when a.outcome = 'canceled' then 'canceled' else 'failed' end`

// the next attempt is shown on the last one made, and only while it is still to come
const attemptColumns = sql`a.id, a.event_id, a.endpoint_id, a.cause, a.number, a.url, a.outcome, ${ending} as ending,
       a.failure_class, a.status_code, a.duration_ms, a.timings_ms[6] as limit_ms, a.started_at,
       case when a.next_attempt_at is not null then
         (select p.due_at from pending p join endpoint t on t.account_id = p.account_id and t.id = p.endpoint_id
           where p.account_id = a.account_id and p.event_id = a.event_id and p.delivery_id = a.delivery_id
             and p.attempts_made = a.number and not is_canceled(p, t)) end as next_at`

const eventColumns = sql`e.type as event_type, e.uid as event_uid, e.channels as event_channels, e.tags as event_tags,
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

function toEvent(row: EventRow): StoredEvent {
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

function passes({ types, channel, tag }: EventFilter, environment: string): Sql {
  return sql`(${channel}::text is null or ${channel} = any (e.channels))
   and (${tag}::text is null or ${tag} = any (e.tags))
   and ${isAmong(sql`e.type`, environment, types)}`
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

/** @param wanted  0: no response; 100 … 500 */
function codeIs(wanted: number | null): Sql {
  if (wanted === null) return sql`true`
  const isOfClass = sql`a.status_code between ${wanted}::int and ${wanted === 0 ? 0 : wanted + 99}::int`
  // whatever is not 2xx has failed: said, it is looked up among the few that have
  return wanted === 200 ? isOfClass : sql`a.failure_class is not null and ${isOfClass}`
}

function inOrder(page: Page): Sql {
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
  filter: AttemptFilter,
): Promise<Attempt[]> {
  const asksEvent = filter.withEvent || filter.types !== null || filter.channel !== null || filter.tag !== null
  const from = of.event === null ? page.from : later(page.from, attemptsFrom(timeOf(of.event.id)))
  const rows = await tx.query<AttemptRow & Partial<EventRow>>`
    select ${attemptColumns}, case when ${filter.withContent} then a.response end as response
           ${filter.withEvent ? sql`, ${eventColumns}, null::bytea as event_payload` : sql``}
      from attempt a
           ${asksEvent ? sql`join event e on e.account_id = a.account_id and e.id = a.event_id` : sql``}
     where a.account_id = ${account.id}
       ${of.event === null ? sql`` : sql`and a.event_id = ${of.event.id}`}
       ${of.endpointId === null ? sql`` : sql`and a.endpoint_id = ${of.endpointId}`}
       and a.id >= ${from} and a.id < ${page.until}
       ${page.above === null ? sql`` : sql`and a.id > ${page.above}`}
       ${page.below === null ? sql`` : sql`and a.id < ${page.below}`}
       and ${endingIs(filter.ending)}
       and ${codeIs(filter.statusCodeClass)}
       ${asksEvent ? sql`and ${passes(filter, account.environment)}` : sql``}
     order by a.id ${inOrder(page)}
     limit ${page.limit + 1}`
  return rows.map(toAttempt)
}

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

type FactsRow = {
  latest: Ending | null
  attempted: boolean
  next_at: Date | null
  canceling: boolean
}

/** What is known of event `e` and endpoint `t`: what has been made (`made`), and what is planned (`plan`). */
const facts = sql`
     cross join lateral (
       select (array_agg(${ending} order by a.id desc))[1] as latest,
              coalesce(bool_or(a.outcome <> 'canceled'), false) as attempted,
              coalesce(bool_or(a.failure_class is null), false) as delivered,
              coalesce(bool_or(a.outcome = 'canceled'), false) as canceled,
              coalesce(bool_or(a.state = 'dead_letter'), false) as given_up
         from attempt a
        where a.account_id = e.account_id and a.event_id = e.id and a.endpoint_id = t.id
          and a.id >= ${ATTEMPT_ID_PREFIX} || ksuid_floor(e.created_at - ${CLOCKS_APART_MS_MAX} * interval '1 ms')) as made
     cross join lateral (
       select min(p.due_at) filter (where not is_canceled(p, t)) as next_at,
              coalesce(bool_or(is_canceled(p, t)), false) as canceling
         from pending p
        where p.account_id = e.account_id and p.event_id = e.id and p.endpoint_id = t.id) as plan`

function toFacts(row: FactsRow): Facts {
  return { latest: row.latest, attempted: row.attempted, nextAt: row.next_at, canceling: row.canceling }
}

/** An event as it stands with one endpoint; `nextAt` while an attempt is planned. */
export type EventStanding = { event: StoredEvent; standing: Standing; nextAt: Date | null }

const standingIs: Readonly<Record<Standing, Sql>> = {
  delivered: sql`made.delivered`,
  waiting: sql`not made.attempted and plan.next_at is not null`,
  failed: sql`made.given_up and not made.delivered and plan.next_at is null`,
  retrying: sql`made.attempted and plan.next_at is not null`,
  canceled: sql`(made.canceled or plan.canceling) and not made.delivered`,
}

/**
 * Events that were attempted at an endpoint (or canceled there), or stand with it as wanted, within a page's window.
 * @param wanted      what the row then shows; null: all that were attempted, each as it stands
 * @param fewAttempts  see `among`
 */
export async function listEventsOf(
  tx: Queryable,
  endpoint: { accountId: string; id: string; shard: number; environment: string },
  page: WindowPage,
  wanted: Standing | null,
  filter: EventFilter & { withContent: boolean },
  fewAttempts = 50_000,
): Promise<EventStanding[]> {
  const rows = await tx.query<EventRow & FactsRow>`
    select e.id as event_id, ${eventColumns}, case when ${filter.withContent} then e.payload end as event_payload,
           made.latest, made.attempted, plan.next_at, plan.canceling
      from event e
      join endpoint t on t.account_id = e.account_id and t.id = ${endpoint.id}
     ${facts}
     where e.account_id = ${endpoint.accountId} and e.id >= ${page.from} and e.id < ${page.until}
       ${page.above === null ? sql`` : sql`and e.id > ${page.above}`}
       ${page.below === null ? sql`` : sql`and e.id < ${page.below}`}
       and ${passes(filter, endpoint.environment)}
       and ${await among(tx, endpoint, page, wanted, fewAttempts)}
       and ${wanted === null ? sql`made.latest is not null` : standingIs[wanted]}
     order by e.id ${inOrder(page)}
     limit ${page.limit + 1}`
  return rows.flatMap((row) => {
    const standing = wanted ?? standingOf(toFacts(row))
    const isPlanned = standing === 'waiting' || standing === 'retrying'
    return standing === null ? [] : [{ event: toEvent(row), standing, nextAt: isPlanned ? row.next_at : null }]
  })
}

/**
 * Where to look for the events of an endpoint. One with no more than `fewAttempts` in the page's window is asked for its own:
 * walking the account's events would pass by all the others. One with more is not: a page is full after a few events.
 */
async function among(
  tx: Queryable,
  endpoint: { accountId: string; id: string; shard: number },
  page: WindowPage,
  wanted: Standing | null,
  fewAttempts: number,
): Promise<Sql> {
  const window = sql`>= ${page.from} and event_id < ${page.until}`
  if (wanted === 'waiting' || wanted === 'retrying') {
    return sql`e.id in (select event_id from pending
                         where shard = ${endpoint.shard} and endpoint_id = ${endpoint.id} and event_id ${window})`
  }
  const fromId = attemptsFrom(timeOf(page.from))
  const attempts = sql`attempt
                         where account_id = ${endpoint.accountId} and endpoint_id = ${endpoint.id} and id >= ${fromId}
                           ${wanted === 'failed' || wanted === 'canceled' ? sql`and failure_class is not null` : sql``}`
  const [row] = await tx.query<{ is_few: boolean }>`
    select count(*) <= ${fewAttempts} as is_few
      from (select from ${attempts} limit ${fewAttempts + 1}) as looked_through`
  return row?.is_few ? sql`e.id = any (array(select event_id from ${attempts} and event_id ${window}))` : sql`true`
}

type DestinationRow = FactsRow & {
  id: string
  url: string
  description: string
  uid: string | null
  disabled: boolean
  event_types: string[] | null
  channels: string[] | null
  throttle_rate: number | null
  created_at: Date
  updated_at: Date
}

/** An endpoint, deleted or not, to which an event went or is planned to go. */
export type Destination = {
  endpoint: {
    id: string
    url: string
    description: string
    uid: string | null
    disabled: boolean
    eventTypes: string[] | null
    channels: string[] | null
    throttleRate: number | null
    createdAt: Date
    updatedAt: Date
  }
  standing: Standing
  nextAt: Date | null
}

export async function listDestinations(
  tx: Queryable,
  accountId: string,
  eventId: string,
  page: Page,
): Promise<Destination[]> {
  const rows = await tx.query<DestinationRow>`
    select t.id, t.url, t.description, t.uid, t.disabled, t.event_types, t.channels, t.throttle_rate, t.created_at,
           t.updated_at, made.latest, made.attempted, plan.next_at, plan.canceling
      from (select endpoint_id from attempt
             where account_id = ${accountId} and event_id = ${eventId} and id >= ${attemptsFrom(timeOf(eventId))}
            union
            select endpoint_id from pending where account_id = ${accountId} and event_id = ${eventId}) as d
      join endpoint t on t.account_id = ${accountId} and t.id = d.endpoint_id
      join event e on e.account_id = ${accountId} and e.id = ${eventId}
     ${facts}
     where (${page.above}::text is null or t.id > ${page.above}) and (${page.below}::text is null or t.id < ${page.below})
     order by t.id ${inOrder(page)}
     limit ${page.limit + 1}`
  return rows.flatMap((row) => {
    const standing = standingOf(toFacts(row))
    return standing === null ? [] : [toDestination(row, standing)]
  })
}

function toDestination(row: DestinationRow, standing: Standing): Destination {
  return {
    endpoint: {
      id: row.id,
      url: row.url,
      description: row.description,
      uid: row.uid,
      disabled: row.disabled,
      eventTypes: row.event_types,
      channels: row.channels,
      throttleRate: row.throttle_rate,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    },
    standing,
    nextAt: row.next_at,
  }
}

/** Attempts made in a time, and deliveries planned now of events accepted in it; test requests and examples left out. */
export type EndpointCounts = { delivered: number; failed: number; canceled: number; waiting: number; retrying: number }

/** @param from, until  as 27 characters of ids: from inclusive, until exclusive */
export async function countAttempts(
  tx: Queryable,
  endpoint: { accountId: string; id: string; shard: number },
  { from, until }: { from: string; until: string },
): Promise<EndpointCounts> {
  const [made] = await tx.query<{ delivered: number; failed: number; canceled: number }>`
    select count(*) filter (where failure_class is null) as delivered,
           count(*) filter (where failure_class is not null and outcome <> 'canceled') as failed,
           count(*) filter (where outcome = 'canceled') as canceled
      from attempt
     where account_id = ${endpoint.accountId} and endpoint_id = ${endpoint.id}
       and id >= ${ATTEMPT_ID_PREFIX + from} and id < ${ATTEMPT_ID_PREFIX + until} and cause <> 'test'`
  const [planned] = await tx.query<{ waiting: number; retrying: number }>`
    select count(*) filter (where p.attempts_made = 0) as waiting, count(*) filter (where p.attempts_made > 0) as retrying
      from pending p
      join endpoint t on t.account_id = p.account_id and t.id = p.endpoint_id
     where p.shard = ${endpoint.shard} and p.endpoint_id = ${endpoint.id} and p.account_id = ${endpoint.accountId}
       and p.event_id >= ${`msg_${from}`} and p.event_id < ${`msg_${until}`} and p.cause <> 'test' and not is_canceled(p, t)`
  return { delivered: 0, failed: 0, canceled: 0, waiting: 0, retrying: 0, ...made, ...planned }
}

/** The time in an id. */
export function timeOf(id: string): Date {
  return ksuidTime(id.slice(id.indexOf('_') + 1))
}

function later(one: string, other: string): string {
  return one > other ? one : other
}
