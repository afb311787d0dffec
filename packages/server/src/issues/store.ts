import { addMs } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import { ksuidFloor } from '#src/adapters/ids.ts'
import { isUniqueViolation, type Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { FailureClass } from '#src/delivery/failure-classes.ts'
import { DomainError } from '#src/domain-error.ts'
import { ISSUE_ID_PREFIX, type Issue, type IssueState, type Resolution } from './issue.ts'

type IssueRow = {
  id: string
  account_id: string
  endpoint_id: string
  url: string
  description: string
  timeout_ms: number | null
  failure_class: FailureClass
  state: IssueState
  first_at: Date
  last_at: Date
  failures: number
  events: number
  exhausted: number
  latest_attempt_id: string
  latest_event_id: string
  latest_status: number
  acknowledged_at: Date | null
  resolved_at: Date | null
  resolved_by: Resolution | null
  note: string | null
}

const columns = sql`i.id, i.account_id, i.endpoint_id, t.url, t.description, t.timeout_ms, i.failure_class, i.state, i.first_at, i.last_at, i.failures, i.events,
  i.exhausted, i.latest_attempt_id, i.latest_event_id, i.latest_status, i.acknowledged_at, i.resolved_at, i.resolved_by, i.note`

function toIssue(row: IssueRow): Issue {
  return {
    id: row.id,
    accountId: row.account_id,
    endpointId: row.endpoint_id,
    endpointUrl: row.url,
    endpointDescription: row.description,
    timeoutMs: row.timeout_ms,
    failureClass: row.failure_class,
    state: row.state,
    firstAt: row.first_at,
    lastAt: row.last_at,
    failures: row.failures,
    events: row.events,
    exhausted: row.exhausted,
    latestAttemptId: row.latest_attempt_id,
    latestEventId: row.latest_event_id,
    latestStatus: row.latest_status,
    acknowledgedAt: row.acknowledged_at,
    resolvedAt: row.resolved_at,
    resolvedBy: row.resolved_by,
    note: row.note,
  }
}

export type IssueFilter = {
  states: readonly IssueState[] | null
  endpointId: string | null
  failureClass: FailureClass | null
}

/** The rows of a page of an account's issues, by when they began, and one more when there are more. */
export async function listIssues(
  tx: Queryable,
  accountId: string,
  page: Page,
  { states, endpointId, failureClass }: IssueFilter,
): Promise<Issue[]> {
  const rows = await tx.query<IssueRow>`
    select ${columns}
      from issue i
      join endpoint t on t.account_id = i.account_id and t.id = i.endpoint_id
     where i.account_id = ${accountId}
       and (${states}::text[] is null or i.state = any (${states}::text[]))
       and (${endpointId}::text is null or i.endpoint_id = ${endpointId})
       and (${failureClass}::text is null or i.failure_class = ${failureClass})
       and (${page.above}::text is null or i.id > ${page.above}) and (${page.below}::text is null or i.id < ${page.below})
     order by i.id ${page.read === 'ascending' ? sql`asc` : sql`desc`}
     limit ${page.limit + 1}`
  return rows.map(toIssue)
}

export async function readIssue(tx: Queryable, accountId: string, id: string): Promise<Issue | undefined> {
  const [row] = await tx.query<IssueRow>`
    select ${columns}
      from issue i
      join endpoint t on t.account_id = i.account_id and t.id = i.endpoint_id
     where i.account_id = ${accountId} and i.id = ${id}`
  return row && toIssue(row)
}

/**
 * What a person does with an issue. One that is resolved and opened again is open; a new failure opens a new one instead.
 * @throws DomainError conflict: it has begun anew meanwhile
 */
export async function changeIssue(
  tx: Queryable,
  accountId: string,
  id: string,
  { state, note }: { state: IssueState; note: string | null },
  now: Date,
): Promise<void> {
  const isResolved = state === 'resolved'
  try {
    await tx.query`
      update issue
         set state = ${state}, note = ${note},
             acknowledged_at = case when ${state === 'open'} then null
                                    when ${state === 'acknowledged'} then coalesce(acknowledged_at, ${now}::timestamptz)
                                    else acknowledged_at end,
             resolved_at = case when ${isResolved} then coalesce(resolved_at, ${now}::timestamptz) end,
             resolved_by = case when ${isResolved} then coalesce(resolved_by, 'person') end
       where account_id = ${accountId} and id = ${id}`
  } catch (error) {
    if (isUniqueViolation(error, 'issue_unresolved')) {
      throw new DomainError('conflict', 'The same has begun anew: there is another issue of it.')
    }
    throw error
  }
}

/**
 * Resolves issues whose endpoints work again: nothing failed so for the quiet time, the last attempt that counts succeeded, and
 * there was one since. A deleted endpoint's are resolved too.
 * @param db  of role `worker`
 * @returns how many
 */
export async function resolveIssues(db: Queryable, now: Date, quietMs: number, limit: number): Promise<number> {
  const rows = await db.query`
    update issue i
       set state = 'resolved', resolved_at = ${now}, resolved_by = s.reason
      from (
        select i.account_id, i.id, case when t.deleted_at is not null then 'endpoint_deleted' else 'delivered' end as reason
          from issue i
          join endpoint t on t.account_id = i.account_id and t.id = i.endpoint_id
         where i.state <> 'resolved'
           and (t.deleted_at is not null
                or (i.last_at <= ${addMs(now, -quietMs)} and not t.disabled and t.failing_since is null
                    and exists (select from attempt a
                                 where a.account_id = i.account_id and a.endpoint_id = i.endpoint_id
                                   and a.id > i.latest_attempt_id and a.failure_class is null)))
         order by i.last_at limit ${limit}
           for update of i skip locked) as s
     where i.account_id = s.account_id and i.id = s.id
    returning 1`
  return rows.length
}

/** Removes issues that began and were resolved before a moment. @param db of role `worker`. @returns how many */
export async function purgeIssues(db: Queryable, before: Date, limit: number): Promise<number> {
  const rows = await db.query`
    delete from issue
     where ctid = any (array(select ctid from issue
                              where id < ${ISSUE_ID_PREFIX + ksuidFloor(before)} and state = 'resolved' and resolved_at < ${before}
                              limit ${limit}))
    returning 1`
  return rows.length
}
