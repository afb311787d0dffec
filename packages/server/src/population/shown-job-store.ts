import type { Page } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { ItemResult, JobCounts, JobState, Outcome } from './job.ts'
import type { ShownJob, ShownJobType } from './shown-job.ts'

type ShownRow = JobCounts & {
  id: string
  number: number
  type: ShownJobType
  ids: string[]
  states: JobState[]
  total: number
  message: string | null
  accepted_at: Date
  started_at: Date | null
  updated_at: Date
  finished_at: Date | null
  cancel_requested_at: Date | null
}

/** A change with its parts; `head`: its first job. */
const change = (head: Sql) => sql`
  select head.id, head.number, head.change_type as type, part.*
    from (${head}) as head
   cross join lateral (
     select array_agg(id::text order by number) as ids, array_agg(state order by number) as states,
            sum(distinct_elements + leaving)::int as total, sum(added)::int as added,
            sum(already_active)::int as already_active, sum(removed)::int as removed, sum(not_active)::int as not_active,
            sum(invalid)::int as invalid, (array_agg(message order by number) filter (where message is not null))[1] as message,
            min(accepted_at) as accepted_at, min(started_at) as started_at, max(updated_at) as updated_at,
            case when bool_and(finished_at is not null) then max(finished_at) end as finished_at,
            max(cancel_requested_at) as cancel_requested_at
       from population_job where account_id = head.account_id and change_id = head.id) as part`

/**
 * Changes of the account's population by the numbers of their first jobs, and one more than the page's limit.
 * @param acceptedAfter  what was accepted up to this moment is no longer readable
 */
export async function listShownJobs(
  tx: Queryable,
  accountId: string,
  page: Page,
  acceptedAfter: Date,
): Promise<ShownJob[]> {
  const order = page.read === 'ascending' ? sql`asc` : sql`desc`
  const rows = await tx.run<ShownRow>(sql`
    ${change(sql`
      select account_id, id, number, change_type from population_job
       where account_id = ${accountId} and id = change_id and accepted_at > ${acceptedAfter}
         and (${page.above}::bigint is null or number > ${page.above}::bigint)
         and (${page.below}::bigint is null or number < ${page.below}::bigint)
       order by number ${order} limit ${page.limit + 1}`)}
     order by head.number ${order}`)
  return rows.map(toShown)
}

/** The change that a job is a part of, named by the id of any of its jobs. */
export async function readShownJob(
  tx: Queryable,
  accountId: string,
  jobId: string,
  acceptedAfter: Date,
): Promise<ShownJob | undefined> {
  const [row] = await tx.run<ShownRow>(
    change(sql`
      select account_id, id, number, change_type from population_job
       where account_id = ${accountId} and accepted_at > ${acceptedAfter}
         and id = (select change_id from population_job where account_id = ${accountId} and id = ${jobId}::uuid)`),
  )
  return row && toShown(row)
}

function toShown(row: ShownRow): ShownJob {
  const { added, already_active, removed, not_active, invalid } = row
  return {
    id: row.id,
    number: row.number,
    type: row.type,
    parts: row.ids.map((id, index) => ({ id, state: row.states[index] ?? 'pending' })),
    total: row.total,
    counts: { added, already_active, removed, not_active, invalid },
    message: row.message,
    acceptedAt: row.accepted_at,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
    cancelRequestedAt: row.cancel_requested_at,
  }
}

/** Lets a change end before its next chunk. @returns false when it has ended */
export async function requestCancel(tx: Queryable, accountId: string, changeId: string, now: Date): Promise<boolean> {
  const rows = await tx.query`
    update population_job set cancel_requested_at = coalesce(cancel_requested_at, ${now}::timestamptz)
     where account_id = ${accountId} and change_id = ${changeId}::uuid and finished_at is null
    returning 1`
  return rows.length > 0
}

/** Has the account a job that has not ended? */
export async function hasOpenJob(tx: Queryable, accountId: string): Promise<boolean> {
  const [row] = await tx.query<{ open: boolean }>`
    select exists (select from population_job where account_id = ${accountId} and finished_at is null) as open`
  return row?.open === true
}

/** `key`: number of the job and position in it, by which a list goes on. */
export type ShownItem = ItemResult & { key: string }

const ITEM_KEY = /^([0-9]{1,15})\.([0-9]{1,9})$/

export function isItemKey(text: string): boolean {
  return ITEM_KEY.test(text)
}

/** Items of a change in the order of its jobs, and of each in the order of its body; one more than the page's limit. */
export async function listShownItems(
  tx: Queryable,
  accountId: string,
  changeId: string,
  page: Page,
  outcome: Outcome | null,
): Promise<ShownItem[]> {
  const order = page.read === 'ascending' ? sql`asc` : sql`desc`
  const bounds = [beyond('>', page.above), beyond('<', page.below)].reduce((all, next) => sql`${all} ${next}`)
  const rows = await tx.run<ShownItem & { malformed: string | null }>(sql`
    select j.number || '.' || i.position as key, i.npn::text, i.malformed, i.outcome, i.reason
      from population_job j
     cross join lateral (
       select position, npn, malformed, outcome, reason from population_job_item
        where account_id = j.account_id and job_id = j.id ${outcome === null ? sql`` : sql`and outcome = ${outcome}`}
              ${bounds}
        order by position ${order} limit ${page.limit + 1}) as i
     where j.account_id = ${accountId} and j.change_id = ${changeId}::uuid
     order by j.number ${order}, i.position ${order} limit ${page.limit + 1}`)
  return rows.map(({ malformed, ...row }) => ({ ...row, npn: malformed ?? row.npn }))
}

function beyond(side: '>' | '<', key: string | null): Sql {
  const [, number, position] = ITEM_KEY.exec(key ?? '') ?? []
  if (number === undefined) return sql``
  return side === '>'
    ? sql`and (j.number > ${number}::bigint or j.number = ${number}::bigint and position > ${position}::int)`
    : sql`and (j.number < ${number}::bigint or j.number = ${number}::bigint and position < ${position}::int)`
}
