import { addMs } from '#src/adapters/clock.ts'
import { isId, ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { timeOf } from '#src/attempts/store.ts'
import { notFound } from '#src/domain-error.ts'
import { ENDPOINT_ID_PREFIX, parseEndpointName } from '#src/endpoints/endpoint.ts'
import { eventIdOfUid } from '#src/events/event-store.ts'
import type { Search } from '#src/events/search.ts'
import type { CodeRange, DeliveryFilter } from './query.ts'

/** An event with an endpoint: what a delivery is known by. */
export type Pair = { eventId: string; endpointId: string }

/** A filter whose names have been looked up in an account; null: any. `from` inclusive, `until` exclusive, ids of events. */
export type FoundFilter = Pick<DeliveryFilter, 'states' | 'classes' | 'isTest' | 'triggers' | 'isSlow'> & {
  from: string
  until: string
  beginning: string | null // of the ids of events
  types: readonly string[] | null // names of types only
  endpointIds: readonly string[] | null
  codes: readonly CodeRange[] | null
  npn: string | null
  pairs: readonly Pair[] | null
}

/** Of what is searched for by the beginning of its id, so many of the newest are looked at. */
const FOUND_MAX = 250
/** Sorts behind every character of an id. */
export const AFTER_ALL = '~'
const EVENT_ID_PREFIX = 'msg_'
const EVENT_ID_LENGTH = 31
/** Ids tell times apart by so much. */
const ID_STEP_MS = 4

/**
 * Looks up what a filter names.
 * @param kept  events from then (inclusive) to then (exclusive) exist
 * @returns null when it can match nothing
 * @throws DomainError not_found for an endpoint that the account does not have
 */
export async function findFilter(
  tx: Queryable,
  account: { id: string; environment: string },
  filter: DeliveryFilter,
  kept: { from: Date; until: Date },
): Promise<FoundFilter | null> {
  const { types, endpoints, npn, search, from, to, ...rest } = filter
  const found: FoundFilter = {
    ...rest,
    from: eventIdAt(from && from > kept.from ? from : kept.from),
    until: eventIdAt(to && to < kept.until ? to : kept.until),
    types: types && (await typesOf(tx, account.environment, types)),
    endpointIds: endpoints && (await Promise.all(endpoints.map((name) => endpointIdOf(tx, account.id, name)))),
    npn,
    beginning: null,
    pairs: null,
  }
  return search === null ? found : await narrow(tx, account.id, found, search)
}

async function narrow(
  tx: Queryable,
  accountId: string,
  found: FoundFilter,
  search: Search,
): Promise<FoundFilter | null> {
  switch (search.kind) {
    case 'npn':
      return found.npn !== null && found.npn !== search.npn ? null : { ...found, npn: search.npn }
    case 'event':
      return beginningWith(found, search.prefix)
    case 'uid': {
      const eventId = await eventIdOfUid(tx, accountId, search.uid)
      return eventId === undefined ? null : beginningWith(found, eventId)
    }
    case 'endpoint': {
      const rows = await tx.query<{ id: string }>`
        select id from endpoint
         where account_id = ${accountId} and id >= ${search.prefix} and id < ${search.prefix + AFTER_ALL}
         order by id desc limit ${FOUND_MAX}`
      const { endpointIds } = found
      const ids = rows.map(({ id }) => id).filter((id) => endpointIds === null || endpointIds.includes(id))
      return ids.length === 0 ? null : { ...found, endpointIds: ids }
    }
    case 'attempt': {
      const pairs = await pairsOf(tx, accountId, search.prefix)
      return pairs.length === 0 ? null : { ...found, pairs }
    }
  }
}

/** Events whose ids begin so lie within a time, which is that of the first and the last id that could. */
function beginningWith(found: FoundFilter, beginning: string): FoundFilter | null {
  const first = beginning.padEnd(EVENT_ID_LENGTH, '0')
  if (!isId(first, EVENT_ID_PREFIX)) return null
  const last = beginning.padEnd(EVENT_ID_LENGTH, 'z')
  const behind = isId(last, EVENT_ID_PREFIX) ? eventIdAt(addMs(timeOf(last), ID_STEP_MS)) : found.until
  const narrowed = {
    ...found,
    beginning,
    from: first > found.from ? first : found.from,
    until: behind < found.until ? behind : found.until,
  }
  return narrowed.from < narrowed.until ? narrowed : null
}

/** The smallest id of an event at a moment. */
export function eventIdAt(moment: Date): string {
  return EVENT_ID_PREFIX + ksuidFloor(moment)
}

/** The newest attempts whose ids begin so. There is no index by their ids alone: each endpoint is asked for its own. */
async function pairsOf(tx: Queryable, accountId: string, prefix: string): Promise<Pair[]> {
  const rows = await tx.query<{ event_id: string; endpoint_id: string }>`
    select distinct f.event_id, t.id as endpoint_id
      from endpoint t
     cross join lateral (
       select a.event_id from attempt a
        where a.account_id = t.account_id and a.endpoint_id = t.id and a.id >= ${prefix} and a.id < ${prefix + AFTER_ALL}
        order by a.id desc limit ${FOUND_MAX}) as f
     where t.account_id = ${accountId}
     order by f.event_id desc, t.id desc
     limit ${FOUND_MAX}`
  return rows.map((row) => ({ eventId: row.event_id, endpointId: row.endpoint_id }))
}

/** The names of types and of groups, as names of types. */
async function typesOf(tx: Queryable, environment: string, names: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ name: string }>`
    select name from event_type
     where environment = ${environment} and group_name is not null
       and group_and_parents(group_name) && ${names}::text[]`
  return [...new Set([...names, ...rows.map(({ name }) => name)])]
}

/** Those that have been deleted are named by their ids alone. */
async function endpointIdOf(tx: Queryable, accountId: string, text: string): Promise<string> {
  const name = parseEndpointName(text)
  if (name === null) throw notFound()
  const rows = text.startsWith(ENDPOINT_ID_PREFIX)
    ? await tx.query<{ id: string }>`select id from endpoint where account_id = ${accountId} and id = ${text}`
    : await tx.query<{ id: string }>`
        select id from endpoint where account_id = ${accountId} and uid = ${text} and deleted_at is null`
  const [row] = rows
  if (!row) throw notFound()
  return row.id
}
