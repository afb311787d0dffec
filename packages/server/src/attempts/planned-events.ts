import type { WindowPage } from '#src/adapters/http/pages.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { passes } from '#src/events/event-store.ts'
import { MESSAGE_ID_PREFIX } from '#src/events/message.ts'
import { everything, type IdRange, rangesWith } from '#src/occurrences/ranges.ts'
import { valuesOf } from '#src/occurrences/values.ts'
import { type EventFilter, inOrder } from './store.ts'

export type PlannedAt = { accountId: string; id: string; shard: number }

/** All events up to this one were looked at, and so many passed by that the page ends here: docs/decisions/0063 */
export type Stop = { stoppedAt: string }

/** As they are stored: `Queue` by its place. */
const [FIRST, RETRIES, REPLAYS] = [0, 1, 2]
const AT_ONCE = 1_024

/** How much is read for one page. */
export type PlannedBounds = {
  /** So many planned deliveries of an endpoint are sorted by their events; more are met by walking the account's. */
  sorted: number
  /** So many are passed by, whosever they are; with a filter fewer, as each takes a look at its event. */
  passed: number
  passedFiltered: number
}
const BOUNDS: PlannedBounds = { sorted: 20_000, passed: 50_000, passedFiltered: 2_500 }

type Window = { from: string; until: string }

/**
 * Events that are planned at an endpoint and may be waiting for their first attempt, or retrying, in the order of the page. Each
 * list is complete for its part of the window.
 * @param filter  its types no groups
 * @param bounds  others for tests
 */
export async function* plannedEvents(
  tx: Queryable,
  endpoint: PlannedAt,
  page: WindowPage,
  wanted: 'waiting' | 'retrying',
  filter: EventFilter,
  { from, until }: Window,
  bounds = BOUNDS,
): AsyncGenerator<readonly string[] | Stop> {
  const isDown = page.read === 'descending'
  const isFiltered = filter.types !== null || filter.channel !== null || filter.tag !== null
  const sizes = await sizesOf(tx, endpoint, bounds.sorted + 1)
  const queues = wanted === 'waiting' ? [FIRST, REPLAYS] : [RETRIES, REPLAYS]
  const isMany = queues.some((queue) => (sizes.get(queue) ?? 0) > bounds.sorted)
  const alsoOnRequest = wanted === 'retrying' && (sizes.get(FIRST) ?? 0) > 0
  const order = inOrder(page)
  const look = plannedAs(endpoint, wanted, queues, isMany)
  const owner = { accountId: endpoint.accountId, owner: '' }
  const part = { ...page, from, until, above: null, below: null }
  const passedMax = isFiltered ? bounds.passedFiltered : bounds.passed
  let passed = 0
  for await (const ranges of isMany && isFiltered ? rangesWith(tx, owner, part, valuesOf(filter)) : everything()) {
    let rest: Window | null = { from, until }
    while (rest !== null) {
      const limit = Math.max(AT_ONCE, passed === 0 ? 0 : passedMax - passed)
      const met: Met[] = [await meet(tx, look, { ...rest, ranges, order, isDown, limit })]
      if (alsoOnRequest) met.push(await meet(tx, sentOnRequest(endpoint), { ...rest, ranges, order, isDown, limit }))
      passed += met.reduce((sum, { count }) => sum + count, ranges.length)
      // where one of them has more, both are known up to there
      const ends = met.flatMap(({ count, last }) => (count === limit && last !== null ? [last] : [])).sort()
      const end: string | undefined = isDown ? ends.at(-1) : ends[0]
      const known = [...new Set(met.flatMap(({ ids }) => ids))].filter(
        (id) => end === undefined || (isDown ? id >= end : id <= end),
      )
      const ids = isFiltered ? await passing(tx, endpoint.accountId, known, filter) : known
      yield isDown ? ids.sort().reverse() : ids.sort()
      if (end !== undefined && passed >= passedMax) {
        yield { stoppedAt: end }
        return
      }
      rest = end === undefined ? null : isDown ? { from, until: end } : { from: `${end}0`, until }
    }
    const bound = isDown ? ranges.at(-1)?.first : ranges.at(-1)?.last
    if (passed >= passedMax && bound !== undefined && isId(bound, MESSAGE_ID_PREFIX)) {
      yield { stoppedAt: bound }
      return
    }
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

/** Rows `a` that are met in the order of their events, and which of them are meant. */
type Look = { table: Sql; where: Sql; isMeant: Sql }

/** @param isMany  they are met among all of the account, in order, as a lane is by due time */
function plannedAs(
  { accountId, id, shard }: PlannedAt,
  wanted: 'waiting' | 'retrying',
  queues: readonly number[],
  isMany: boolean,
): Look {
  const isOfEndpoint = sql`a.endpoint_id = ${id} and a.queue = any (${queues}::smallint[])`
  const isMeant = sql`${isOfEndpoint} ${wanted === 'waiting' ? sql`and a.attempts_made = 0` : sql``}`
  return isMany
    ? { table: sql`pending`, where: sql`a.account_id = ${accountId}`, isMeant }
    : {
        table: sql`pending`,
        where: sql`a.account_id = ${accountId} and a.shard = ${shard} and ${isMeant}`,
        isMeant: sql`true`,
      }
}

/** What waits for its first attempt, and was sent on request meanwhile. */
function sentOnRequest({ accountId, id }: PlannedAt): Look {
  return {
    table: sql`attempt`,
    where: sql`a.account_id = ${accountId} and a.endpoint_id = ${id}
               and a.cause <> 'event' and a.cause in ('test', 'resend', 'recover', 'replay')`,
    isMeant: sql`exists (select from pending p
                          where p.account_id = ${accountId} and p.event_id = a.event_id and p.endpoint_id = ${id})`,
  }
}

/** `ids`: of events that are meant, in any order; an event whose rows may go on behind the last that was met is among them. */
type Met = { ids: string[]; count: number; last: string | null }

async function meet(
  tx: Queryable,
  { table, where, isMeant }: Look,
  of: Window & { ranges: readonly IdRange[]; order: Sql; isDown: boolean; limit: number },
): Promise<Met> {
  const { from, until, ranges, order, isDown, limit } = of
  const [row] = await tx.run<{ ids: string[] | null; count: number; last: string | null }>(sql`
    with met as materialized (
      select f.event_id, f.is_meant
        from unnest(${ranges.map(({ first }) => first)}::text[], ${ranges.map(({ last }) => last)}::text[]) as r (first_id, last_id)
       cross join lateral (
         select a.event_id, ${isMeant} as is_meant
           from ${table} a
          where ${where} and a.event_id >= greatest(r.first_id, ${from}) and a.event_id <= r.last_id and a.event_id < ${until}
          order by a.event_id ${order} limit ${limit}) as f
       order by f.event_id ${order} limit ${limit}
    )
    select array_agg(event_id) filter (where is_meant) as ids, count(*) as count,
           ${isDown ? sql`min(event_id)` : sql`max(event_id)`} as last
      from met`)
  const { ids, count, last } = row ?? { ids: null, count: 0, last: null }
  return { ids: [...(ids ?? []), ...(count === limit && last !== null ? [last] : [])], count, last }
}

/** Of these events those that pass. Their bounds choose the days. */
async function passing(
  tx: Queryable,
  accountId: string,
  ids: readonly string[],
  filter: EventFilter,
): Promise<string[]> {
  const sorted = ids.toSorted()
  const [first, last] = [sorted[0], sorted.at(-1)]
  if (first === undefined || last === undefined) return []
  const rows = await tx.run<{ id: string }>(sql`
    select e.id from event e
     where e.account_id = ${accountId} and e.id = any (${sorted}::text[]) and e.id >= ${first} and e.id <= ${last}
       and ${passes(filter)}`)
  return rows.map(({ id }) => id)
}
