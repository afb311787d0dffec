import type { Client, QueryResult } from 'pg'

/** What the database says at the end of a run. Moments as in the ledger. */
export type Stored = {
  events: StoredEvent[]
  attempts: StoredAttempt[]
  pending: StoredPending[]
}
export type StoredEvent = { messageId: string; account: number; uid: string; createdAtMs: number }
export type StoredAttempt = {
  messageId: string
  endpoint: number
  number: number
  outcome: string
  status: number
  startedAtMs: number
  durationMs: number
  state: 'pending' | 'delivered' | 'dead_letter' | 'canceled'
}
export type StoredPending = {
  messageId: string
  endpoint: number
  attemptsMade: number
  /** How long it has been due; negative: it is not yet. */
  overdueMs: number
  /** Its shard belongs to a worker that is alive. */
  owned: boolean
}

/** Numbers of what the rig has made, by the ids that the service gave them. */
export type Numbers = { accounts: ReadonlyMap<string, number>; endpoints: ReadonlyMap<string, number> }

const EVENTS = `
  select id, account_id, uid, extract(epoch from created_at)::float8 * 1000 as created_ms from event where uid is not null`
const ATTEMPTS = `
  select event_id, endpoint_id, number, outcome, status_code, duration_ms, state,
         extract(epoch from started_at)::float8 * 1000 as started_ms
    from attempt where cause <> 'test'`
// those of bundles too, until they are recorded
const PENDING = `
  select p.event_id, p.endpoint_id, p.attempts_made,
         extract(epoch from clock_timestamp() - p.due_at)::float8 * 1000 as overdue_ms,
         exists (select from shard s join worker w on w.id = s.owner
                  where s.number = p.shard and w.lease_until > clock_timestamp()) as owned
    from (select event_id, endpoint_id, attempts_made, due_at, shard from pending where cause <> 'test'
          union all select event_id, endpoint_id, 0, created_at, shard from packed_delivery) as p`
type Rows = [QueryResult<EventRow>, QueryResult<AttemptRow>, QueryResult<PendingRow>]

/** @param originMs  Unix time in milliseconds at which the ledger's clock read 0 */
export async function readStored(client: Client, numbers: Numbers, originMs: number): Promise<Stored> {
  // in one go, of one snapshot: what is written between two reads would look like a contradiction
  const results = await client.query(
    `begin isolation level repeatable read read only; ${EVENTS}; ${ATTEMPTS}; ${PENDING}; commit`,
  )
  const [, events, attempts, pending] = results as unknown as [null, ...Rows] // several statements: several results
  const endpoint = (id: string) => numbers.endpoints.get(id) ?? -1
  return {
    events: events.rows.map((row) => ({
      messageId: row.id,
      account: numbers.accounts.get(row.account_id) ?? -1,
      uid: row.uid,
      createdAtMs: row.created_ms - originMs,
    })),
    attempts: attempts.rows.map((row) => ({
      messageId: row.event_id,
      endpoint: endpoint(row.endpoint_id),
      number: row.number,
      outcome: row.outcome,
      status: row.status_code,
      startedAtMs: row.started_ms - originMs,
      durationMs: row.duration_ms,
      state: row.state,
    })),
    pending: pending.rows.map((row) => ({
      messageId: row.event_id,
      endpoint: endpoint(row.endpoint_id),
      attemptsMade: row.attempts_made,
      overdueMs: row.overdue_ms,
      owned: row.owned,
    })),
  }
}

type EventRow = { id: string; account_id: string; uid: string; created_ms: number }
type AttemptRow = {
  event_id: string
  endpoint_id: string
  number: number
  outcome: string
  status_code: number
  duration_ms: number
  state: StoredAttempt['state']
  started_ms: number
}
type PendingRow = {
  event_id: string
  endpoint_id: string
  attempts_made: number
  overdue_ms: number
  owned: boolean
}
