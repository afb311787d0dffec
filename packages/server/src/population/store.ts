import type { Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { ChunkItem, ItemOutcome } from './decide.ts'
import type { ItemResult, Job, JobCounts, JobRequest, JobState, JobType, Outcome } from './job.ts'
import type { Npn } from './npn.ts'
import { DATA_READY } from './npn-events.ts'

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
  // numbered and committed one after the other, so that no job becomes visible after a later one
  await tx.query`select pg_advisory_xact_lock(hashtextextended('psapi.population_job.' || ${accountId}, 0))`
  const acceptedAt = clock.now()
  await tx.query`
    insert into population_job (account_id, id, number, type, state, requested, distinct_elements, accepted_at, updated_at)
    select ${accountId}, ${jobId}, coalesce(max(number), 0) + 1, ${request.type}, 'pending', ${request.requested},
           ${items.length}, ${acceptedAt}, ${acceptedAt}
      from population_job where account_id = ${accountId}`
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
           message, accepted_at, started_at, updated_at, finished_at
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

export const dataStatuses = ['loading', 'ready', 'not_found'] as const
export type DataStatus = (typeof dataStatuses)[number]

/** How an NPN came into a population. */
export const sources = ['preloaded', 'post', 'put', 'read'] as const
export type Source = (typeof sources)[number]

/** An NPN that the account monitors. */
export type Subscription = { npn: Npn; activatedAt: Date; source: Source; dataStatus: DataStatus }

type SubscriptionRow = { npn: Npn; activated_at: Date; source: Source; data_status: DataStatus }

/** Active NPNs in the order of their numbers. `after` wins over `offset`. */
export async function readSubscriptions(
  db: Queryable,
  accountId: string,
  page: { dataStatus?: DataStatus; after?: Npn; offset: number; limit: number },
): Promise<Subscription[]> {
  const { dataStatus, after, limit } = page
  // only keys are skipped: a far page reads no rows but its own
  const rows = await db.run<SubscriptionRow>(sql`
    with page as (
      select npn from population
       where account_id = ${accountId} and active
         and npn > ${after ?? '0'}::bigint
         ${dataStatus ? sql`and data_status = ${dataStatus}` : sql``}
       order by npn offset ${after ? 0 : page.offset}::bigint limit ${limit}
    )
    select p.npn::text, p.activated_at, p.source, p.data_status
      from page join population p on p.account_id = ${accountId} and p.npn = page.npn
     order by page.npn`)
  return rows.map((row) => ({
    npn: row.npn,
    activatedAt: row.activated_at,
    source: row.source,
    dataStatus: row.data_status,
  }))
}

/** Active NPNs by data status, as kept; an account without a row has none. */
export async function readCounts(db: Queryable, accountId: string): Promise<Record<DataStatus, number>> {
  const [row] = await db.query<Record<DataStatus, number>>`
    select loading, ready, not_found from population_count where account_id = ${accountId}`
  return row ?? { loading: 0, ready: 0, not_found: 0 }
}

export async function readAutoSubscribe(db: Queryable, accountId: string): Promise<boolean | undefined> {
  const [row] = await db.query<{ auto_subscribe: boolean }>`
    select auto_subscribe from account where id = ${accountId} and deleted_at is null`
  return row?.auto_subscribe
}

export async function writeAutoSubscribe(
  db: Queryable,
  accountId: string,
  autoSubscribe: boolean,
  now: Date,
): Promise<boolean | undefined> {
  const [row] = await db.query<{ auto_subscribe: boolean }>`
    update account set auto_subscribe = ${autoSubscribe}, updated_at = ${now}
     where id = ${accountId} and deleted_at is null
    returning auto_subscribe`
  return row?.auto_subscribe
}

/** Puts NPNs that are `ready` into the population of a new account. */
export async function insertPreloaded(
  tx: Queryable,
  accountId: string,
  npns: readonly Npn[],
  { now, freshOn }: { now: Date; freshOn: string },
): Promise<void> {
  await tx.query`
    insert into population_count (account_id, ready, changes) values (${accountId}, ${npns.length}, 1)`
  await tx.query`
    insert into population (account_id, npn, active, activated_at, changed_at, change_number, source, data_status, activations,
                            fresh_on)
    select ${accountId}, npn, true, ${now}, ${now}, 1, 'preloaded', 'ready', 1,
           ${freshOn}::date
      from unnest(${npns}::bigint[]) as npn`
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
}

/** Locks the job to the end of the transaction. Undefined: the lease has passed, or job or account have ended. */
export async function holdJob(tx: Queryable, key: JobKey, runnerId: string): Promise<HeldJob | undefined> {
  const [row] = await tx.query<HeldRow>`
    select a.environment, a.population_max, j.type, j.started_at is not null as started, j.distinct_elements, j.leaving,
           j.leaving_after, j.start_change, j.added, j.already_active, j.removed, j.not_active, j.invalid, j.processed,
           j.tried_since
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

/** Before an account's population changes for the first time. */
export async function beginCounting(tx: Queryable, accountId: string): Promise<void> {
  await tx.query`insert into population_count (account_id) values (${accountId}) on conflict do nothing`
}

/** What a chunk needs to know of its account, which it has for itself until the transaction ends. */
export type HeldPopulation = {
  size: number
  changes: number
  /** How many deliveries an NPN that joins may cause. */
  deliveriesPerNpn: number
  /** An endpoint names `data_ready`: the event is made for it. */
  wantsDataReady: boolean
}

export async function holdPopulation(tx: Queryable, accountId: string): Promise<HeldPopulation> {
  const [row] = await tx.query<HeldPopulation>`
    select loading + ready + not_found as size, changes, e.all_types + e.data_ready as "deliveriesPerNpn",
           e.data_ready > 0 as "wantsDataReady"
      from population_count
           cross join (select count(*) as all_types, count(*) filter (where ${DATA_READY} = any (event_types)) as data_ready
                         from endpoint where account_id = ${accountId} and deleted_at is null and not disabled) as e
     where account_id = ${accountId} for update of population_count`
  if (!row) throw new Error('a job has started without the counts of its account')
  return row
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

/** As `readChunk`, of one NPN. */
export async function readKnown(tx: Queryable, accountId: string, npn: Npn): Promise<ChunkItem['known']> {
  const [row] = await tx.query<{ active: boolean; changed_at: Date }>`
    select active, changed_at from population where account_id = ${accountId} and npn = ${npn}::bigint`
  return row ? { active: row.active, changedAt: row.changed_at } : null
}

export type StampedChange = { npn: Npn; at: Date }

/** `lastEventAt`: of the latest of its events; `freshOn`: since when it can be read, null when it must be loaded first. */
export type Activation = StampedChange & { lastEventAt: Date; freshOn: string | null }

/**
 * NPNs join the population.
 * @returns the data status of each
 */
export async function activate(
  tx: Queryable,
  accountId: string,
  changes: readonly Activation[],
  source: Source,
  changeNumber: number,
): Promise<DataStatus[]> {
  const rows = await tx.query<{ data_status: DataStatus }>`
    insert into population as p
           (account_id, npn, active, activated_at, changed_at, change_number, source, data_status, activations, fresh_on)
    select ${accountId}, npn, true, at, last_at, ${changeNumber}, ${source},
           case when fresh_on is null then 'loading' else 'ready' end, 1, fresh_on
      from unnest(${changes.map((change) => change.npn)}::bigint[],
                  ${changes.map((change) => change.at)}::timestamptz[],
                  ${changes.map((change) => change.lastEventAt)}::timestamptz[],
                  ${changes.map((change) => change.freshOn)}::date[]) as change (npn, at, last_at, fresh_on)
        on conflict (account_id, npn) do update
       set active = true, activated_at = excluded.activated_at, changed_at = excluded.changed_at,
           change_number = excluded.change_number, source = excluded.source, activations = p.activations + 1,
           data_status = excluded.data_status, fresh_on = excluded.fresh_on, fresh_run = null
    returning data_status`
  return rows.map((row) => row.data_status)
}

/** NPNs leave the population; their rows stay. @returns the data status of each */
export async function deactivate(
  tx: Queryable,
  accountId: string,
  changes: readonly StampedChange[],
  changeNumber: number,
): Promise<DataStatus[]> {
  const npns = changes.map((change) => change.npn)
  const moments = changes.map((change) => change.at)
  // by key, without a join, for the reason given at readChunk
  const rows = await tx.query<{ data_status: DataStatus }>`
    update population
       set active = false, changed_at = (${moments}::timestamptz[])[array_position(${npns}::bigint[], npn)],
           change_number = ${changeNumber}
     where account_id = ${accountId} and npn = any (${npns}::bigint[])
    returning data_status`
  return rows.map((row) => row.data_status)
}

/** @param difference  how many more (or fewer, below 0) NPNs of each data status are active */
export async function countChange(
  tx: Queryable,
  accountId: string,
  changeNumber: number,
  difference: Record<DataStatus, number>,
): Promise<void> {
  await tx.query`
    update population_count
       set loading = loading + ${difference.loading}, ready = ready + ${difference.ready},
           not_found = not_found + ${difference.not_found}, changes = ${changeNumber}
     where account_id = ${accountId}`
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

/**
 * Deletes a batch of what has had its time: jobs accepted up to `acceptedBefore`, and everything of deleted accounts.
 * @param limit  rows of each kind
 * @returns whether anything was there to delete
 */
export async function deleteOld(db: Queryable, acceptedBefore: Date, limit: number): Promise<boolean> {
  const [items] = await db.query<{ deleted: number }>`
    with job as (
      (select account_id, id from population_job
        where accepted_at <= ${acceptedBefore} and finished_at is not null order by accepted_at limit 100)
      union
      (select j.account_id, j.id from account a cross join lateral (
         select account_id, id from population_job where account_id = a.id limit 100) as j
        where a.deleted_at is not null limit 100)
    ), gone as (
      delete from population_job_item
       where (account_id, job_id, position) in (
         select i.account_id, i.job_id, i.position
           from job join population_job_item i on i.account_id = job.account_id and i.job_id = job.id limit ${limit})
      returning 1
    )
    select count(*) as deleted from gone`
  if (items && items.deleted > 0) return true
  const [jobs] = await db.query<{ deleted: number }>`
    with gone as (
      delete from population_job j
       where ((j.accepted_at <= ${acceptedBefore} and j.finished_at is not null)
              or j.account_id in (select id from account where deleted_at is not null))
         and not exists (select from population_job_item i where i.account_id = j.account_id and i.job_id = j.id)
      returning 1
    )
    select count(*) as deleted from gone`
  const [npns] = await db.query<{ deleted: number }>`
    with gone as (
      delete from population
       where (account_id, npn) in (
         select p.account_id, p.npn from account a cross join lateral (
           select account_id, npn from population where account_id = a.id limit ${limit}) as p
          where a.deleted_at is not null limit ${limit})
      returning account_id, npn
    ), left_alone as ( -- targets of the feed, if nobody else monitors them
      update nipr_target t set left_at = now()
        from gone join account a on a.id = gone.account_id
       where t.feed_id = a.feed_id and t.npn = gone.npn
    )
    select count(*) as deleted from gone`
  await db.query`
    delete from population_count c using account a where a.id = c.account_id and a.deleted_at is not null
       and not exists (select from population p where p.account_id = c.account_id)`
  return (jobs?.deleted ?? 0) + (npns?.deleted ?? 0) > 0
}
