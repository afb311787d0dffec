import type { Phase } from '#src/adapters/outgoing/outgoing.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { attemptsFrom, timeOf } from '#src/attempts/store.ts'
import type { DeadReason, DeliveryState } from '#src/delivery/delivery.ts'

/** What is known of one attempt beside what lists show. Times in ms; null where a step did not happen, or is not known. */
export type AttemptDetail = {
  eventType: string
  /** Of the endpoint's own schedule; null: the environment's. */
  waits: number | null
  payloadBytes: number | null // null: expired or erased
  requestedBy: string | null
  taskId: string | null
  phase: Phase | null
  dnsMs: number | null
  connectMs: number | null
  tlsMs: number | null
  firstByteMs: number | null
  queueMs: number | null
  address: string | null
  tlsVersion: string | null
  certificateExpiresAt: Date | null
  state: DeliveryState['status']
  deadReason: DeadReason | null
  nextAttemptAt: Date | null
  /** Of the same event at the same endpoint. */
  previousId: string | null
  nextId: string | null
}

type DetailRow = {
  type: string
  waits: number | null
  payload_bytes: number | null
  requested_by: string | null
  task_id: string | null
  phase: Phase | null
  timings_ms: (number | null)[] | null
  connection: string | null
  state: DeliveryState['status']
  dead_reason: DeadReason | null
  next_attempt_at: Date | null
  previous_id: string | null
  next_id: string | null
}

export async function readAttemptDetail(
  tx: Queryable,
  accountId: string,
  eventId: string,
  id: string,
): Promise<AttemptDetail | undefined> {
  const from = attemptsFrom(timeOf(eventId))
  const [row] = await tx.query<DetailRow>`
    select e.type, cardinality(t.retry_schedule) as waits, octet_length(e.payload) as payload_bytes, a.requested_by, a.task_id, a.phase, a.timings_ms, a.connection,
           a.state, a.dead_reason, a.next_attempt_at,
           (select max(b.id) from attempt b
             where b.account_id = ${accountId} and b.event_id = ${eventId} and b.endpoint_id = a.endpoint_id
               and b.id >= ${from} and b.id < ${id}) as previous_id,
           (select min(b.id) from attempt b
             where b.account_id = ${accountId} and b.event_id = ${eventId} and b.endpoint_id = a.endpoint_id
               and b.id > ${id}) as next_id
      from attempt a
      join event e on e.account_id = a.account_id and e.id = a.event_id
      join endpoint t on t.account_id = a.account_id and t.id = a.endpoint_id
     where a.account_id = ${accountId} and a.event_id = ${eventId} and a.id = ${id}`
  if (!row) return undefined
  const [dnsMs = null, connectMs = null, tlsMs = null, firstByteMs = null, queueMs = null] = row.timings_ms ?? []
  const [address = null, version = '-', endSeconds = '-'] = row.connection?.split(' ') ?? []
  return {
    eventType: row.type,
    waits: row.waits,
    payloadBytes: row.payload_bytes,
    requestedBy: row.requested_by,
    taskId: row.task_id,
    phase: row.phase,
    dnsMs,
    connectMs,
    tlsMs,
    firstByteMs,
    queueMs,
    address,
    tlsVersion: version === '-' ? null : version,
    certificateExpiresAt: endSeconds === '-' ? null : new Date(Number(endSeconds) * 1000),
    state: row.state,
    deadReason: row.dead_reason,
    nextAttemptAt: row.next_attempt_at,
    previousId: row.previous_id,
    nextId: row.next_id,
  }
}
