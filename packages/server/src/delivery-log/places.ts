import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { Cause } from '#src/delivery/delivery.ts'
import type { FoundFilter } from './found-filter.ts'
import type { CodeRange, DeliveryStateWord, Trigger } from './query.ts'

/**
 * Where deliveries are looked for, and which of those found there count. `each`: values of a column that are asked for one by
 * one, in the order of the events each, as a plan for many of them would sort whatever it finds.
 */
export type Place = { in: 'events' | 'attempts' | 'pending' | 'pairs'; each: Each | null; only: Sql }
export type Each = { column: Sql; type: Sql; values: readonly (string | number)[] }

export const ALL = sql`true`
export const NOTHING_PLANNED = sql`plan.due_at is null`
export const NEVER_ATTEMPTED = sql`d.attempt_id is null`
/** As the index of such deliveries has it. */
export const IS_RETRYING = sql`p.attempts_made > 0`
export const PLANNED: ReadonlySet<DeliveryStateWord> = new Set(['waiting', 'sending', 'retrying'])
const TYPES_ONE_BY_ONE_MAX = 20

/** One or two places that have no delivery in common. */
export function placesOf(filter: FoundFilter, { withStanding }: { withStanding: boolean }): Place[] {
  const { states, endpointIds, pairs, npn, isTest, types } = filter
  if (pairs !== null) return [{ in: 'pairs', each: null, only: ALL }]
  if (npn !== null || isTest === true) return [{ in: 'events', each: null, only: ALL }]
  if (states?.every((state) => PLANNED.has(state))) {
    return [{ in: 'pending', each: ofEndpoints(sql`p.endpoint_id`, endpointIds), only: ALL }]
  }
  const byAttempt = lastAttemptOf(filter)
  if (byAttempt) return [byAttempt]
  if (states !== null && !states.includes('delivered')) {
    const ended: Place = { in: 'attempts', each: endsOf(states), only: NOTHING_PLANNED }
    if (states.every((state) => state === 'exhausted')) return [ended]
    return [ended, { in: 'pending', each: ofEndpoints(sql`p.endpoint_id`, endpointIds), only: ALL }]
  }
  // a page is full after a few events; whoever counts many does better to walk the attempts themselves
  if (endpointIds !== null || (!withStanding && types === null)) {
    return [
      { in: 'attempts', each: ofEndpoints(sql`d.endpoint_id`, endpointIds), only: ALL },
      { in: 'pending', each: ofEndpoints(sql`p.endpoint_id`, endpointIds), only: NEVER_ATTEMPTED },
    ]
  }
  const each = types !== null && types.length <= TYPES_ONE_BY_ONE_MAX ? textEach(sql`e.type`, types) : null
  return [{ in: 'events', each, only: ALL }]
}

/** Something about the last attempt that few have: then it is looked up. What most have is met while walking the events. */
function lastAttemptOf({ classes, codes, triggers, isSlow }: FoundFilter): Place | null {
  const place = (each: Each | null): Place => ({ in: 'attempts', each, only: ALL })
  if (classes !== null) return place(textEach(sql`d.failure_class`, classes))
  if (codes !== null && !codes.some(({ from, to }) => from <= 200 && to >= 200)) {
    const values = [...new Set(codes.flatMap(codesIn))]
    return place({ column: sql`d.status_code <> 200 and d.status_code`, type: sql`smallint`, values })
  }
  if (triggers !== null && !triggers.includes('schedule')) {
    return place(textEach(sql`d.cause <> 'event' and d.cause`, triggers.map(causeOf)))
  }
  return isSlow === true ? place(null) : null
}

function endsOf(states: readonly DeliveryStateWord[]): Each {
  const values = states.flatMap((state) =>
    state === 'exhausted' ? ['dead_letter'] : state === 'canceled' ? [state] : [],
  )
  return textEach(sql`d.state in ('dead_letter', 'canceled') and d.state`, values)
}

function ofEndpoints(column: Sql, ids: readonly string[] | null): Each | null {
  return ids && textEach(column, ids)
}

function textEach(column: Sql, values: readonly string[]): Each {
  return { column, type: sql`text`, values }
}

function codesIn({ from, to }: CodeRange): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

export function causeOf(trigger: Trigger): Cause {
  return trigger === 'schedule' ? 'event' : trigger
}
