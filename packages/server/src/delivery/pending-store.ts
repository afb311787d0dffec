import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Signing } from '#src/events/accept.ts'
import { type Cause, type Delivery, QUEUES, type Queue } from './delivery.ts'

/** A lane with pending deliveries: where it is, and when the first of a queue is due. */
export type FoundLane = { accountId: string; endpointId: string; shard: number; queue: Queue; dueAt: Date }

/**
 * The lanes of these shards that have pending deliveries. Skips from lane to lane in the index, so a lane with a million
 * of them costs no more than one with a single one.
 */
export async function findLanes(db: Queryable, shards: readonly number[]): Promise<FoundLane[]> {
  const rows = await db.query<{ account_id: string; endpoint_id: string; shard: number; queue: number; due_at: Date }>`
    select lane.*
      from unnest(${shards}::smallint[]) as s (shard)
     cross join lateral (
       with recursive lane as (
         (select p.account_id, p.endpoint_id, p.shard, p.queue, p.due_at
            from pending p
           where p.shard = s.shard
           order by p.endpoint_id, p.queue, p.due_at limit 1)
         union all
         select next.*
           from lane
          cross join lateral (
            select p.account_id, p.endpoint_id, p.shard, p.queue, p.due_at
              from pending p
             where p.shard = s.shard and (p.endpoint_id, p.queue) > (lane.endpoint_id, lane.queue)
             order by p.endpoint_id, p.queue, p.due_at limit 1) as next
       )
       select * from lane) as lane`
  return rows.map((row) => ({
    accountId: row.account_id,
    endpointId: row.endpoint_id,
    shard: row.shard,
    queue: queueOf(row.queue),
    dueAt: row.due_at,
  }))
}

/** One queue of one lane to read: at most `limit` deliveries that are due, none of those that the caller holds. */
export type LaneRead = {
  accountId: string
  endpointId: string
  shard: number
  queue: Queue
  limit: number
  dueFrom: Date
}
export type LaneWindow = { due: Delivery[]; nextDueAt: Date | null }

type DeliveryRow = {
  account_id: string
  event_id: string
  delivery_id: string
  cause: Cause
  attempts_made: number
  created_at: Date
  due_at: Date
  task_id: string | null
  requested_by: string | null
}

type LaneRow = Omit<DeliveryRow, 'delivery_id'> & {
  read_no: number
  next_due_at: Date | null
  delivery_id: string | null
  payload: Buffer | null
  content_type: string | null
  signing: Signing | null
}

/**
 * Reads the next windows of many lanes, each from its start: a row can become visible after later ones, so no cursor
 * survives a commit. `dueFrom` bounds the search from below, past the dead rows of what has been delivered.
 */
export async function readLanes(
  db: Queryable,
  reads: readonly LaneRead[],
  heldDeliveryIds: readonly string[],
  now: Date,
): Promise<LaneWindow[]> {
  const rows = await db.query<LaneRow>`
    select r.read_no::int, d.*,
           (select p.due_at from pending p
             where p.account_id = r.account_id and p.shard = r.shard and p.endpoint_id = r.endpoint_id and p.queue = r.queue
               and p.due_at > ${now}
             order by p.due_at limit 1) as next_due_at
      from unnest(${reads.map((read) => read.accountId)}::text[],
                  ${reads.map((read) => read.shard)}::smallint[],
                  ${reads.map((read) => read.endpointId)}::text[],
                  ${reads.map((read) => QUEUES.indexOf(read.queue))}::smallint[],
                  ${reads.map((read) => read.limit)}::int[],
                  ${reads.map((read) => read.dueFrom)}::timestamptz[])
           with ordinality as r (account_id, shard, endpoint_id, queue, row_limit, due_from, read_no)
      left join lateral (
        select p.account_id, p.event_id, p.delivery_id, p.cause, p.attempts_made, p.created_at, p.due_at, p.task_id,
               p.requested_by, p.signing, e.payload, e.content_type
          from (select * from pending q
                 where q.account_id = r.account_id and q.shard = r.shard and q.endpoint_id = r.endpoint_id and q.queue = r.queue
                   and q.due_at >= r.due_from and q.due_at <= ${now}
                   and q.delivery_id <> all (${heldDeliveryIds}::uuid[])
                 order by q.due_at, q.event_id limit r.row_limit) as p
          left join event e on e.account_id = p.account_id and e.id = p.event_id) as d on true
     order by r.read_no, d.due_at, d.event_id`
  const windows = reads.map((): LaneWindow => ({ due: [], nextDueAt: null }))
  for (const row of rows) {
    const window = windows[row.read_no - 1]
    const read = reads[row.read_no - 1]
    if (!window || !read) continue
    window.nextDueAt = row.next_due_at
    if (row.delivery_id !== null) {
      const content = { payload: row.payload, contentType: row.content_type, signing: row.signing }
      window.due.push(toDelivery({ ...row, delivery_id: row.delivery_id }, read, content))
    }
  }
  return windows
}

function toDelivery(
  row: DeliveryRow,
  { endpointId, shard, queue }: Pick<LaneRead, 'endpointId' | 'shard' | 'queue'>,
  { payload, contentType, signing }: Pick<Delivery, 'payload' | 'contentType' | 'signing'>,
): Delivery {
  return {
    accountId: row.account_id,
    eventId: row.event_id,
    deliveryId: row.delivery_id,
    endpointId,
    shard,
    queue,
    cause: row.cause,
    attemptsMade: row.attempts_made,
    createdAt: row.created_at,
    dueAt: row.due_at,
    payload,
    contentType,
    signing,
    taskId: row.task_id,
    requestedBy: row.requested_by,
    bundle: null,
  }
}

/** These deliveries, where they are still pending; without payloads. */
export async function readDeliveries(
  db: Queryable,
  names: readonly { shard: number; deliveryId: string }[],
): Promise<Delivery[]> {
  const rows = await db.query<PendingRow>`
    select p.account_id, p.event_id, p.delivery_id, p.endpoint_id, p.shard, p.queue, p.cause, p.attempts_made, p.created_at, p.due_at,
           p.task_id, p.requested_by
      from unnest(${names.map((name) => name.shard)}::smallint[], ${names.map((name) => name.deliveryId)}::uuid[]) as n (shard, delivery_id)
      join pending p on p.shard = n.shard and p.delivery_id = n.delivery_id`
  return rows.map(toPending)
}

/** Deliveries that a mark on their endpoint has canceled, due or not, apart from those that the caller holds. */
export async function readCanceled(
  db: Queryable,
  lane: { accountId: string; shard: number; endpointId: string; everything: boolean; createdBefore: Date },
  heldDeliveryIds: readonly string[],
  limit: number,
): Promise<Delivery[]> {
  const rows = await db.query<PendingRow>`
    select account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, attempts_made, created_at, due_at, task_id,
           requested_by
      from pending
     where account_id = ${lane.accountId} and shard = ${lane.shard} and endpoint_id = ${lane.endpointId}
       and (${lane.everything} or (created_at < ${lane.createdBefore} and cause not in ('resend', 'test')))
       and delivery_id <> all (${heldDeliveryIds}::uuid[])
     limit ${limit}`
  return rows.map(toPending)
}

type PendingRow = DeliveryRow & { endpoint_id: string; shard: number; queue: number }

const NO_CONTENT = { payload: null, contentType: null, signing: null }

function toPending(row: PendingRow): Delivery {
  const lane = { endpointId: row.endpoint_id, shard: row.shard, queue: queueOf(row.queue) }
  return toDelivery(row, lane, NO_CONTENT)
}

function queueOf(number: number): Queue {
  const queue = QUEUES[number]
  if (!queue) throw new Error(`unknown queue ${number}`)
  return queue
}
