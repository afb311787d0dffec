import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { parseFailureClass } from '#src/attempts/attempt.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import type { FailureClass } from '#src/delivery/failure-classes.ts'
import { type Piece, piecesOf } from '#src/tally/covered.ts'
import { classOf, countsByClass, type ResponseTimes, sumByClass, sumResponseTimes } from '#src/tally/response-times.ts'
import { readCoverage } from '#src/tally/tally-store.ts'

/** Attempts of an endpoint in a period; test requests count only for `lastSuccessAt`, cancellations for nothing. */
export type AttemptCounts = {
  delivered: number
  failed: number
  /** Deliveries given up. */
  exhausted: number
  /** First attempts of deliveries, and those of them that succeeded. */
  firstAttempts: number
  firstDelivered: number
  times: ResponseTimes
  classes: ReadonlyMap<FailureClass, number>
  lastSuccessAt: Date | null
}

type CountsRow = {
  endpoint_id: string
  period: number
  delivered: number
  failed: number
  exhausted: number
  first_attempts: number
  first_delivered: number
  durations: number[] | null
  max_ms: number
  classes: Record<string, number>[] | null
  last_success_at: Date | null
}

/**
 * Counts attempts by endpoint and period, from what has been counted and, for the last minutes, from the attempts themselves.
 * @param bounds  of the periods, in order, one more than there are periods
 * @returns by endpoint, the periods in which there was something by their numbers from 0
 */
export async function countByEndpoint(
  tx: Queryable,
  { accountId, endpointIds }: { accountId: string; endpointIds: readonly string[] },
  bounds: readonly Date[],
  now: Date,
): Promise<Map<string, Map<number, AttemptCounts>>> {
  const [since = now, until = now] = [bounds[0], bounds.at(-1)]
  const finest = Math.min(
    ...bounds.slice(1).map((bound, index) => bound.getTime() - (bounds[index] ?? bound).getTime()),
  )
  const pieces = piecesOf({ since, until }, await readCoverage(tx), now, finest)
  const found = new Map<string, Map<number, AttemptCounts>>()
  for (const piece of endpointIds.length > 0 ? pieces : []) {
    const rows = await tx.run<CountsRow>(sql`
      select y.*
        from unnest(${endpointIds}::text[]) as t (id)
       cross join lateral (${piece.of === 'attempts' ? fromAttempts(accountId, piece, bounds) : fromTallies(accountId, piece, bounds)}) as y`)
    for (const row of rows) {
      const periods = found.get(row.endpoint_id) ?? new Map<number, AttemptCounts>()
      found.set(row.endpoint_id, periods)
      const known = periods.get(row.period - 1)
      const counts = toCounts(row)
      periods.set(row.period - 1, known ? sumCounts([known, counts]) : counts)
    }
  }
  return found
}

function fromTallies(accountId: string, piece: Piece, bounds: readonly Date[]): Sql {
  return sql`
    select t.id as endpoint_id, width_bucket(starts_at, ${bounds}::timestamptz[]) as period, sum(delivered) as delivered,
           sum(failed) as failed, sum(exhausted) as exhausted, sum(first_attempts) as first_attempts,
           sum(first_delivered) as first_delivered, ${sumByClass(sql`durations`)} as durations, max(max_ms) as max_ms,
           jsonb_agg(classes) filter (where classes is not null) as classes, max(last_success_at) as last_success_at
      from endpoint_tally
     where account_id = ${accountId} and endpoint_id = t.id and minutes = ${piece.of === 'hours' ? 60 : 5}
       and starts_at >= ${piece.from} and starts_at < ${piece.until}
     group by 2`
}

function fromAttempts(accountId: string, piece: Piece, bounds: readonly Date[]): Sql {
  const ids = bounds.map((bound) => ATTEMPT_ID_PREFIX + ksuidFloor(bound))
  const isMade = sql`cause <> 'test' and outcome <> 'canceled'`
  const counted = sql`case when ${isMade} then ${classOf(sql`duration_ms`)} end`
  return sql`
    select t.id as endpoint_id, width_bucket(id, ${ids}::text[] collate "C") as period,
           count(*) filter (where cause <> 'test' and failure_class is null) as delivered,
           count(*) filter (where ${isMade} and failure_class is not null) as failed,
           count(*) filter (where cause <> 'test' and state = 'dead_letter') as exhausted,
           count(*) filter (where ${isMade} and number = 1) as first_attempts,
           count(*) filter (where cause <> 'test' and number = 1 and failure_class is null) as first_delivered,
           ${countsByClass(counted)} as durations, coalesce(max(duration_ms) filter (where ${isMade}), 0) as max_ms,
           case when failure_class is not null then jsonb_build_array(jsonb_build_object(failure_class, count(*) filter (where ${isMade}))) end
             as classes,
           max(started_at) filter (where failure_class is null) as last_success_at
      from attempt
     where account_id = ${accountId} and endpoint_id = t.id
       and id >= ${ATTEMPT_ID_PREFIX + ksuidFloor(piece.from)} and id < ${ATTEMPT_ID_PREFIX + ksuidFloor(piece.until)}
     group by 2, failure_class`
}

function toCounts(row: CountsRow): AttemptCounts {
  const classes = new Map<FailureClass, number>()
  for (const counted of row.classes ?? []) {
    for (const [name, count] of Object.entries(counted)) {
      const known = parseFailureClass(name)
      if (known && count > 0) classes.set(known, (classes.get(known) ?? 0) + count)
    }
  }
  return {
    delivered: row.delivered,
    failed: row.failed,
    exhausted: row.exhausted,
    firstAttempts: row.first_attempts,
    firstDelivered: row.first_delivered,
    times: { durations: row.durations ?? [], maxMs: row.max_ms },
    classes,
    lastSuccessAt: row.last_success_at,
  }
}

export function sumCounts(all: readonly AttemptCounts[]): AttemptCounts {
  const sum = (of: (counts: AttemptCounts) => number) => all.reduce((total, counts) => total + of(counts), 0)
  const classes = new Map<FailureClass, number>()
  for (const counts of all) {
    for (const [name, count] of counts.classes) classes.set(name, (classes.get(name) ?? 0) + count)
  }
  const successes = all.flatMap(({ lastSuccessAt }) => lastSuccessAt?.getTime() ?? [])
  return {
    delivered: sum(({ delivered }) => delivered),
    failed: sum(({ failed }) => failed),
    exhausted: sum(({ exhausted }) => exhausted),
    firstAttempts: sum(({ firstAttempts }) => firstAttempts),
    firstDelivered: sum(({ firstDelivered }) => firstDelivered),
    times: sumResponseTimes(all.map(({ times }) => times)),
    classes,
    lastSuccessAt: successes.length > 0 ? new Date(Math.max(...successes)) : null,
  }
}
