import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Sql } from '#src/adapters/postgres/sql.ts'
import { queryableBy } from './queryable.ts'

/** An event as a test puts it into the table; what it leaves out is of no matter to it. */
export type EventRow = {
  id: string
  accountId: string
  type?: string
  channels?: string[] | null
  tags?: string[] | null
  createdAt: Date
  hasPayload?: boolean
}

export async function insertEvents(owner: Queryable, rows: readonly EventRow[]): Promise<void> {
  await owner.query`
    insert into event (account_id, id, type, payload, channels, tags, created_at, payload_expires_at)
    select r.account_id, r.id, r.type, case when r.has_payload then '{"n":1}'::bytea end,
           (select array_agg(value) from json_array_elements_text(r.channels::json)),
           (select array_agg(value) from json_array_elements_text(r.tags::json)), r.created_at, r.created_at
      from unnest(${rows.map((row) => row.accountId)}::text[], ${rows.map((row) => row.id)}::text[],
                  ${rows.map((row) => row.type ?? 'test.happened')}::text[],
                  ${rows.map((row) => row.hasPayload ?? true)}::boolean[],
                  ${rows.map((row) => JSON.stringify(row.channels ?? []))}::text[],
                  ${rows.map((row) => JSON.stringify(row.tags ?? []))}::text[],
                  ${rows.map((row) => row.createdAt)}::timestamptz[])
        as r (account_id, id, type, has_payload, channels, tags, created_at)`
}

/** An attempt that ended its delivery, as a test puts it into the table. */
export type AttemptRow = {
  id: string
  accountId: string
  eventId: string
  endpointId: string
  ending: 'delivered' | 'failed' | 'canceled'
  statusCode?: number
  cause?: string
  startedAt: Date
}

export async function insertAttempts(owner: Queryable, rows: readonly AttemptRow[]): Promise<void> {
  const failureOf = { delivered: null, failed: 'http_server_error', canceled: 'canceled' }
  const stateOf = { delivered: 'delivered', failed: 'dead_letter', canceled: 'canceled' }
  await owner.query`
    insert into attempt (account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
                         status_code, started_at, state, dead_reason)
    select r.account_id, r.event_id, r.id, r.endpoint_id, gen_random_uuid(), r.cause, 1, 'https://northwind.com/hook',
           case when r.state = 'canceled' then 'canceled' when r.status_code = 0 then 'timed_out' else 'responded' end,
           r.failure_class, r.status_code, r.started_at, r.state,
           case when r.state = 'dead_letter' then 'schedule_exhausted' end
      from unnest(${rows.map((row) => row.accountId)}::text[], ${rows.map((row) => row.eventId)}::text[],
                  ${rows.map((row) => row.id)}::text[], ${rows.map((row) => row.endpointId)}::text[],
                  ${rows.map((row) => row.cause ?? 'event')}::text[],
                  ${rows.map((row) => failureOf[row.ending])}::text[],
                  ${rows.map((row) => row.statusCode ?? { delivered: 200, failed: 500, canceled: 0 }[row.ending])}::smallint[],
                  ${rows.map((row) => stateOf[row.ending])}::text[], ${rows.map((row) => row.startedAt)}::timestamptz[])
        as r (account_id, event_id, id, endpoint_id, cause, failure_class, status_code, state, started_at)`
}

/** The plans, with what was really done, of the statements that `work` makes. */
export async function plansOf(db: Queryable, work: (explaining: Queryable) => Promise<unknown>): Promise<string> {
  const plans: string[] = []
  const run = async <Row>({ text, values }: Sql): Promise<Row[]> => {
    const rows = await db.run<{ 'QUERY PLAN': string }>({ text: `explain (analyze, costs off) ${text}`, values })
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
    return await db.run<Row>({ text, values })
  }
  await work(queryableBy(run))
  return plans.join('\n')
}

/** A table read from end to end, and rows in it. */
export const READ_WHOLE = /Seq Scan on (attempt|event|pending)[^\n]*\(actual[^\n]* rows=[1-9]/
