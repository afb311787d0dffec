import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { parseFailureClass } from '#src/attempts/attempt.ts'
import { timeOf } from '#src/attempts/store.ts'
import type { Cause } from '#src/delivery/delivery.ts'
import type { FailureClass } from '#src/delivery/failure-classes.ts'
import { UPDATES_AVAILABLE } from '#src/events/producersync-types.ts'
import { fill } from '#src/occurrences/ranges.ts'
import { eventIdAt, type FoundFilter, type Pair } from './found-filter.ts'
import { matchingDeliveries, ordered, type Scope, type Wanted } from './matching.ts'
import type { DeliveryStateWord } from './query.ts'
import { before, findEnd, partOf, rangesOfTypes, type WalkBounds, walksTypes } from './walk.ts'

/** An attempt, as a line shows it. */
export type AttemptLine = {
  id: string
  number: number // 1, 2, …; 0 for a single attempt on request
  cause: Cause
  url: string
  outcome: string
  failureClass: FailureClass | null
  statusCode: number
  durationMs: number
  limitMs: number | null
  startedAt: Date
}

/** An endpoint, as a line shows it, deleted or not. */
export type EndpointLine = {
  id: string
  uid: string | null
  url: string
  description: string
  isDisabled: boolean
  isDeleted: boolean
}

/** An event, as a line shows it. */
export type EventLine = {
  id: string
  uid: string | null
  type: string
  npn: string | null
  payload: Buffer | null // of events about a daily run alone: they say which
  isTest: boolean
  createdAt: Date
}

/** What is planned of a delivery, and what its schedule allows; `waits` null: the environment's. */
export type Plan = { nextAt: Date | null; made: number; cause: Cause; waits: number | null }

export type DeliveryLine = {
  event: EventLine
  endpoint: EndpointLine
  state: DeliveryStateWord
  plan: Plan
  lastAttempt: AttemptLine | null
}

export type EventColumns = {
  id: string
  uid: string | null
  type: string
  npn: string | null
  payload: Buffer | null
  is_test: boolean
  created_at: Date
}

/** Of an event `e`, what a line shows. */
export const EVENT_LINE = sql`e.id, e.uid, e.type, e.npn, e.only_endpoint_id is not null as is_test, e.created_at,
           case when e.type = ${UPDATES_AVAILABLE} then e.payload end as payload`

type LineRow = EventColumns &
  AttemptColumns & {
    endpoint_id: string
    endpoint_uid: string | null
    endpoint_url: string
    description: string
    disabled: boolean
    is_deleted: boolean
    waits: number | null
    state: DeliveryStateWord
    due_at: Date | null
    planned_made: number | null
    planned_cause: Cause | null
  }

export type AttemptColumns = {
  attempt_id: string | null
  number: number
  cause: Cause
  url: string
  outcome: string
  failure_class: string | null
  status_code: number
  duration_ms: number
  limit_ms: number | null
  started_at: Date
}

/** A page is looked for in so many days at its beginning, and only then in all: a plan for 90 days takes longer than most looks. */
const NEAR_MS = 3 * 86_400_000

const PAGE_WALK: WalkBounds = { any: 50_000, lookedUp: 500 }
const COUNT_WALK: WalkBounds = { any: 200_000, lookedUp: 10_000 }

/** `stoppedAt`: fewer than wanted, as so many were passed by that it ends here: the next one goes on from there. */
export type FoundLines = { lines: DeliveryLine[]; stoppedAt: Pair | null }

/**
 * Deliveries that match, in the order in which they are wanted.
 * @param bounds  others for tests
 */
export async function listDeliveries(
  tx: Queryable,
  scope: Scope,
  filter: FoundFilter,
  wanted: Wanted,
  bounds = PAGE_WALK,
): Promise<FoundLines> {
  const end = await findEnd(tx, scope, filter, wanted, bounds)
  const lines = await listBefore(tx, scope, filter, before(end, wanted))
  return { lines, stoppedAt: lines.length < wanted.rows ? end : null }
}

async function listBefore(tx: Queryable, scope: Scope, filter: FoundFilter, wanted: Wanted): Promise<DeliveryLine[]> {
  if (!walksTypes(filter, wanted)) return await listNear(tx, scope, filter, wanted)
  return await fill(rangesOfTypes(tx, scope, filter, wanted), wanted.rows, async (ranges, rows) => {
    const part = partOf(filter, ranges)
    if (part) return await listNear(tx, scope, part, { ...wanted, rows })
    return await readDeliveries(tx, scope, filter, { ...wanted, among: ranges, rows })
  })
}

async function listNear(tx: Queryable, scope: Scope, filter: FoundFilter, wanted: Wanted): Promise<DeliveryLine[]> {
  const near = nearest(filter, wanted)
  const lines = await readDeliveries(tx, scope, near ?? filter, wanted)
  if (near === null || lines.length === wanted.rows) return lines
  const rest = wanted.order === 'ascending' ? { ...filter, from: near.until } : { ...filter, until: near.from }
  return [...lines, ...(await readDeliveries(tx, scope, rest, { ...wanted, rows: wanted.rows - lines.length }))]
}

/** @returns null when that would be nearly all */
function nearest(filter: FoundFilter, { order, above, below }: Wanted): FoundFilter | null {
  if (order === 'ascending') {
    const start = above && above.eventId > filter.from ? above.eventId : filter.from
    const until = eventIdAt(addMs(timeOf(start), NEAR_MS))
    return until < filter.until ? { ...filter, until } : null
  }
  const end = below && below.eventId < filter.until ? below.eventId : filter.until
  const from = eventIdAt(addMs(timeOf(end), -NEAR_MS))
  return from > filter.from ? { ...filter, from } : null
}

/** As `listDeliveries`, in one statement. */
export async function readDeliveries(
  tx: Queryable,
  scope: Scope,
  filter: FoundFilter,
  wanted: Wanted,
): Promise<DeliveryLine[]> {
  const rows = await tx.query<LineRow>`
    select m.*, ${EVENT_LINE}, t.uid as endpoint_uid, t.url as endpoint_url, t.description, t.disabled, t.deleted_at is not null as is_deleted,
           cardinality(t.retry_schedule) as waits
      from (${matchingDeliveries(scope, filter, wanted)}) as m
      join event e on e.account_id = ${scope.accountId} and e.id = m.event_id
      join endpoint t on t.account_id = ${scope.accountId} and t.id = m.endpoint_id
     ${ordered(wanted, sql`m.`)}`
  return rows.map(toLine)
}

/**
 * How many match, up to `countMax`, and whether there may be more than that.
 * @param bounds  others for tests
 */
export async function countDeliveries(
  tx: Queryable,
  scope: Scope,
  filter: FoundFilter,
  countMax: number,
  bounds = COUNT_WALK,
): Promise<{ count: number; capped: boolean }> {
  const wanted: Wanted = { rows: countMax + 1, order: 'any', above: null, below: null, withStanding: false }
  const end = await findEnd(tx, scope, filter, wanted, bounds)
  const count = async (part: FoundFilter, among: Pick<Wanted, 'among' | 'rows'>) => {
    const [row] = await tx.query<{ found: number }>`
      select count(*) as found from (${matchingDeliveries(scope, part, { ...before(end, wanted), ...among })}) as m`
    return row?.found ?? 0
  }
  let found = 0
  if (walksTypes(filter, wanted)) {
    for await (const ranges of rangesOfTypes(tx, scope, filter, wanted)) {
      const rows = wanted.rows - found
      const part = partOf(filter, ranges)
      found += part ? await count(part, { rows }) : await count(filter, { among: ranges, rows })
      if (found >= wanted.rows) break
    }
  } else found = await count(filter, { rows: wanted.rows })
  return { count: Math.min(found, countMax), capped: found > countMax || end !== null }
}

function toLine(row: LineRow): DeliveryLine {
  const isPlanned = row.due_at !== null && row.state !== 'canceled'
  return {
    event: toEventLine(row),
    endpoint: {
      id: row.endpoint_id,
      uid: row.endpoint_uid,
      url: row.endpoint_url,
      description: row.description,
      isDisabled: row.disabled,
      isDeleted: row.is_deleted,
    },
    state: row.state,
    plan: {
      nextAt: isPlanned ? row.due_at : null,
      made: row.planned_made ?? Math.max(row.number, 1),
      cause: row.planned_cause ?? row.cause,
      waits: row.waits,
    },
    lastAttempt: toAttemptLine(row),
  }
}

export function toEventLine(row: EventColumns): EventLine {
  return {
    id: row.id,
    uid: row.uid,
    type: row.type,
    npn: row.npn,
    payload: row.payload,
    isTest: row.is_test,
    createdAt: row.created_at,
  }
}

export function toAttemptLine(row: AttemptColumns): AttemptLine | null {
  if (row.attempt_id === null) return null
  return {
    id: row.attempt_id,
    number: row.number,
    cause: row.cause,
    url: row.url,
    outcome: row.outcome,
    failureClass: parseFailureClass(row.failure_class),
    statusCode: row.status_code,
    durationMs: row.duration_ms,
    limitMs: row.limit_ms,
    startedAt: row.started_at,
  }
}
