import type { Page } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { parseFailureClass } from '#src/attempts/attempt.ts'
import type { FailureClass } from '#src/delivery/failure-classes.ts'
import type { DisabledReason } from '#src/endpoints/endpoint.ts'
import type { EndpointFacts } from './endpoint-state.ts'

/** An endpoint, as lists of how endpoints are doing show it. */
export type WatchedEndpoint = {
  id: string
  uid: string | null
  url: string
  description: string
  eventTypes: string[] | null
  timeoutMs: number | null // null: the environment's
  disabledReason: DisabledReason | null
  certificateEndsAt: Date | null
  facts: EndpointFacts
}

type EndpointRow = {
  id: string
  uid: string | null
  url: string
  description: string
  event_types: string[] | null
  timeout_ms: number | null
  disabled_reason: DisabledReason | null
  disabled_at: Date | null
  created_at: Date
  url_set_at: Date | null
  proven_at: Date | null
  recovered_at: Date | null
  failing_since: Date | null
  failures: number
  last_attempt_at: Date | null
  paused_since: Date | null
  paused_until: Date | null
  certificate_ends_at: Date | null
}

const columns = sql`
  e.id, e.uid, e.url, e.description, e.event_types, e.timeout_ms, e.disabled_reason,
  case when e.disabled then coalesce(e.disabled_at, e.created_at) end as disabled_at, e.created_at, e.url_set_at, e.proven_at,
  e.recovered_at, e.failing_since, e.failures, e.last_attempt_at, e.paused_since, e.paused_until,
  e.certificate_ends_at`

/** @param q  part of the URL, the description, the uid or the id · `type`: the name of a type that the endpoint would get */
export type EndpointFilter = { q: string | null; type: string | null }

export async function listWatched(
  tx: Queryable,
  account: { id: string; environment: string },
  page: Pick<Page, 'above' | 'below' | 'read' | 'limit'>,
  { q, type }: EndpointFilter,
): Promise<WatchedEndpoint[]> {
  const order = page.read === 'ascending' ? sql`asc` : sql`desc`
  const rows = await tx.run<EndpointRow>(sql`
    select ${columns}
      from endpoint e
      left join event_type t on t.environment = ${account.environment} and t.name = ${type}
     where e.account_id = ${account.id} and e.deleted_at is null
       and (${page.above}::text is null or e.id > ${page.above}) and (${page.below}::text is null or e.id < ${page.below})
       and (${q}::text is null or position(lower(${q}) in lower(concat_ws(' ', e.url, e.description, e.uid, e.id))) > 0)
       and (${type}::text is null
            or case when e.event_types is null then not coalesce(t.opt_in, false)
                    else e.event_types && coalesce(t.match_names, array[${type}::text]) end)
     order by e.id ${order} limit ${page.limit}`)
  return rows.map(toWatched)
}

export async function readWatched(tx: Queryable, accountId: string, id: string): Promise<WatchedEndpoint | undefined> {
  const [row] = await tx.run<EndpointRow>(sql`
    select ${columns} from endpoint e where e.account_id = ${accountId} and e.id = ${id} and e.deleted_at is null`)
  return row && toWatched(row)
}

function toWatched(row: EndpointRow): WatchedEndpoint {
  return {
    id: row.id,
    uid: row.uid,
    url: row.url,
    description: row.description,
    eventTypes: row.event_types,
    timeoutMs: row.timeout_ms,
    disabledReason: row.disabled_reason,
    certificateEndsAt: row.certificate_ends_at,
    facts: {
      createdAt: row.created_at,
      urlSetAt: row.url_set_at,
      disabledAt: row.disabled_at,
      provenAt: row.proven_at,
      recoveredAt: row.recovered_at,
      failingSince: row.failing_since,
      failures: row.failures,
      lastFailureAt: row.last_attempt_at,
      pausedSince: row.paused_since,
      pausedUntil: row.paused_until,
    },
  }
}

/** What is planned at an endpoint, and what its last attempts were. */
export type Recent = { waiting: number; nextAt: Date | null; failure: FailureClass | null; lastSuccessAt: Date | null }

/** Planned deliveries are counted up to this number. */
const WAITING_MAX = 1_000
/** So many failures and cancellations are looked through for the last failure. */
const FAILURES_SEEN_MAX = 500

/** @param withFailure  of which the class of the last failure is wanted */
export async function readRecent(
  tx: Queryable,
  accountId: string,
  endpointIds: readonly string[],
  withFailure: readonly string[],
): Promise<Map<string, Recent>> {
  const rows = await tx.query<{
    id: string
    waiting: number
    next_at: Date | null
    failure_class: string | null
    last_success_at: Date | null
  }>`
    select e.id, p.waiting, p.next_at, f.failure_class,
           greatest(e.proven_at, (
             select greatest(
               (select y.last_success_at from endpoint_tally y
                 where y.account_id = e.account_id and y.endpoint_id = e.id and y.minutes = 60 and y.last_success_at is not null
                 order by y.starts_at desc limit 1),
               (select y.last_success_at from endpoint_tally y
                 where y.account_id = e.account_id and y.endpoint_id = e.id and y.minutes = 5 and y.last_success_at is not null
                 order by y.starts_at desc limit 1)))) as last_success_at
      from unnest(${endpointIds}::text[]) as w (id)
      join endpoint e on e.account_id = ${accountId} and e.id = w.id
     cross join lateral (
       select count(*)::int as waiting, min(o.due_at) as next_at
         from (select p.due_at from pending p
                where p.account_id = e.account_id and p.shard = e.shard and p.endpoint_id = e.id and not is_canceled(p, e)
                order by p.queue, p.due_at limit ${WAITING_MAX}) as o) as p
      left join lateral (
        select o.failure_class
          from (select a.id, a.failure_class, a.outcome from attempt a
                 where e.id = any (${withFailure}::text[]) and a.account_id = e.account_id and a.endpoint_id = e.id
                   and a.failure_class is not null
                 order by a.id desc limit ${FAILURES_SEEN_MAX}) as o
         where o.outcome <> 'canceled'
         order by o.id desc limit 1) as f on true`
  return new Map(
    rows.map((row) => [
      row.id,
      {
        waiting: row.waiting,
        nextAt: row.next_at,
        failure: parseFailureClass(row.failure_class),
        lastSuccessAt: row.last_success_at,
      },
    ]),
  )
}
