import { readSettings } from '#src/accounts/environments.ts'
import type { Environment } from '#src/accounts/principal.ts'
import { ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { type FoundFilter, findFilter, type Pair } from '#src/delivery-log/found-filter.ts'
import { matchingDeliveries, type Wanted } from '#src/delivery-log/matching.ts'
import { parseDeliveryFilter } from '#src/delivery-log/query.ts'
import { REPLAY_KINDS, type ReplayKind, type ReplayParameters } from './replay.ts'
import { plannedAmong, type Scan, type ScannedRow, scanAttempted, scanFailed, scanMissing } from './store.ts'

/** A replay, as far as looking for its events goes. */
export type Sought = {
  environment: Environment
  accountId: string
  endpointId: string
  kind: ReplayKind
  parameters: ReplayParameters
  startedAt: Date
}

/** The next rows of a replay behind `after`, in its order: what a dry run counts and what the task then plans. */
export async function scanReplay(
  tx: Queryable,
  sought: Sought,
  { after, limit, now }: { after: string | null; limit: number; now: Date },
): Promise<ScannedRow[]> {
  const { accountId, endpointId, kind, parameters, startedAt } = sought
  const { from, below, order, filter, deliveries, retry } = parameters
  const scan: Scan = { accountId, endpointId, from, below, after, startedAt, now, limit, order }
  if (kind === REPLAY_KINDS.bulk) {
    const rows = deliveries === null ? await scanAttempted(tx, scan, filter) : await scanMatching(tx, sought, scan, now)
    return retry === 'none' ? rows : await markPlanned(tx, scan, rows)
  }
  const rows = kind === REPLAY_KINDS.missing ? await scanMissing(tx, scan) : await scanFailed(tx, scan)
  const isNarrowed = deliveries !== null && Object.keys(deliveries).length > 0
  const meant = isNarrowed ? await markOthers(tx, sought, rows, now) : rows
  return kind === REPLAY_KINDS.recover && retry === 'schedule' ? await markPlanned(tx, scan, meant) : meant
}

/** The next deliveries to the endpoint that match, by the ids of their events; those never attempted need no replay. */
async function scanMatching(tx: Queryable, sought: Sought, scan: Scan, now: Date): Promise<ScannedRow[]> {
  const found = await findSought(tx, sought)
  if (found === null) return []
  const { accountId, endpointId, limit, order } = scan
  const after = scan.after === null ? null : { eventId: scan.after, endpointId }
  const isUp = order === 'oldest'
  const wanted: Wanted = {
    rows: limit,
    order: isUp ? 'ascending' : 'descending',
    above: isUp ? after : null,
    below: isUp ? null : after,
    withStanding: true,
  }
  const matching = await statement(tx, sought, { ...found, endpointIds: [endpointId] }, wanted, now)
  const rows = await tx.query<{ event_id: string; attempted: boolean; has_payload: boolean }>`
    select m.event_id, m.attempt_id is not null as attempted, e.payload is not null as has_payload
      from (${matching}) as m
      join event e on e.account_id = ${accountId} and e.id = m.event_id
     order by m.event_id ${isUp ? sql`asc` : sql`desc`}`
  return rows.map((row) => ({
    position: row.event_id,
    eventId: row.event_id,
    verdict: row.attempted ? (row.has_payload ? 'wanted' : 'gone') : 'planned',
  }))
}

/** Rows whose deliveries do not match become `other`. Of one that was delivered later only the event can. */
async function markOthers(tx: Queryable, sought: Sought, rows: ScannedRow[], now: Date): Promise<ScannedRow[]> {
  const found = await findSought(tx, sought)
  const open = rows.filter(({ verdict }) => verdict === 'wanted' || verdict === 'gone')
  const delivered = rows.filter(({ verdict }) => verdict === 'delivered')
  const matched = new Set([
    ...(await matchedAmong(tx, sought, found, open, now)),
    ...(await matchedAmong(tx, sought, found && ofEventsOnly(found), delivered, now)),
  ])
  return rows.map((row) => (row.verdict === 'repeat' || matched.has(row.eventId) ? row : { ...row, verdict: 'other' }))
}

function ofEventsOnly(found: FoundFilter): FoundFilter {
  return { ...found, states: null, classes: null, codes: null, triggers: null, isSlow: null }
}

async function matchedAmong(
  tx: Queryable,
  sought: Sought,
  found: FoundFilter | null,
  rows: readonly ScannedRow[],
  now: Date,
): Promise<string[]> {
  if (found === null || rows.length === 0) return []
  const { endpointId } = sought
  const pairs: Pair[] = rows
    .filter(({ eventId }) => found.pairs?.some((pair) => pair.eventId === eventId) ?? true)
    .map(({ eventId }) => ({ eventId, endpointId }))
  if (pairs.length === 0) return []
  const wanted: Wanted = { rows: pairs.length, order: 'ascending', above: null, below: null, withStanding: false }
  const matching = await statement(tx, sought, { ...found, endpointIds: [endpointId], pairs }, wanted, now)
  const matched = await tx.query<{ event_id: string }>`select m.event_id from (${matching}) as m`
  return matched.map((row) => row.event_id)
}

async function statement(tx: Queryable, sought: Sought, found: FoundFilter, wanted: Wanted, now: Date) {
  const { accountId, environment } = sought
  const { timeoutMs } = await readSettings(tx, environment)
  return matchingDeliveries({ accountId, now, timeoutMs }, found, wanted)
}

/** @returns null when nothing can match */
async function findSought(tx: Queryable, { accountId, environment, parameters }: Sought): Promise<FoundFilter | null> {
  const { from, below, deliveries } = parameters
  const filter = parseDeliveryFilter(deliveries ?? {}, 'body')
  const within = { from: ksuidTime(from), until: ksuidTime(below) }
  return await findFilter(tx, { id: accountId, environment }, filter, within)
}

/** With a whole schedule, what the schedule goes on with would be sent twice. */
async function markPlanned(tx: Queryable, scan: Scan, rows: ScannedRow[]): Promise<ScannedRow[]> {
  const wanted = rows.filter(({ verdict }) => verdict === 'wanted').map(({ eventId }) => eventId)
  if (wanted.length === 0) return rows
  const planned = await plannedAmong(tx, scan, wanted)
  return rows.map((row) =>
    planned.has(row.eventId) && row.verdict === 'wanted' ? { ...row, verdict: 'planned' } : row,
  )
}
