import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { attemptsFrom, timeOf } from '#src/attempts/store.ts'
import type { FoundFilter } from './found-filter.ts'
import { ATTEMPT_LINE, type Scope } from './matching.ts'
import type { NotReached } from './skipped.ts'
import {
  type AttemptColumns,
  type AttemptLine,
  type DeliveryLine,
  type EndpointLine,
  EVENT_LINE,
  type EventColumns,
  type EventLine,
  readDeliveries,
  toAttemptLine,
  toEventLine,
} from './store.ts'

export const TIMELINE_ENDPOINTS_MAX = 250
export const TIMELINE_ATTEMPTS_MAX = 100

/** An endpoint that has no delivery of an event. `waits`: of its own schedule; null: the environment's. */
export type Unreached = { endpoint: EndpointLine; updatedAt: Date; waits: number | null } & NotReached

/** An event and what became of it at every endpoint. */
export type Timeline = {
  event: EventLine
  previous: EventLine | null // of the same producer
  next: EventLine | null
  deliveries: DeliveryLine[]
  attempts: ReadonlyMap<string, AttemptLine[]> // by endpoint, newest first; one more than are shown where there are more
  unreached: Unreached[]
}

/** @returns undefined when the event is gone */
export async function readTimeline(tx: Queryable, scope: Scope, eventId: string): Promise<Timeline | undefined> {
  const { accountId } = scope
  const [row] = await tx.query<EventColumns>`
    select ${EVENT_LINE} from event e where e.account_id = ${accountId} and e.id = ${eventId}`
  if (!row) return undefined
  const event = toEventLine(row)
  const rows = TIMELINE_ENDPOINTS_MAX + 1
  const wanted = { rows, order: 'ascending', above: null, below: null, withStanding: true } as const
  const deliveries = await readDeliveries(tx, scope, onlyOf(eventId), wanted)
  const reached = deliveries.map(({ endpoint }) => endpoint.id)
  return {
    event,
    previous: event.npn === null ? null : await neighbourOf(tx, accountId, event.npn, eventId, 'before'),
    next: event.npn === null ? null : await neighbourOf(tx, accountId, event.npn, eventId, 'after'),
    deliveries,
    attempts: await readAttempts(tx, accountId, eventId, reached),
    unreached:
      deliveries.length < rows ? await readUnreached(tx, accountId, eventId, reached, rows - reached.length) : [],
  }
}

/** All deliveries of one event, however old. */
function onlyOf(eventId: string): FoundFilter {
  return {
    ...{ states: null, classes: null, isTest: null, triggers: null, isSlow: null, types: null, endpointIds: null },
    ...{ codes: null, npn: null, pairs: null },
    from: eventId,
    until: `${eventId}~`,
    beginning: eventId,
  }
}

async function neighbourOf(
  tx: Queryable,
  accountId: string,
  npn: string,
  eventId: string,
  where: 'before' | 'after',
): Promise<EventLine | null> {
  const beyond = where === 'before' ? sql`e.id < ${eventId} order by e.id desc` : sql`e.id > ${eventId} order by e.id`
  const [row] = await tx.query<EventColumns>`
    select ${EVENT_LINE} from event e where e.account_id = ${accountId} and e.npn = ${npn} and ${beyond} limit 1`
  return row ? toEventLine(row) : null
}

async function readAttempts(
  tx: Queryable,
  accountId: string,
  eventId: string,
  endpointIds: readonly string[],
): Promise<Map<string, AttemptLine[]>> {
  const rows = await tx.query<AttemptColumns & { endpoint_id: string }>`
    select o.*
      from (select d.endpoint_id, d.id as attempt_id, ${ATTEMPT_LINE},
                   row_number() over (partition by d.endpoint_id order by d.id desc) as place
              from attempt d
             where d.account_id = ${accountId} and d.event_id = ${eventId} and d.id >= ${attemptsFrom(timeOf(eventId))}
               and d.endpoint_id = any (${endpointIds}::text[])) as o
     where o.place <= ${TIMELINE_ATTEMPTS_MAX + 1}
     order by o.endpoint_id, o.place`
  const attempts = new Map<string, AttemptLine[]>()
  for (const row of rows) {
    const attempt = toAttemptLine(row)
    if (attempt) attempts.set(row.endpoint_id, [...(attempts.get(row.endpoint_id) ?? []), attempt])
  }
  return attempts
}

type UnreachedRow = {
  id: string
  uid: string | null
  url: string
  description: string
  disabled: boolean
  created_at: Date
  updated_at: Date
  waits: number | null
  is_other: boolean
  wants_type: boolean
  wants_channels: boolean
}

/** Endpoints that are there now and have no delivery of the event. */
async function readUnreached(
  tx: Queryable,
  accountId: string,
  eventId: string,
  reached: readonly string[],
  rowsMax: number,
): Promise<Unreached[]> {
  const rows = await tx.query<UnreachedRow>`
    select t.id, t.uid, t.url, t.description, t.disabled, t.created_at, t.updated_at, cardinality(t.retry_schedule) as waits,
           coalesce(e.only_endpoint_id <> t.id, false) as is_other,
           case when t.event_types is null then not coalesce(y.opt_in, false)
                else t.event_types && coalesce(y.match_names, array[e.type::text]) end as wants_type,
           t.channels is null or coalesce(t.channels && e.channels, false) as wants_channels
      from event e
      join endpoint t on t.account_id = e.account_id and t.deleted_at is null
      left join event_type y on y.environment = t.environment and y.name = e.type
     where e.account_id = ${accountId} and e.id = ${eventId} and t.id <> all (${reached}::text[])
     order by t.id
     limit ${rowsMax}`
  return rows.map((row) => ({
    endpoint: {
      id: row.id,
      uid: row.uid,
      url: row.url,
      description: row.description,
      isDisabled: row.disabled,
      isDeleted: false,
    },
    updatedAt: row.updated_at,
    waits: row.waits,
    isOtherEndpoint: row.is_other,
    createdAt: row.created_at,
    wantsType: row.wants_type,
    wantsChannels: row.wants_channels,
    isDisabled: row.disabled,
  }))
}
