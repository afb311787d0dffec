import { addMs } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { FailureClass } from '#src/delivery/failure-classes.ts'
import { type AttemptCounts, countByEndpoint, sumCounts } from '#src/statistics/attempt-counts.ts'
import { FIVE_MS, HOUR_MS } from '#src/tally/covered.ts'
import { disablesAt, type StateSince, stateOf } from './endpoint-state.ts'
import { type EndpointFilter, listWatched, readRecent, type WatchedEndpoint } from './endpoint-store.ts'
import type { EndpointState } from './words.ts'

/** How an endpoint is doing, and what it did in the last 24 hours. */
export type EndpointHealth = StateSince & {
  endpoint: WatchedEndpoint
  disablesAt: Date | null
  failure: FailureClass | null // of the last failed attempt, while it is not healthy
  lastSuccessAt: Date | null
  waiting: number
  nextAt: Date | null
  /** By hours of the clock, oldest first, the last under way; null: nothing. */
  hours: readonly (AttemptCounts | null)[]
}

export type FailingPolicy = { disableFailing: boolean; disableAfterDays: number }

const HOURS = 24
const STEPS = 24 * 12
const STEPS_OF_AN_HOUR = 12
/** Endpoints that are looked at together. */
const AT_ONCE = 100
/** States in which the last failure explains something. */
const EXPLAINED: ReadonlySet<EndpointState> = new Set(['unverified', 'degraded', 'failing', 'paused', 'disabled'])

/** How these endpoints of an account are doing, in their order. */
export async function healthOf(
  tx: Queryable,
  accountId: string,
  endpoints: readonly WatchedEndpoint[],
  policy: FailingPolicy,
  now: Date,
): Promise<EndpointHealth[]> {
  const ids = endpoints.map(({ id }) => id)
  const hourly = await countByEndpoint(tx, { accountId, endpointIds: ids }, boundsUntil(now, HOUR_MS, HOURS), now)
  const latest = await countByEndpoint(tx, { accountId, endpointIds: ids }, stepsUntil(now, STEPS_OF_AN_HOUR), now)
  const states = new Map(
    endpoints.map(({ id, facts }) => [id, stateOf(facts, inOrder(latest.get(id), STEPS_OF_AN_HOUR), now)]),
  )
  const degraded = ids.filter((id) => states.get(id)?.state === 'degraded')
  const day = await countByEndpoint(tx, { accountId, endpointIds: degraded }, stepsUntil(now, STEPS), now)
  for (const { id, facts } of endpoints) {
    if (states.get(id)?.state === 'degraded') states.set(id, stateOf(facts, inOrder(day.get(id), STEPS), now))
  }
  const explained = ids.filter((id) => EXPLAINED.has(states.get(id)?.state ?? 'healthy'))
  const recent = await readRecent(tx, accountId, ids, explained)
  return endpoints.flatMap((endpoint) => {
    const state = states.get(endpoint.id)
    const last = recent.get(endpoint.id)
    if (!state || !last) return []
    const hours = inOrder(hourly.get(endpoint.id), HOURS)
    const successes = [last.lastSuccessAt, ...hours.map((counts) => counts?.lastSuccessAt ?? null)]
    return {
      ...state,
      endpoint,
      disablesAt: disablesAt(endpoint.facts, policy, now),
      failure: last.failure,
      lastSuccessAt: latestOf(successes),
      waiting: last.waiting,
      nextAt: last.nextAt,
      hours,
    }
  })
}

/** A page of an account's endpoints; where a state is wanted, endpoints are looked through until the page is full. */
export async function listHealth(
  tx: Queryable,
  account: { id: string; environment: string },
  page: Page,
  { state, ...filter }: EndpointFilter & { state: EndpointState | null },
  policy: FailingPolicy,
  now: Date,
): Promise<EndpointHealth[]> {
  const found: EndpointHealth[] = []
  let { above, below } = page
  for (;;) {
    const limit = state === null ? Math.min(page.limit + 1 - found.length, AT_ONCE) : AT_ONCE
    const endpoints = await listWatched(tx, account, { ...page, above, below, limit }, filter)
    const health = await healthOf(tx, account.id, endpoints, policy, now)
    found.push(...health.filter((one) => state === null || one.state === state))
    if (found.length > page.limit || endpoints.length < limit) return found.slice(0, page.limit + 1)
    const last = endpoints.at(-1)?.id ?? null
    if (page.read === 'ascending') above = last
    else below = last
  }
}

/** Attempts of the last 24 hours by the clock. */
export function dayOf({ hours }: Pick<EndpointHealth, 'hours'>): AttemptCounts {
  return sumCounts(hours.flatMap((counts) => counts ?? []))
}

/** Steps of five minutes that end with the one under way. */
function stepsUntil(now: Date, steps: number): Date[] {
  return boundsUntil(now, FIVE_MS, steps)
}

/** Bounds of the periods of this length, the last one that in which `now` is. */
function boundsUntil(now: Date, everyMs: number, periods: number): Date[] {
  const end = new Date((Math.floor(now.getTime() / everyMs) + 1) * everyMs)
  return Array.from({ length: periods + 1 }, (_, index) => addMs(end, (index - periods) * everyMs))
}

function inOrder(counts: ReadonlyMap<number, AttemptCounts> | undefined, periods: number): (AttemptCounts | null)[] {
  return Array.from({ length: periods }, (_, period) => counts?.get(period) ?? null)
}

function latestOf(moments: readonly (Date | null)[]): Date | null {
  const times = moments.flatMap((moment) => moment?.getTime() ?? [])
  return times.length > 0 ? new Date(Math.max(...times)) : null
}
