import type { Page, WindowPage } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { passes } from '#src/events/event-store.ts'
import { typesAmong } from '#src/events/event-type-store.ts'
import type { StoredEvent } from '#src/events/message-out.ts'
import { type Ending, type Facts, type Standing, standingOf } from './attempt.ts'
import { type Candidates, eventCandidates } from './event-candidates.ts'
import type { PlannedAt, PlannedBounds } from './planned-events.ts'
import {
  attemptsFrom,
  CLOCKS_APART_MS_MAX,
  type EventFilter,
  type EventRow,
  ending,
  eventColumns,
  inOrder,
  timeOf,
  toEvent,
} from './store.ts'

type FactsRow = {
  latest: Ending | null
  attempted: boolean
  next_at: Date | null
  canceling: boolean
}

/**
 * What is known of event `e` and endpoint `t`: what has been made (`made`), and what is planned (`plan`).
 * @param earliest  no event is older than this one: attempts before its time need no look
 * @param sinceEach  more to look at than a few events: for each, only from its own time on
 */
const factsSince = (earliest: string, sinceEach: Sql = sql``) => sql`
     cross join lateral (
       select (array_agg(${ending} order by a.id desc))[1] as latest,
              coalesce(bool_or(a.outcome <> 'canceled'), false) as attempted,
              coalesce(bool_or(a.failure_class is null), false) as delivered,
              coalesce(bool_or(a.outcome = 'canceled'), false) as canceled,
              coalesce(bool_or(a.state = 'dead_letter'), false) as given_up
         from attempt a
        where a.account_id = e.account_id and a.event_id = e.id and a.endpoint_id = t.id
          and a.id >= ${attemptsFrom(timeOf(earliest))} ${sinceEach}) as made
     cross join lateral (
       select min(p.due_at) filter (where not is_canceled(p, t)) as next_at,
              coalesce(bool_or(is_canceled(p, t)), false) as canceling
         from pending p
        where p.account_id = e.account_id and p.event_id = e.id and p.endpoint_id = t.id) as plan`

const sinceItsEvent = sql`
  and a.id >= ${ATTEMPT_ID_PREFIX} || ksuid_floor(e.created_at - ${CLOCKS_APART_MS_MAX} * interval '1 ms')`

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
 * @param wanted  what the row then shows; null: all that were attempted, each as it stands
 * @param bounds  of what is planned, others for tests
 * @returns up to one more than the page's limit; `stoppedAt`: fewer, and all events up to this one were looked at
 */
export async function listEventsOf(
  tx: Queryable,
  endpoint: PlannedAt & { environment: string },
  page: WindowPage,
  wanted: Standing | null,
  { withContent, ...given }: EventFilter & { withContent: boolean },
  bounds?: PlannedBounds,
): Promise<{ rows: EventStanding[]; stoppedAt: string | null }> {
  const types = given.types && (await typesAmong(tx, endpoint.environment, given.types))
  const filter = { ...given, types }
  const read = ({ ids, ...range }: Candidates, limit: number) => {
    const earliest = 'from' in range ? range.from : ids?.reduce((least, id) => (id < least ? id : least))
    return tx.run<EventRow & FactsRow>(sql`
      select e.id as event_id, ${eventColumns}, case when ${withContent} then e.payload end as event_payload,
             made.latest, made.attempted, plan.next_at, plan.canceling
        from event e
        join endpoint t on t.account_id = e.account_id and t.id = ${endpoint.id}
       ${factsSince(earliest ?? page.from, ids === null ? sinceItsEvent : sql``)}
       where e.account_id = ${endpoint.accountId} and e.id >= ${page.from} and e.id < ${page.until}
         ${page.above === null ? sql`` : sql`and e.id > ${page.above}`}
         ${page.below === null ? sql`` : sql`and e.id < ${page.below}`}
         and ${'from' in range ? sql`e.id >= ${range.from} and e.id < ${range.until}` : sql`e.id = any (${ids}::text[])`}
         and ${passes(filter)}
         and ${wanted === null ? sql`made.latest is not null` : standingIs[wanted]}
       order by e.id ${inOrder(page)}
       limit ${limit}`)
  }
  const rows: EventStanding[] = []
  for await (const candidates of eventCandidates(tx, endpoint, page, wanted, filter, bounds)) {
    if ('stoppedAt' in candidates) return { rows, stoppedAt: candidates.stoppedAt }
    const found = await read(candidates, page.limit + 1 - rows.length)
    rows.push(...found.flatMap((row) => toStanding(row, wanted)))
    if (rows.length > page.limit) break
  }
  return { rows, stoppedAt: null }
}

function toStanding(row: EventRow & FactsRow, wanted: Standing | null): EventStanding[] {
  const standing = wanted ?? standingOf(toFacts(row))
  const isPlanned = standing === 'waiting' || standing === 'retrying'
  return standing === null ? [] : [{ event: toEvent(row), standing, nextAt: isPlanned ? row.next_at : null }]
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
     ${factsSince(eventId)}
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
