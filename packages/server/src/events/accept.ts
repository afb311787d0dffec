import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { firstsByName, joinPieces } from '#src/adapters/postgres/lists.ts'
import { prepare, type Sql, sql, sqlText } from '#src/adapters/postgres/sql.ts'
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
  bundle: Bundle | null // null: it has a row of its own
}

/**
 * Deliveries of one account that share a row of `pending_bundle`, because the process that accepted them sends them at once.
 * `left`: so many are not recorded; `isPacked`: as far as this process knows, they have no rows of their own.
 */
export type Bundle = { readonly accountId: string; readonly id: string; left: number; isPacked: boolean }

/** What an accepting process sends itself, at once: to these endpoints, while the worker owns their shards in these epochs. */
export type OwnWork = { workerId: string; shards: ReadonlyMap<number, number>; endpointIds: readonly string[] }

/** What this process sends itself of what it accepts in one statement, so many events for each account; null: nothing. */
export type OwnWorkOf = (events: ReadonlyMap<string, number>) => OwnWork | null

/**
 * Hands committed deliveries to whoever owns their endpoints: from memory when this process does, else by a hint to
 * the others. Called after the commit and never inside it; a hint that is lost only costs time.
 */
export type Wake = (deliveries: readonly PlannedDelivery[]) => void

/** One statement takes this many events; callers with more ask several times within their transaction. */
export const EVENTS_PER_STATEMENT_MAX = 1000

/**
 * The rows of `events` as a relation `input`, columns as arrays, so that any number of events has the same text. Many events are of
 * few kinds: what those of one kind have in common is given once, as is what wants them (`targets`: endpoints with their shards, as
 * text). Every value costs the database a little, and asking for the endpoints again as much as all else that is done for an event.
 * @param callNumbers  which call each event came with; becomes `call_no`
 * @param own  an endpoint of these, the others having changed hands, is marked in the list as `OWN`
 */
export function inputOf(
  events: readonly NewEvent[],
  callNumbers: readonly number[] = events.map(() => 1),
  own: OwnWork | null = null,
): Sql {
  const { firsts: kinds, numbers: kindNumbers } = firstsByName(events, kindName)
  const payloads = joinPieces(events.map(({ payload }) => payload))
  const rare = rareOf(events)
  return sql`
    ${own ? sql`${heldShards(own.workerId, own.shards)},` : sql``}
    kind as materialized (
      select k.*, k.channels_text::text[] as channels,
             (select string_agg(e.id || ' ' || e.shard ${own ? ownMark(own) : sql``}, ',')
                from endpoint e
               where e.account_id = k.account_id
                 and endpoint_wants(e, k.only_endpoint_id, k.type, t, k.channels_text::text[])) as targets
        from unnest(${kinds.map((event) => event.accountId)}::text[],
                    ${kinds.map((event) => event.environment)}::text[],
                    ${kinds.map((event) => event.type)}::text[],
                    ${kinds.map((event) => event.contentType ?? null)}::text[],
                    ${kinds.map((event) => event.onlyEndpointId ?? null)}::text[],
                    ${kinds.map((event) => event.cause)}::text[],
                    ${kinds.map(keptMs)}::float8[],
                    ${kinds.map(({ channels }) => (channels ? toArrayText(channels) : null))}::text[])
             with ordinality
          as k (account_id, environment, type, content_type, only_endpoint_id, cause, kept_ms, channels_text, no)
        left join event_type t on t.environment = k.environment and t.name = k.type
    ),
    input as materialized (
      select k.account_id, i.id, k.type, substring(${payloads.bytes}::bytea from i.start for i.length) as payload,
             k.content_type,
             k.channels, i.created_ms, i.created_ms + k.kept_ms as expire_ms, k.only_endpoint_id, k.cause, k.targets, i.call_no,
             ${rare ? RARE : NOTHING_RARE}
        from unnest(${events.map((event) => event.id)}::text[],
                    ${payloads.starts}::int[], ${payloads.lengths}::int[],
                    ${events.map((event) => event.createdAt.getTime())}::float8[],
                    ${callNumbers}::int[], ${kindNumbers}::int[]
                    ${rare ? sql`, ${rare.uids}::text[], ${rare.tags}::text[], ${rare.deliverMs}::float8[], ${rare.npns}::text[]` : sql``})
             with ordinality
          as i (id, start, length, created_ms, call_no, kind_no ${rare ? sql`, uid, tags_text, deliver_ms, npn` : sql``}, event_no)
        join kind k on k.no = i.kind_no
       order by i.event_no -- what goes into an index in its order fills its pages
    )`
}

const RARE = sql`i.uid, i.tags_text::text[] as tags, i.deliver_ms, i.npn, i.event_no`
const NOTHING_RARE = sql`
  null::text as uid, null::text[] as tags, null::float8 as deliver_ms, null::text as npn, i.event_no`

/** What few events have. Where none of them does, it is not part of the statement. */
function rareOf(events: readonly NewEvent[]) {
  const npns = events.map(npnOf)
  const hasSome = events.some(({ uid, tags, deliverAt }, index) => uid ?? tags ?? deliverAt ?? npns[index])
  if (!hasSome) return null
  return {
    uids: events.map((event) => event.uid ?? null),
    tags: events.map(({ tags }) => (tags ? toArrayText(tags) : null)),
    deliverMs: events.map((event) => event.deliverAt?.getTime() ?? null),
    npns,
  }
}

function keptMs({ createdAt, payloadExpiresAt }: NewEvent): number {
  return payloadExpiresAt.getTime() - createdAt.getTime()
}

const OWN = sqlText(`'own'`)

/** The shards of these that the worker owns, as `held`: they stay its own to the end of the transaction. */
export function heldShards(workerId: string, epochs: ReadonlyMap<number, number>): Sql {
  return sql`
    held as materialized (
      select unnest(hold_shards(${workerId}, ${[...epochs.keys()]}::smallint[], ${[...epochs.values()]}::bigint[])) as shard
    )`
}

function ownMark({ endpointIds }: OwnWork): Sql {
  return sql`|| case when k.cause = 'event' and k.only_endpoint_id is null and e.id = any (${endpointIds}::text[])
                          and e.shard in (select shard from held)
                     then ' ' || ${OWN} else '' end`
}

/** Events of one kind go to the same endpoints, and have all of this in common. */
function kindName(event: NewEvent): string {
  const { accountId, environment, type, contentType, onlyEndpointId, cause, channels } = event
  const words = [accountId, environment, type, contentType, onlyEndpointId, cause, keptMs(event)]
  return [...words, channels && toArrayText(channels)].join('\n')
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
 * Stores the events of the relation `admitted` (rows of `input`) and plans a delivery for each endpoint that
 * wants one; where somebody watches the account, both are noted.
 */
export function storeAndPlan(own: OwnWork | null): Sql {
  return sql`
    stored as (
      insert into event (account_id, id, type, payload, content_type, uid, channels, tags, created_at, deliver_at,
                         payload_expires_at, only_endpoint_id, npn)
      select account_id, id, type, payload, content_type, uid, channels, tags, to_timestamp(created_ms / 1000),
             to_timestamp(deliver_ms / 1000), to_timestamp(expire_ms / 1000), only_endpoint_id, npn
        from admitted
    ), wanted as materialized (
      select account_id, id as event_id, gen_random_uuid() as delivery_id, split_part(target, ' ', 1) as endpoint_id,
             split_part(target, ' ', 2)::smallint as shard, cause, created_ms, coalesce(deliver_ms, created_ms) as due_ms,
             ${own ? IS_OWN : sql`false`} as is_own
        from (select account_id, id, cause, created_ms, deliver_ms,
                     unnest(string_to_array(targets, ',')) as target
                from admitted) as of_events
    ), planned as (
      insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, created_at, due_at)
      select account_id, event_id, delivery_id, endpoint_id, shard, 0, cause, to_timestamp(created_ms / 1000),
             to_timestamp(due_ms / 1000)
        from wanted where not is_own
    ), ${own ? bundled(own) : sql``}
    noted_events as (
      insert into live_change (account_id, topic, subject)
      select a.account_id, 'event', a.id from admitted a where ${isWatched(sql`a.account_id`)}
    ), noted as (
      insert into live_change (account_id, topic, subject, change)
      select w.account_id, 'delivery', w.delivery_id,
             delivery_change(w.delivery_id, w.event_id, w.endpoint_id, 'waiting', null, 0, 0, null, to_timestamp(w.due_ms / 1000),
                             to_timestamp(w.created_ms / 1000))
        from wanted w where ${isWatched(sql`w.account_id`)}
    )`
}

const IS_OWN = sql`(deliver_ms is null and split_part(target, ' ', 3) = ${OWN})`

/** Made of texts without a quote in them, which takes the database a fraction of its own JSON. */
export const plannedJson: Sql = sql`
  '[' || string_agg('["' || event_id || '","' || delivery_id || '","' || endpoint_id || '",' || shard || ']', ',') || ']'`

function bundled({ workerId }: OwnWork): Sql {
  return sql`
    bundled as (
      insert into pending_bundle (account_id, id, worker_id, created_at, deliveries)
      select account_id, gen_random_uuid(), ${workerId}, to_timestamp(min(created_ms) / 1000), ${plannedJson}
        from wanted where is_own group by account_id
      returning account_id, id, deliveries
    ),`
}

export type PlannedRow = { event_id: string; delivery_id: string; endpoint_id: string; shard: number }

export function toPlanned(
  rows: readonly PlannedRow[],
  events: readonly NewEvent[],
  bundle: Bundle | null = null,
): PlannedDelivery[] {
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
      bundle,
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
    ${storeAndPlan(null)}
    select event_id, delivery_id, endpoint_id, shard from wanted`
  const rows = await tx.run<PlannedRow>(prepare(statement))
  return toPlanned(rows, events)
}
