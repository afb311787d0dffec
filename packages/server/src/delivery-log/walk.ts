import { LARGEST_KSUID, SMALLEST_KSUID } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql, sqlText } from '#src/adapters/postgres/sql.ts'
import { attemptsFrom, timeOf } from '#src/attempts/store.ts'
import { ENDPOINT_ID_PREFIX } from '#src/endpoints/endpoint.ts'
import { type IdRange, rangesWith } from '#src/occurrences/ranges.ts'
import { valuesOf } from '#src/occurrences/values.ts'
import type { FoundFilter, Pair } from './found-filter.ts'
import { isWithin, mayBe, type Scope, type Wanted } from './matching.ts'
import { ALL, NEVER_ATTEMPTED, placesOf } from './places.ts'

/** So many planned deliveries are passed by for a page, or for a count; fewer where each takes a look at its event or attempt. */
export type WalkBounds = { any: number; lookedUp: number }

/** Are events walked for what only some of their types have? Where those are is known. */
export function walksTypes(filter: FoundFilter, wanted: Wanted): boolean {
  return filter.types !== null && filter.npn === null && placesOf(filter, wanted)[0]?.in === 'events'
}

/** Where events of the types may be, in the order of the page. */
export function rangesOfTypes(
  tx: Queryable,
  { accountId }: Scope,
  { types, from, until }: FoundFilter,
  wanted: Wanted,
) {
  const { order, above, below } = wanted
  const read = order === 'ascending' ? order : 'descending'
  // an event of which not all endpoints have been shown is looked at again
  const window = {
    from: above && above.eventId > from ? above.eventId : from,
    until: below && below.eventId < until ? `${below.eventId}0` : until,
  }
  const page = { ...window, above: null, below: null, read, show: read, limit: wanted.rows } as const
  return rangesWith(tx, { accountId, owner: '' }, page, valuesOf({ types, channel: null, tag: null }))
}

/** What one long range leaves of the filter, of whose events all are to be looked at; null: there are several, or it is one event. */
export function partOf(filter: FoundFilter, ranges: readonly IdRange[]): FoundFilter | null {
  const [only] = ranges
  if (!only || ranges.length > 1 || only.first === only.last) return null
  const behind = `${only.last}0`
  return {
    ...filter,
    from: only.first > filter.from ? only.first : filter.from,
    until: behind < filter.until ? behind : filter.until,
  }
}

/** Sort before and behind every other endpoint of an event. */
const FIRST_ENDPOINT = ENDPOINT_ID_PREFIX + SMALLEST_KSUID
const LAST_ENDPOINT = ENDPOINT_ID_PREFIX + LARGEST_KSUID

/** Where a walk ends that is not to pass more by; null: with the last of what is planned. docs/decisions/0073 */
export async function findEnd(
  tx: Queryable,
  scope: Scope,
  filter: FoundFilter,
  wanted: Wanted,
  bounds: WalkBounds,
): Promise<Pair | null> {
  const isUp = wanted.order === 'ascending'
  const ends: string[] = []
  for (const statement of endsOfWalks(scope, filter, wanted, bounds)) {
    ends.push(...(await tx.run<{ event_id: string }>(statement)).map((row) => row.event_id))
  }
  const eventId = ends.sort().at(isUp ? 0 : -1)
  return eventId === undefined ? null : { eventId, endpointId: isUp ? FIRST_ENDPOINT : LAST_ENDPOINT }
}

export function before(end: Pair | null, wanted: Wanted): Wanted {
  if (end === null) return wanted
  return wanted.order === 'ascending' ? { ...wanted, below: end } : { ...wanted, above: end }
}

/**
 * Of each place where deliveries are looked for and many can be passed by, a statement that says with which event the page is to end,
 * which is then not looked at: planned deliveries, and attempts of which each takes a look at its event.
 */
function endsOfWalks({ accountId }: Scope, filter: FoundFilter, wanted: Wanted, passed: WalkBounds): Sql[] {
  const { states, types, classes, codes, triggers, isSlow } = filter
  const way = sqlText(wanted.order === 'ascending' ? 'asc' : 'desc')
  const looksUp = [types, classes, codes, triggers, isSlow].some((each) => each !== null)
  // what waits is met among what retries, which no index leaves out
  const isMet = states?.includes('waiting') ? ALL : mayBe(states, accountId)
  return placesOf(filter, wanted).flatMap(({ in: where, only, each }) => {
    if (where === 'pending' && only !== NEVER_ATTEMPTED && states !== null) {
      return sql`
        select p.event_id from pending p
         where p.account_id = ${accountId} and ${isWithin(sql`p.event_id`, filter, wanted)} and ${isMet}
         order by p.event_id ${way} offset ${looksUp ? passed.lookedUp : passed.any} limit 1`
    }
    if (where === 'attempts' && each !== null && types !== null) {
      return sql`
        select ended.event_id
          from unnest(${each.values}::${each.type}[]) as v (value)
         cross join lateral (
           select d.event_id from attempt d
            where d.account_id = ${accountId} and d.id >= ${attemptsFrom(timeOf(filter.from))}
              and ${isWithin(sql`d.event_id`, filter, wanted)} and ${each.column} = v.value
            order by d.event_id ${way} offset ${passed.lookedUp} limit 1) as ended
         order by ended.event_id ${way} limit 1`
    }
    return []
  })
}
