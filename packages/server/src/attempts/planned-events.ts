import type { WindowPage } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { passes } from '#src/events/event-store.ts'
import { everything, fill, type IdRange, rangesWith } from '#src/occurrences/ranges.ts'
import { valuesOf } from '#src/occurrences/values.ts'
import { type EventFilter, inOrder, itsEvent } from './store.ts'

export type PlannedAt = { accountId: string; id: string; shard: number }

/** As they are stored: `Queue` by its place. */
const [FIRST, RETRIES, REPLAYS] = [0, 1, 2]
/** So many planned deliveries of an endpoint are read and sorted by their events; more are met by walking the account's. */
const SORTED_MAX = 20_000
const AT_ONCE = 1_024

type Window = { from: string; until: string }

/**
 * Events that are planned at an endpoint and may be waiting for their first attempt, or retrying, in the order of the page. Each
 * list is complete for its part of the window.
 * @param filter  its types no groups
 * @param sortedMax  see above; another one for tests
 */
export async function* plannedEvents(
  tx: Queryable,
  endpoint: PlannedAt,
  page: WindowPage,
  wanted: 'waiting' | 'retrying',
  filter: EventFilter,
  { from, until }: Window,
  sortedMax = SORTED_MAX,
): AsyncGenerator<readonly string[]> {
  const isFiltered = filter.types !== null || filter.channel !== null || filter.tag !== null
  const sizes = await sizesOf(tx, endpoint, sortedMax + 1)
  const queues = wanted === 'waiting' ? [FIRST, REPLAYS] : [RETRIES, REPLAYS]
  const look: Look = {
    isMeant: sql`a.queue = any (${queues}::smallint[]) ${wanted === 'waiting' ? sql`and a.attempts_made = 0` : sql``}`,
    isMany: queues.some((queue) => (sizes.get(queue) ?? 0) > sortedMax),
    alsoOnRequest: wanted === 'retrying' && (sizes.get(FIRST) ?? 0) > 0,
    filter: isFiltered ? filter : null,
    order: inOrder(page),
  }
  let rest: Window = { from, until }
  for (;;) {
    const part = { ...page, ...rest, above: null, below: null }
    const owner = { accountId: endpoint.accountId, owner: '' }
    const batches = look.isMany && isFiltered ? rangesWith(tx, owner, part, valuesOf(filter)) : everything()
    const found = await fill(batches, AT_ONCE, (ranges, limit) => readPlanned(tx, endpoint, rest, look, ranges, limit))
    yield found
    const last = found.at(-1)
    if (found.length < AT_ONCE || last === undefined) return
    rest = page.read === 'descending' ? { from, until: last } : { from: `${last}0`, until }
  }
}

/** How many wait in each queue, as far as that is of interest. */
async function sizesOf(
  tx: Queryable,
  { accountId, id, shard }: PlannedAt,
  countMax: number,
): Promise<ReadonlyMap<number, number>> {
  const rows = await tx.query<{ queue: number; planned: number }>`
    select q.queue, (select count(*) from (select from pending p
                                            where p.shard = ${shard} and p.endpoint_id = ${id} and p.queue = q.queue
                                              and p.account_id = ${accountId} limit ${countMax}) as counted) as planned
      from unnest(${[FIRST, RETRIES, REPLAYS]}::smallint[]) as q (queue)`
  return new Map(rows.map(({ queue, planned }) => [queue, planned]))
}

/** Which planned deliveries `a` are meant. `isMany`: they are met among all of the account, in order, as a lane is by due time. */
type Look = { isMeant: Sql; isMany: boolean; alsoOnRequest: boolean; filter: EventFilter | null; order: Sql }

async function readPlanned(
  tx: Queryable,
  { accountId, id, shard }: PlannedAt,
  { from, until }: Window,
  { isMeant, isMany, alsoOnRequest, filter, order }: Look,
  ranges: readonly IdRange[],
  limit: number,
): Promise<string[]> {
  const within = sql`a.event_id >= greatest(r.first_id, ${from}) and a.event_id <= r.last_id and a.event_id < ${until}`
  const ofEvent = filter === null ? sql`where true` : sql`${itsEvent} where ${passes(filter)}`
  const planned = sql`
    select distinct a.event_id from pending a ${ofEvent}
       and a.account_id = ${accountId} and a.endpoint_id = ${id} ${isMany ? sql`` : sql`and a.shard = ${shard}`}
       and ${within} and ${isMeant}
     order by a.event_id ${order} limit ${limit}`
  // what waits for its first attempt, and was sent on request meanwhile
  const onRequest = sql`
    select distinct a.event_id from attempt a ${ofEvent}
       and a.account_id = ${accountId} and a.endpoint_id = ${id} and ${within}
       and a.cause <> 'event' and a.cause in ('test', 'resend', 'recover', 'replay')
       and exists (select from pending p where p.account_id = ${accountId} and p.event_id = a.event_id and p.endpoint_id = ${id})`
  const rows = await tx.run<{ event_id: string }>(sql`
    select f.event_id
      from unnest(${ranges.map(({ first }) => first)}::text[], ${ranges.map(({ last }) => last)}::text[]) as r (first_id, last_id)
     cross join lateral (
       select event_id from ((${planned}) ${alsoOnRequest ? sql`union (${onRequest})` : sql``}) as found
        order by event_id ${order} limit ${limit}) as f
     order by f.event_id ${order} limit ${limit}`)
  return rows.map((row) => row.event_id)
}
