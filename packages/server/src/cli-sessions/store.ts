import { visibleTo } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { Position, Snapshot } from '#src/live/position.ts'
import { isComplete, isNewTo, toSnapshot } from '#src/live/store.ts'
import { type CliResult, type CliSession, SEEN_MS, SILENT_MS_MAX } from './cli-session.ts'

/** Sessions are kept this long after somebody has last listened. */
const KEPT_MS = 86_400_000
const BATCH = 5_000
/** Events of before are looked for among so many. */
const LOOKED_THROUGH_MAX = 10_000
const RESULTS_SHOWN = 10

type SessionRow = {
  account_id: string
  id: string
  environment: CliSession['environment']
  secret: Buffer
  event_types: string[] | null
  endpoint_id: string | null
  forward_to: string | null
  starts_at: string
  latest_ids: string[]
  created_at: Date
  seen_at: Date
}

const columns = sql`account_id, id, environment, secret, event_types, endpoint_id, forward_to, starts_at::text as starts_at,
  latest_ids, created_at, seen_at`

function toSession(row: SessionRow): CliSession {
  return {
    id: row.id,
    accountId: row.account_id,
    environment: row.environment,
    secret: row.secret,
    eventTypes: row.event_types,
    endpointId: row.endpoint_id,
    forwardTo: row.forward_to,
    startsAt: toSnapshot(row.starts_at),
    latestIds: row.latest_ids,
    createdAt: row.created_at,
    seenAt: row.seen_at,
  }
}

type Wish = Pick<CliSession, 'accountId' | 'environment' | 'eventTypes' | 'endpointId'>

/** Whether a session wants an event: `e`, with its type's row, if any, as `t`. */
function isWantedBy({ accountId, eventTypes, endpointId }: Wish): Sql {
  return sql`
    e.only_endpoint_id is null
    and case when ${eventTypes}::text[] is not null then ${eventTypes}::text[] && coalesce(t.match_names, array[e.type])
             else ${endpointId}::text is not null or not coalesce(t.opt_in, false) end
    and (${endpointId}::text is null
         or exists (select from endpoint x
                     where x.account_id = ${accountId} and x.id = ${endpointId} and endpoint_wants(x, null, e.type, t, e.channels)))`
}

export type NewSession = Wish & Pick<CliSession, 'id' | 'secret' | 'forwardTo'> & { latest: number }

/** A session begins with what this transaction does not see yet, and before that with the latest that it sees. */
export async function addSession(tx: Queryable, session: NewSession, now: Date): Promise<void> {
  const { accountId, environment } = session
  await tx.run(sql`
    insert into cli_session (account_id, id, environment, secret, event_types, endpoint_id, forward_to, starts_at, latest_ids,
                             created_at, seen_at)
    select ${accountId}, ${session.id}, ${environment}, ${session.secret}::bytea, ${session.eventTypes}::text[],
           ${session.endpointId}, ${session.forwardTo}, pg_current_snapshot(),
           array(select l.id from (
             select e.id
               from (select * from event where account_id = ${accountId} order by id desc
                      limit ${session.latest === 0 ? 0 : LOOKED_THROUGH_MAX}) as e
               left join event_type t on t.environment = ${environment} and t.name = e.type
              where ${isWantedBy(session)}
              order by e.id desc limit ${session.latest}) as l order by l.id),
           ${now}::timestamptz, ${now}::timestamptz`)
}

/** How many sessions of the account somebody listens to, or may come back to. */
export async function countSessions(tx: Queryable, accountId: string, now: Date): Promise<number> {
  const [row] = await tx.query<{ sessions: number }>`
    select count(*)::int as sessions from cli_session
     where account_id = ${accountId} and ended_at is null and seen_at > ${addMs(now, -SILENT_MS_MAX)}`
  return row?.sessions ?? 0
}

/** A session that has not ended. */
export async function readSession(
  tx: Queryable,
  accountId: string,
  id: string,
  now: Date,
): Promise<CliSession | undefined> {
  const [row] = await tx.query<SessionRow>`
    select ${columns} from cli_session
     where account_id = ${accountId} and id = ${id} and ended_at is null and seen_at > ${addMs(now, -SILENT_MS_MAX)}`
  return row && toSession(row)
}

/** Somebody listens. @returns whether the session goes on */
export async function touchSession(api: Database, session: CliSession, now: Date): Promise<boolean> {
  const { accountId, environment, id } = session
  const [, rows = []] = await api.transactionBatch<{ id: string }>(
    [
      sql`update cli_session set seen_at = ${now}
           where account_id = ${accountId} and id = ${id} and ended_at is null and seen_at <= ${addMs(now, -SEEN_MS)}`,
      sql`select id from cli_session where account_id = ${accountId} and id = ${id} and ended_at is null`,
    ],
    { settings: visibleTo(environment, accountId) },
  )
  return rows.length > 0
}

export async function endCliSession(tx: Queryable, { accountId, id }: CliSession, now: Date): Promise<void> {
  await tx.query`
    update cli_session set ended_at = ${now} where account_id = ${accountId} and id = ${id} and ended_at is null`
}

/** An event as a session gets it. `place` says where it stands among those of the same look. */
export type ArrivedEvent = {
  id: string
  type: string
  createdAt: Date
  payload: Buffer
  contentType: string | null
  isTest: boolean
  place: string
}

type EventRow = {
  seen: string
  is_complete: boolean
  id: string | null
  type: string
  created_at: Date
  payload: Buffer
  content_type: string | null
  is_test: boolean
  place: string
}

function toArrived(row: EventRow & { id: string }): ArrivedEvent {
  return {
    id: row.id,
    type: row.type,
    createdAt: row.created_at,
    payload: row.payload,
    contentType: row.content_type,
    isTest: row.is_test,
    place: row.place,
  }
}

/** Events that a session has not had, in the order of their commits; null: some of them are not known any more. */
export async function readArrived(
  api: Database,
  session: CliSession,
  position: Position,
  limit: number,
): Promise<{ seen: Snapshot; events: ArrivedEvent[] | null }> {
  const { accountId, environment, id } = session
  const after = placeOf(position.within?.after)
  const statement = sql`
    select w.seen, w.is_complete, n.*
      from (select coalesce(${position.within?.until ?? null}::text, pg_current_snapshot()::text) as seen,
                   coalesce((select ${isComplete(position)} from live_watch w where w.account_id = ${accountId}), false)
                     as is_complete) as w
      left join lateral (
        select e.id, e.type, e.created_at, e.payload, e.content_type, e.only_endpoint_id is not null as is_test,
               c.xid::text || '.' || c.number as place
          from live_change c
          join event e on e.account_id = c.account_id and e.id = c.subject
          left join event_type t on t.environment = ${environment} and t.name = e.type
         where c.account_id = ${accountId} and c.topic = 'event' and ${isNewTo(position)}
           and (c.xid, c.number) > (${after.xid}::xid8, ${after.number}::bigint)
           and e.payload is not null
           and (coalesce(e.only_endpoint_id = ${id}, false) or (${isWantedBy(session)}))
         order by c.xid, c.number limit ${limit}) as n on true`
  const settings = visibleTo(environment, accountId)
  const [rows = []] = await api.transactionBatch<EventRow>([statement], { settings })
  const [first] = rows
  if (!first) throw new Error('no row from a query that always has one')
  const seen = toSnapshot(first.seen)
  if (!first.is_complete) return { seen, events: null }
  return { seen, events: rows.flatMap((row) => (row.id === null ? [] : [toArrived({ ...row, id: row.id })])) }
}

/** A place in a look, as `readArrived` gives it. */
function placeOf(after: string | undefined): { xid: string; number: string } {
  const [, xid = '0', number = '0'] = /^(\d{1,18})[.](\d{1,18})$/.exec(after ?? '') ?? []
  return { xid, number }
}

/** Events of before that a session begins with. */
export async function readLatest(api: Database, session: CliSession, ids: readonly string[]): Promise<ArrivedEvent[]> {
  const statement = sql`
    select id, type, created_at, payload, content_type, false as is_test, id as place
      from event
     where account_id = ${session.accountId} and id = any (${ids}::text[]) and payload is not null
     order by id`
  const settings = visibleTo(session.environment, session.accountId)
  const [rows = []] = await api.transactionBatch<EventRow & { id: string }>([statement], { settings })
  return rows.map(toArrived)
}

/** @returns false when the account has no such event */
export async function addResult(
  tx: Queryable,
  { accountId, id }: CliSession,
  result: Omit<CliResult, 'eventType'>,
): Promise<boolean> {
  const rows = await tx.query`
    insert into cli_result (account_id, session_id, event_id, status_code, duration_ms, failure_class, at)
    select account_id, ${id}, id, ${result.statusCode}, ${result.durationMs}, ${result.failureClass}, ${result.at}
      from event where account_id = ${accountId} and id = ${result.eventId}
    on conflict (account_id, session_id, event_id) do update
      set status_code = excluded.status_code, duration_ms = excluded.duration_ms, failure_class = excluded.failure_class,
          at = excluded.at
    returning 1`
  return rows.length > 0
}

type ResultRow = {
  event_id: string
  type: string | null
  status_code: number
  duration_ms: number
  failure_class: string | null
  at: Date
}

function toResult(row: ResultRow): CliResult {
  return {
    eventId: row.event_id,
    eventType: row.type ?? '',
    statusCode: row.status_code,
    durationMs: row.duration_ms,
    failureClass: row.failure_class,
    at: row.at,
  }
}

/** Results by their events' ids; one more than the page's limit. */
export async function listResults(tx: Queryable, { accountId, id }: CliSession, page: Page): Promise<CliResult[]> {
  const rows = await tx.query<ResultRow>`
    select r.event_id, e.type, r.status_code, r.duration_ms, r.failure_class, r.at
      from cli_result r
      left join event e on e.account_id = r.account_id and e.id = r.event_id
     where r.account_id = ${accountId} and r.session_id = ${id}
       and (${page.above}::text is null or r.event_id > ${page.above})
       and (${page.below}::text is null or r.event_id < ${page.below})
     order by case when ${page.read === 'ascending'} then r.event_id end,
              case when ${page.read === 'descending'} then r.event_id end desc
     limit ${page.limit + 1}`
  return rows.map(toResult)
}

/** The newest results of some sessions. */
export async function readNewestResults(
  tx: Queryable,
  accountId: string,
  sessionIds: readonly string[],
): Promise<Map<string, CliResult[]>> {
  const rows = await tx.query<ResultRow & { session_id: string }>`
    select s.id as session_id, r.event_id, e.type, r.status_code, r.duration_ms, r.failure_class, r.at
      from unnest(${sessionIds}::text[]) as s (id)
     cross join lateral (select * from cli_result
                          where account_id = ${accountId} and session_id = s.id order by at desc limit ${RESULTS_SHOWN}) as r
      left join event e on e.account_id = ${accountId} and e.id = r.event_id
     order by r.at desc`
  const bySession = new Map<string, CliResult[]>()
  for (const row of rows) {
    const results = bySession.get(row.session_id) ?? []
    bySession.set(row.session_id, [...results, toResult(row)])
  }
  return bySession
}

/** Sessions that have not ended, newest first unless the page reads upwards; one more than its limit. */
export async function listSessions(tx: Queryable, accountId: string, page: Page, now: Date): Promise<CliSession[]> {
  const rows = await tx.query<SessionRow>`
    select ${columns} from cli_session
     where account_id = ${accountId} and ended_at is null and seen_at > ${addMs(now, -SILENT_MS_MAX)}
       and (${page.above}::text is null or id > ${page.above})
       and (${page.below}::text is null or id < ${page.below})
     order by case when ${page.read === 'ascending'} then id end, case when ${page.read === 'descending'} then id end desc
     limit ${page.limit + 1}`
  return rows.map(toSession)
}

/** Removes sessions, with their results, that nobody has listened to for a day, one batch. @returns how many */
export async function purgeCliSessions(database: Queryable, now: Date): Promise<number> {
  const rows = await database.query`
    delete from cli_session
     where (account_id, id) in (select account_id, id from cli_session where seen_at < ${addMs(now, -KEPT_MS)} limit ${BATCH})
    returning 1`
  return rows.length
}
