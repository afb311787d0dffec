import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { prepare, type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { toArrayText } from '#src/adapters/postgres/values.ts'
import { isWatched } from '#src/live/watched.ts'
import { parseNpn } from '#src/population/npn.ts'

/** A fact to accept. The payload is what every attempt, replay and answer carries, byte for byte. */
export type NewEvent = {
  accountId: string
  environment: Environment
  id: string // msg_…
  createdAt: Date
  type: string
  payload: Buffer
  contentType?: string // absent: application/json
  uid?: string
  channels?: string[]
  tags?: string[]
  deliverAt?: Date
  payloadExpiresAt: Date
  onlyEndpointId?: string // a test request: this endpoint, outside its filters and also when disabled
  npn?: string // the producer that it is about; absent: what the body of an event of that kind says
  cause: 'event' | 'test'
}

/**
 * How a test is signed that is to show how its receiver verifies: by the current secret or the former ones alone, by one that is
 * not the endpoint's, or ten minutes ago.
 */
export type Signing = 'newest' | 'previous' | 'wrong' | 'old'

/** One event on its way to one endpoint, committed and not yet attempted. */
export type PlannedDelivery = {
  accountId: string
  eventId: string
  deliveryId: string
  endpointId: string
  shard: number
  cause: NewEvent['cause']
  createdAt: Date
  dueAt: Date
  payload: Buffer
  contentType: string | null
  signing: Signing | null // null: by all secrets that are valid, now
  requestedBy: string | null
}

/**
 * Hands committed deliveries to whoever owns their endpoints: from memory when this process does, else by a hint to
 * the others. Called after the commit and never inside it; a hint that is lost only costs time.
 */
export type Wake = (deliveries: readonly PlannedDelivery[]) => void

/** One statement takes this many events; callers with more ask several times within their transaction. */
export const EVENTS_PER_STATEMENT_MAX = 1000

/**
 * The rows of `events` as a relation `input`, columns as arrays, so that any number of events has the same text; and what wants
 * them as `targets`, one row: for each kind of event a list of endpoints with their shards, as text, as `kind_no` says.
 * Many events are of few kinds, and asking for each event again costs more than all else that is done for it.
 * @param callNumbers  which call each event came with; becomes `call_no`
 */
export function inputOf(events: readonly NewEvent[], callNumbers: readonly number[] = events.map(() => 1)): Sql {
  const starts: number[] = []
  const lengths: number[] = []
  let start = 1
  for (const { payload } of events) {
    starts.push(start)
    lengths.push(payload.length)
    start += payload.length
  }
  const { kinds, kindNumbers } = kindsOf(events)
  const payloads = Buffer.concat(events.map((event) => event.payload)) // one binary parameter: no escaping of each
  return sql`
    input as materialized (
      select i.*, substring(${payloads}::bytea from i.start for i.length) as payload,
             i.channels_text::text[] as channels, i.tags_text::text[] as tags
        from unnest(${events.map((event) => event.accountId)}::text[],
                    ${events.map((event) => event.id)}::text[],
                    ${events.map((event) => event.type)}::text[],
                    ${starts}::int[], ${lengths}::int[],
                    ${events.map((event) => event.contentType ?? null)}::text[],
                    ${events.map((event) => event.uid ?? null)}::text[],
                    ${events.map(({ channels }) => (channels ? toArrayText(channels) : null))}::text[],
                    ${events.map(({ tags }) => (tags ? toArrayText(tags) : null))}::text[],
                    ${events.map((event) => event.createdAt.getTime())}::float8[],
                    ${events.map((event) => event.deliverAt?.getTime() ?? null)}::float8[],
                    ${events.map((event) => event.payloadExpiresAt.getTime())}::float8[],
                    ${events.map((event) => event.onlyEndpointId ?? null)}::text[],
                    ${events.map((event) => event.cause)}::text[],
                    ${events.map(npnOf)}::text[],
                    ${callNumbers}::int[], ${kindNumbers}::int[])
             with ordinality
          as i (account_id, id, type, start, length, content_type, uid, channels_text, tags_text,
                created_ms, deliver_ms, expire_ms, only_endpoint_id, cause, npn, call_no, kind_no, event_no)
    ),
    targets as materialized (
      select array(
        select (select string_agg(e.id || ' ' || e.shard, ',')
                  from endpoint e
                 where e.account_id = k.account_id
                   and endpoint_wants(e, k.only_endpoint_id, k.type, t, k.channels_text::text[]))
          from unnest(${kinds.map((event) => event.accountId)}::text[],
                      ${kinds.map((event) => event.environment)}::text[],
                      ${kinds.map((event) => event.type)}::text[],
                      ${kinds.map((event) => event.onlyEndpointId ?? null)}::text[],
                      ${kinds.map(({ channels }) => (channels ? toArrayText(channels) : null))}::text[])
               with ordinality
            as k (account_id, environment, type, only_endpoint_id, channels_text, kind_no)
          left join event_type t on t.environment = k.environment and t.name = k.type
         order by k.kind_no) as of_kinds
    )`
}

/** One event of each kind, and of which kind each event is: 1, 2, …; those of one kind go to the same endpoints. */
function kindsOf(events: readonly NewEvent[]): { kinds: NewEvent[]; kindNumbers: number[] } {
  const kinds: NewEvent[] = []
  const numbers = new Map<string, number>()
  const kindNumbers = events.map((event) => {
    const { accountId, environment, type, onlyEndpointId, channels } = event
    const name = [accountId, environment, type, onlyEndpointId, channels && toArrayText(channels)].join('\n')
    const known = numbers.get(name)
    if (known !== undefined) return known
    numbers.set(name, kinds.push(event))
    return kinds.length
  })
  return { kinds, kindNumbers }
}

const ABOUT_AN_NPN = 'producersync.npn.'

/** What is looked for by its producer: events of these types, also where somebody else has made their bodies. */
function npnOf({ npn, type, payload }: NewEvent): string | null {
  if (npn !== undefined || !type.startsWith(ABOUT_AN_NPN)) return npn ?? null
  try {
    const { data }: { data?: { npn?: unknown } } = JSON.parse(payload.toString())
    return typeof data?.npn === 'string' ? (parseNpn(data.npn) ?? null) : null
  } catch {
    return null // raw text, which need not be JSON
  }
}

/**
 * Stores the events of the relation `admitted` (rows of `input`, beside `targets`) and plans a delivery for each endpoint that
 * wants one; where somebody watches the account, both are noted.
 */
export const storeAndPlan: Sql = sql`
    stored as (
      insert into event (account_id, id, type, payload, content_type, uid, channels, tags, created_at, deliver_at,
                         payload_expires_at, only_endpoint_id, npn)
      select account_id, id, type, payload, content_type, uid, channels, tags, to_timestamp(created_ms / 1000),
             to_timestamp(deliver_ms / 1000), to_timestamp(expire_ms / 1000), only_endpoint_id, npn
        from admitted
    ), planned as (
      insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, created_at, due_at)
      select account_id, id, gen_random_uuid(), split_part(target, ' ', 1), split_part(target, ' ', 2)::smallint, 0, cause,
             to_timestamp(created_ms / 1000), to_timestamp(coalesce(deliver_ms, created_ms) / 1000)
        from (select account_id, id, cause, created_ms, deliver_ms,
                     unnest(string_to_array((select of_kinds from targets)[kind_no], ',')) as target
                from admitted) as wanted
      returning account_id, event_id, delivery_id, endpoint_id, shard, due_at, created_at
    ), noted_events as (
      insert into live_change (account_id, topic, subject)
      select a.account_id, 'event', a.id from admitted a where ${isWatched(sql`a.account_id`)}
    ), noted as (
      insert into live_change (account_id, topic, subject, change)
      select p.account_id, 'delivery', p.delivery_id,
             delivery_change(p.delivery_id, p.event_id, p.endpoint_id, 'waiting', null, 0, 0, null, p.due_at, p.created_at)
        from planned p where ${isWatched(sql`p.account_id`)}
    )`

export type PlannedRow = { event_id: string; delivery_id: string; endpoint_id: string; shard: number }

export function toPlanned(rows: readonly PlannedRow[], events: readonly NewEvent[]): PlannedDelivery[] {
  const byId = new Map(events.map((event) => [event.id, event]))
  return rows.map((row) => {
    const event = byId.get(row.event_id)
    if (!event) throw new Error('a delivery was planned for an event that was not given')
    return {
      accountId: event.accountId,
      eventId: event.id,
      deliveryId: row.delivery_id,
      endpointId: row.endpoint_id,
      shard: row.shard,
      cause: event.cause,
      createdAt: event.createdAt,
      dueAt: event.deliverAt ?? event.createdAt,
      payload: event.payload,
      contentType: event.contentType ?? null,
      signing: null,
      requestedBy: null,
    }
  })
}

/**
 * Accepts events inside the caller's transaction: the event rows, and one pending delivery per endpoint that wants
 * the event at this moment. Takes no event with a `uid` (those go through `AcceptQueue`, which settles conflicts).
 * @returns the planned deliveries, for `Wake` once the transaction has committed
 */
export async function acceptIn(tx: Queryable, events: readonly NewEvent[]): Promise<PlannedDelivery[]> {
  if (events.some((event) => event.uid !== undefined)) throw new TypeError('an event with a uid needs AcceptQueue')
  return await storeIn(tx, events)
}

/** As `acceptIn`, for events whose uids the caller has made sure of in the same transaction. */
export async function storeIn(tx: Queryable, events: readonly NewEvent[]): Promise<PlannedDelivery[]> {
  if (events.length === 0) return []
  if (events.length > EVENTS_PER_STATEMENT_MAX) throw new RangeError('too many events for one statement')
  const statement = sql`
    with ${inputOf(events)},
    admitted as (select * from input),
    ${storeAndPlan}
    select event_id, delivery_id, endpoint_id, shard from planned`
  const rows = await tx.run<PlannedRow>(prepare(statement))
  return toPlanned(rows, events)
}
