import type { Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { ChunkItem, ItemOutcome } from './decide.ts'
import type { ItemResult, Job, JobCounts, JobRequest, JobState, JobType, Outcome } from './job.ts'
import type { Npn } from './npn.ts'
import type { ShownJobType } from './shown-job.ts'
import { beginCounting } from './store.ts'

const ITEMS_PER_STATEMENT = 10_000

/**
 * Stores a job and its items. Call it last in its transaction: from the number's lock to the commit, other jobs of the
 * account wait.
 */
export async function insertJob(
  tx: Queryable,
  accountId: string,
  jobId: string,
  request: JobRequest,
  clock: Clock,
): Promise<void> {
  const { items } = request
  for (let start = 0; start < items.length; start += ITEMS_PER_STATEMENT) {
    const part = items.slice(start, start + ITEMS_PER_STATEMENT)
    await tx.query`
      insert into population_job_item (account_id, job_id, position, npn, malformed)
      select ${accountId}, ${jobId}, ${start} + place - 1, npn, malformed
        from unnest(${part.map(({ npn }) => npn)}::bigint[],
                    ${part.map((item) => (item.npn === null ? JSON.stringify(item.malformed) : null))}::json[])
             with ordinality as item (npn, malformed, place)`
  }
  await takeNumber(tx, accountId)
  const { type, requested } = request
  const shownAs = { changeId: jobId, changeType: type }
  await insertJobRow(tx, accountId, { id: jobId, ...shownAs, type, requested, distinct: items.length }, clock.now())
}

/** A job whose items are stored: `changeId` is that of the first job of its change. Call it under `takeNumber`. */
export async function insertJobRow(
  tx: Queryable,
  accountId: string,
  job: Pick<Job, 'id' | 'type' | 'requested' | 'distinct'> & { changeId: string; changeType: ShownJobType },
  acceptedAt: Date,
): Promise<void> {
  await tx.query`
    insert into population_job (account_id, id, number, change_id, change_type, type, state, requested, distinct_elements,
                                accepted_at, updated_at)
    select ${accountId}, ${job.id}::uuid, coalesce(max(number), 0) + 1, ${job.changeId}::uuid, ${job.changeType}, ${job.type},
           'pending', ${job.requested}, ${job.distinct}, ${acceptedAt}, ${acceptedAt}
      from population_job where account_id = ${accountId}`
}

/** Jobs are numbered and committed one after the other, so that none becomes visible after a later one. */
export async function takeNumber(tx: Queryable, accountId: string): Promise<void> {
  await tx.query`select pg_advisory_xact_lock(hashtextextended('psapi.population_job.' || ${accountId}, 0))`
}

type JobRow = {
  id: string
  type: JobType
  state: JobState
  requested: number
  distinct_elements: number
  leaving: number
  added: number
  already_active: number
  removed: number
  not_active: number
  invalid: number
  message: string | null
  created_on: string
  updated_on: string
  accepted_at: Date
  started_at: Date | null
  updated_at: Date
  finished_at: Date | null
}

/** @param acceptedAfter  jobs accepted up to this moment are no longer readable */
export async function readJob(
  db: Queryable,
  accountId: string,
  jobId: string,
  acceptedAfter: Date,
): Promise<Job | undefined> {
  const [row] = await db.query<JobRow>`
    select id, type, state, requested, distinct_elements, leaving, added, already_active, removed, not_active, invalid,
           message, created_on, updated_on, accepted_at, started_at, updated_at, finished_at
      from population_job
     where account_id = ${accountId} and id = ${jobId} and accepted_at > ${acceptedAfter}`
  return row && toJob(row)
}

function toJob(row: JobRow): Job {
  return {
    id: row.id,
    type: row.type,
    state: row.state,
    requested: row.requested,
    distinct: row.distinct_elements,
    leaving: row.leaving,
    counts: toCounts(row),
    message: row.message,
    createdOn: row.created_on,
    updatedOn: row.updated_on,
    acceptedAt: row.accepted_at,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  }
}

function toCounts(row: JobCounts): JobCounts {
  const { added, already_active, removed, not_active, invalid } = row
  return { added, already_active, removed, not_active, invalid }
}

/** Items of a job by position; without `outcome` they are found by position, however far the page is. */
export async function readItems(
  db: Queryable,
  accountId: string,
  jobId: string,
  page: { outcome?: Outcome; offset: number; limit: number },
): Promise<ItemResult[]> {
  const { outcome, offset, limit } = page
  const rows = outcome
    ? await db.query<ItemResult & { malformed: string | null }>`
        select npn::text, malformed, outcome, reason
          from population_job_item
         where account_id = ${accountId} and job_id = ${jobId} and outcome = ${outcome}
         order by position offset ${offset}::bigint limit ${limit}`
    : await db.query<ItemResult & { malformed: string | null }>`
        select npn::text, malformed, outcome, reason
          from population_job_item
         where account_id = ${accountId} and job_id = ${jobId}
           and position >= ${offset}::bigint and position < ${offset + limit}::bigint
         order by position`
  return rows.map(({ npn, malformed, outcome, reason }) => ({ npn: malformed ?? npn, outcome, reason }))
}

// The statements of a runner.

/** Names a job among all accounts. */
export type JobKey = { accountId: string; jobId: string }

/**
 * Leases jobs that nobody holds: of each account the oldest unfinished one alone, longest waiting first. The lease is
 * judged by the database's time.
 * @param now  begins the time without progress, unless runners have just died holding the job
 */
export async function leaseJobs(
  db: Queryable,
  runnerId: string,
  leaseMs: number,
  limit: number,
  now: Date,
): Promise<JobKey[]> {
  return await db.query<JobKey>`
    with recursive head as ( -- steps from account to account, past the jobs that wait behind the first
      (select account_id, id, accepted_at from population_job
        where finished_at is null order by account_id, number limit 1)
      union all
      select next.* from head cross join lateral (
        select account_id, id, accepted_at from population_job
         where finished_at is null and account_id > head.account_id order by account_id, number limit 1) as next
    ), free as ( -- a locked row is being worked on
      select j.account_id, j.id
        from head
        join population_job j on j.account_id = head.account_id and j.id = head.id
        join account a on a.id = head.account_id
       where a.deleted_at is null and j.finished_at is null and (j.lease_until is null or j.lease_until <= now())
       order by head.accepted_at limit ${limit} for update of j skip locked
    )
    update population_job j
       set lease_owner = ${runnerId}, lease_until = now() + ${leaseMs} * interval '1 millisecond',
           tried_since = case when j.lease_until > now() - interval '1 minute' then coalesce(j.tried_since, ${now})
                              else ${now} end
      from free
     where j.account_id = free.account_id and j.id = free.id
    returning j.account_id as "accountId", j.id as "jobId"`
}

/** Prolongs the leases of a runner. A row that is locked is being worked on, and its commit prolongs it. */
export async function renewLeases(db: Queryable, runnerId: string, leaseMs: number): Promise<void> {
  await db.query`
    update population_job set lease_until = now() + ${leaseMs} * interval '1 millisecond'
     where (account_id, id) in (select account_id, id from population_job
                                 where lease_owner = ${runnerId} and finished_at is null
                                   for update skip locked)`
}

/** Lets others go on at once. */
export async function giveLeasesBack(db: Queryable, runnerId: string): Promise<void> {
  await db.query`
    update population_job set lease_owner = null, lease_until = null
     where lease_owner = ${runnerId} and finished_at is null`
}

/** A job under the lock of its row, as its runner needs it. */
export type HeldJob = {
  accountId: string
  environment: Environment
  populationMax: number
  jobId: string
  type: JobType
  started: boolean
  distinct: number
  leaving: number
  leavingAfter: number | null
  startChange: number | null
  counts: JobCounts
  processed: number
  triedSince: Date
  cancelRequested: boolean
}

type HeldRow = JobCounts & {
  environment: Environment
  population_max: number
  type: JobType
  started: boolean
  distinct_elements: number
  leaving: number
  leaving_after: number | null
  start_change: number | null
  processed: number
  tried_since: Date
  cancel_requested: boolean
}

/** Locks the job to the end of the transaction. Undefined: the lease has passed, or job or account have ended. */
export async function holdJob(tx: Queryable, key: JobKey, runnerId: string): Promise<HeldJob | undefined> {
  const [row] = await tx.query<HeldRow>`
    select a.environment, a.population_max, j.type, j.started_at is not null as started, j.distinct_elements, j.leaving,
           j.leaving_after, j.start_change, j.added, j.already_active, j.removed, j.not_active, j.invalid, j.processed,
           j.tried_since, j.cancel_requested_at is not null as cancel_requested
      from population_job j join account a on a.id = j.account_id
     where j.account_id = ${key.accountId} and j.id = ${key.jobId} and j.lease_owner = ${runnerId}
       and j.lease_until > now() and j.finished_at is null and a.deleted_at is null
       for update of j`
  return row && { ...key, ...toHeld(row) }
}

function toHeld(row: HeldRow): Omit<HeldJob, keyof JobKey> {
  return {
    environment: row.environment,
    populationMax: row.population_max,
    type: row.type,
    started: row.started,
    distinct: row.distinct_elements,
    leaving: row.leaving,
    leavingAfter: row.leaving_after,
    startChange: row.start_change,
    counts: toCounts(row),
    processed: row.processed,
    triedSince: row.tried_since,
    cancelRequested: row.cancel_requested,
  }
}

/** Marks the job as running and notes what the population is at this moment. */
export async function startJob(tx: Queryable, key: JobKey, leavingAfter: number | null, now: Date): Promise<void> {
  await beginCounting(tx, key.accountId)
  await tx.query`
    update population_job
       set state = 'running', started_at = ${now}, updated_at = ${now}, tried_since = ${now}, leaving_after = ${leavingAfter},
           start_change = (select changes from population_count where account_id = ${key.accountId})
     where account_id = ${key.accountId} and id = ${key.jobId}`
}

/**
 * Appends to the items of a replace what it removes: the next NPNs that were active at its start and are not in its list.
 * @param limit  how many NPNs of the population are looked at
 * @returns how many were appended, and up to which NPN the population has been looked at: null at its end
 */
export async function appendLeaving(
  tx: Queryable,
  job: HeldJob,
  limit: number,
): Promise<{ appended: number; leavingAfter: number | null }> {
  const { accountId, jobId } = job
  const [row] = await tx.query<{ appended: number; looked_at: number; last: number | null }>`
    with looked_at as (
      select npn, change_number from population
       where account_id = ${accountId} and active and npn > ${job.leavingAfter}
       order by npn limit ${limit}
    ), leaving as ( -- "except" is never a nested loop, whatever the planner knows of rows just inserted
      select npn from looked_at where change_number <= ${job.startChange}
      except
      select npn from population_job_item
       where account_id = ${accountId} and job_id = ${jobId} and position < ${job.distinct} and npn is not null
    ), appended as (
      insert into population_job_item (account_id, job_id, position, npn)
      select ${accountId}, ${jobId}, ${job.distinct + job.leaving} + row_number() over (order by npn) - 1, npn from leaving
      returning npn
    )
    select (select count(*) from appended) as appended, count(*) as looked_at, max(npn) as last from looked_at`
  if (!row) throw new Error('an aggregate has one row')
  return { appended: row.appended, leavingAfter: row.looked_at < limit ? null : row.last }
}

export async function saveLeaving(
  tx: Queryable,
  key: JobKey,
  leaving: number,
  leavingAfter: number | null,
  leaseMs: number,
  now: Date,
): Promise<void> {
  await tx.query`
    update population_job
       set leaving = ${leaving}, leaving_after = ${leavingAfter}, updated_at = ${now}, tried_since = ${now},
           lease_until = now() + ${leaseMs} * interval '1 millisecond'
     where account_id = ${key.accountId} and id = ${key.jobId}`
}

/**
 * Items of a job with what the population holds of them; after `holdPopulation`, whose lock makes it the latest.
 * Each NPN is looked up by its key: a plan made before the account grew would read its whole population.
 */
export async function readChunk(tx: Queryable, key: JobKey, from: number, to: number): Promise<ChunkItem[]> {
  const rows = await tx.query<{ position: number; npn: Npn | null; active: boolean | null; changed_at: Date | null }>`
    select i.position, i.npn::text, p.active, p.changed_at
      from population_job_item i
      left join lateral (select active, changed_at from population
                          where account_id = i.account_id and npn = i.npn limit 1) as p on true
     where i.account_id = ${key.accountId} and i.job_id = ${key.jobId} and i.position >= ${from} and i.position < ${to}
     order by i.position`
  return rows.map(({ position, npn, active, changed_at }) => ({
    position,
    npn,
    known: active !== null && changed_at !== null ? { active, changedAt: changed_at } : null,
  }))
}

/** @param results  of all items at the positions from the first one's on, without a gap */
export async function saveOutcomes(tx: Queryable, key: JobKey, results: readonly ItemOutcome[]): Promise<void> {
  const from = results[0]?.position ?? 0
  await tx.query`
    update population_job_item
       set outcome = (${results.map((result) => result.outcome)}::text[])[position - ${from}::int + 1],
           reason = (${results.map((result) => result.reason)}::text[])[position - ${from}::int + 1]
     where account_id = ${key.accountId} and job_id = ${key.jobId}
       and position >= ${from}::int and position < ${from}::int + ${results.length}::int`
}

export async function saveProgress(
  tx: Queryable,
  key: JobKey,
  counts: JobCounts,
  leaseMs: number,
  now: Date,
): Promise<void> {
  await tx.query`
    update population_job
       set added = ${counts.added}, already_active = ${counts.already_active}, removed = ${counts.removed},
           not_active = ${counts.not_active}, invalid = ${counts.invalid}, updated_at = ${now}, tried_since = ${now},
           lease_until = now() + ${leaseMs} * interval '1 millisecond'
     where account_id = ${key.accountId} and id = ${key.jobId}`
}

export async function endJob(
  tx: Queryable,
  key: JobKey,
  state: Exclude<JobState, 'pending' | 'running'>,
  message: string | null,
  now: Date,
): Promise<void> {
  await tx.query`
    update population_job
       set state = ${state}, message = ${message}, updated_at = ${now}, finished_at = ${now}, leaving_after = null,
           lease_owner = null, lease_until = null
     where account_id = ${key.accountId} and id = ${key.jobId}`
}
