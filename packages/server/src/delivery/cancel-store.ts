import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Sql } from '#src/adapters/postgres/sql.ts'
import type { AttemptRecord } from './attempt-store.ts'
import { unpackAccounts } from './bundles.ts'
import { type CancelReason, type Cause, isSingleAttempt } from './delivery.ts'
import type { LaneName } from './lanes.ts'

type EndedRow = {
  account_id: string
  event_id: string
  delivery_id: string
  endpoint_id: string
  shard: number
  cause: Cause
  attempts_made: number
  task_id: string | null
}

/** Rows of one statement. */
const BATCH = 5_000

/**
 * Ends planned deliveries at once, in the caller's transaction: each becomes a cancellation. What is being recorded just now is
 * not waited for. Owners that have some of them in memory read the endpoint anew within a second.
 * @param which  of the account's `pending`, as `p`
 * @returns the lanes to wake once this is committed
 */
export async function cancelPlanned(
  tx: Queryable,
  accountId: string,
  which: Sql,
  why: CancelReason,
  { ids, clock }: { ids: IdSource; clock: Clock },
): Promise<LaneName[]> {
  await unpackAccounts(tx, [accountId]) // before any lock of an endpoint: who records has them in that order, too
  const lanes = new Map<string, LaneName>()
  for (;;) {
    // endpoints before deliveries, as the statement that records has it: the other way round each waits for the other
    await tx.query`
      select from endpoint e
       where (e.account_id, e.id) in (select p.account_id, p.endpoint_id from pending p where p.account_id = ${accountId} and ${which} limit ${BATCH})
       order by e.account_id, e.id for no key update`
    const rows = await tx.query<EndedRow>`
      with taken as (
        select p.account_id, p.event_id, p.delivery_id
          from pending p where p.account_id = ${accountId} and ${which} limit ${BATCH} for update skip locked
      )
      delete from pending p using taken t
       where p.account_id = t.account_id and p.event_id = t.event_id and p.delivery_id = t.delivery_id
      returning p.account_id, p.event_id, p.delivery_id, p.endpoint_id, p.shard, p.cause, p.attempts_made, p.task_id`
    if (rows.length > 0) await addCancellations(tx, rows, why, { ids, clock })
    for (const { endpoint_id: endpointId, shard } of rows) {
      lanes.set(endpointId, { accountId, endpointId, shard })
    }
    if (rows.length < BATCH) return [...lanes.values()]
  }
}

async function addCancellations(
  tx: Queryable,
  rows: readonly EndedRow[],
  why: CancelReason,
  { ids, clock }: { ids: IdSource; clock: Clock },
): Promise<void> {
  const now = clock.now()
  const numbers = rows.map(({ cause, attempts_made }) => (isSingleAttempt(cause) ? 0 : attempts_made + 1))
  await tx.query`
    with ended as (
      select * from unnest(${rows.map((row) => row.account_id)}::text[], ${rows.map((row) => row.event_id)}::text[],
                           ${rows.map(() => `atmpt_${ids.next(now).ksuid}`)}::text[],
                           ${rows.map((row) => row.endpoint_id)}::text[], ${rows.map((row) => row.delivery_id)}::uuid[],
                           ${rows.map((row) => row.cause)}::text[], ${numbers}::smallint[],
                           ${rows.map((row) => row.task_id)}::text[])
                    as d (account_id, event_id, id, endpoint_id, delivery_id, cause, number, task_id)
    ), written as (
      insert into attempt (account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
                           started_at, state, task_id)
      select d.account_id, d.event_id, d.id, d.endpoint_id, d.delivery_id, d.cause, d.number, e.url, 'canceled', ${why}::text,
             ${now}::timestamptz, 'canceled', d.task_id
        from ended d
        join endpoint e on e.account_id = d.account_id and e.id = d.endpoint_id
    ), noted as (
      insert into live_change (account_id, topic, subject, change)
      select d.account_id, 'delivery', d.delivery_id,
             delivery_change(d.delivery_id, d.event_id, d.endpoint_id, 'canceled', d.id, d.number, 0, ${why}::text, null, ${now}::timestamptz)
        from ended d where d.account_id in (select account_id from live_watch)
    )
    update endpoint e set version = e.version + 1
     where (e.account_id, e.id) in (select account_id, endpoint_id from ended)`
}

/**
 * What was on the wire while it was canceled ends as it ends: where that was its end, it was not canceled; where more was to come,
 * that is what was canceled. To be called once the records are written; called again, it changes nothing.
 */
export async function correctCancellations(db: Queryable, records: readonly AttemptRecord[]): Promise<void> {
  const [first] = records.map(({ id }) => id).sort()
  if (first === undefined) return
  await db.query`
    with made as (
      select * from unnest(${records.map(({ delivery }) => delivery.accountId)}::text[],
                           ${records.map(({ delivery }) => delivery.eventId)}::text[],
                           ${records.map(({ delivery }) => delivery.deliveryId)}::uuid[],
                           ${records.map(({ id }) => id)}::text[], ${records.map(({ number }) => number)}::smallint[],
                           ${records.map(({ state }) => state.status !== 'pending')}::boolean[])
                    as m (account_id, event_id, delivery_id, id, number, is_end)
    ), undone as (
      delete from attempt c using made m
       where m.is_end and c.account_id = m.account_id and c.event_id = m.event_id and c.delivery_id = m.delivery_id
         and c.outcome = 'canceled' and c.id <> m.id and c.id >= ${first}
    )
    update attempt c set number = m.number + 1
      from made m
     where not m.is_end and c.account_id = m.account_id and c.event_id = m.event_id and c.delivery_id = m.delivery_id
       and c.outcome = 'canceled' and c.number = m.number and c.id >= ${first}`
}
