import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { Npn } from '#src/population/npn.ts'
import type { LocalDate } from './local-date.ts'
import { NO_COUNTS, type Run, type RunCounts, type RunScenario, type RunState, type RunTrigger } from './run.ts'
import type { KnownReport } from './schedule.ts'

export type RunRow = {
  id: string
  feed_id: string
  run_date: LocalDate
  state: RunState
  trigger: RunTrigger
  scenario: RunScenario
  full_refresh: boolean
  released: boolean
  covers: LocalDate[]
  late: boolean
  next_try_at: Date
  scheduled_at: Date
  started_at: Date | null
  details_at: Date | null
  collected_at: Date | null
  published_at: Date | null
  ended_at: Date | null
  message: string | null
  counts: Partial<RunCounts>
}

export const runColumns = sql`
  id, feed_id, run_date, state, trigger, scenario, full_refresh, released, covers, late, next_try_at, scheduled_at,
  started_at, details_at, collected_at, published_at, ended_at, message, counts`

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    feedId: row.feed_id,
    runDate: row.run_date,
    state: row.state,
    trigger: row.trigger,
    scenario: row.scenario,
    fullRefresh: row.full_refresh,
    released: row.released,
    covers: row.covers,
    late: row.late,
    nextTryAt: row.next_try_at,
    scheduledAt: row.scheduled_at,
    startedAt: row.started_at,
    detailsAt: row.details_at,
    collectedAt: row.collected_at,
    publishedAt: row.published_at,
    endedAt: row.ended_at,
    message: row.message,
    counts: { ...NO_COUNTS, ...row.counts },
  }
}

export async function readOpenRun(db: Queryable, feedId: string): Promise<Run | undefined> {
  const [row] = await db.run<RunRow>(
    sql`select ${runColumns} from nipr_run where feed_id = ${feedId} and ended_at is null`,
  )
  return row && toRun(row)
}

/** What the schedule of a feed goes by. */
export async function readLastRunDate(db: Queryable, feedId: string): Promise<LocalDate | null> {
  const [row] = await db.query<{ run_date: LocalDate | null }>`
    select max(run_date) as run_date from nipr_run where feed_id = ${feedId}`
  return row?.run_date ?? null
}

export type PublishedRun = { id: string; runDate: LocalDate; startedAt: Date }

/** The run that was published last. */
export async function readLastPublished(db: Queryable, feedId: string): Promise<PublishedRun | undefined> {
  const [row] = await db.query<{ id: string; run_date: LocalDate; started_at: Date }>`
    select id, run_date, started_at from nipr_run
     where feed_id = ${feedId} and state = 'published' order by published_at desc limit 1`
  return row && { id: row.id, runDate: row.run_date, startedAt: row.started_at }
}

export type NewRun = Pick<Run, 'id' | 'feedId' | 'runDate' | 'trigger' | 'scenario' | 'fullRefresh'>

/** @throws a unique violation when the feed has a run that has not ended */
export async function insertRun(tx: Queryable, run: NewRun, now: Date): Promise<void> {
  await tx.query`
    insert into nipr_run (id, feed_id, run_date, state, trigger, scenario, full_refresh, next_try_at, scheduled_at)
    values (${run.id}, ${run.feedId}, ${run.runDate}, 'scheduled', ${run.trigger}, ${run.scenario}, ${run.fullRefresh},
            ${now}, ${now})`
}

/**
 * Locks a run that has not ended for its scheduler, to the end of the transaction. Undefined: the feed's lease has gone to
 * somebody else, or the run has ended.
 */
export async function holdRun(tx: Queryable, runId: string, owner: string): Promise<Run | undefined> {
  const [row] = await tx.run<RunRow>(sql`
    select ${runColumns} from nipr_run
     where id = ${runId} and ended_at is null
       and exists (select from nipr_feed f where f.id = feed_id and f.lease_owner = ${owner} and f.lease_until > now())
       for update`)
  return row && toRun(row)
}

export async function saveRun(
  tx: Queryable,
  runId: string,
  change: Partial<Pick<Run, 'state' | 'covers' | 'message' | 'nextTryAt' | 'startedAt' | 'detailsAt' | 'collectedAt'>>,
): Promise<void> {
  await tx.query`
    update nipr_run
       set state = coalesce(${change.state}, state), covers = coalesce(${change.covers}::date[], covers),
           message = coalesce(${change.message}, message), next_try_at = coalesce(${change.nextTryAt}, next_try_at),
           started_at = coalesce(started_at, ${change.startedAt}), details_at = coalesce(details_at, ${change.detailsAt}),
           collected_at = coalesce(${change.collectedAt}, collected_at)
     where id = ${runId}`
}

/** Ends a run without publishing it: what it has found is forgotten, and its days stay owed. */
export async function endUnpublished(
  tx: Queryable,
  runId: string,
  end: { state: 'no_report' | 'failed'; message: string },
  now: Date,
): Promise<void> {
  const counts = await readCounts(tx, runId)
  await forgetWork(tx, runId)
  await tx.query`
    update nipr_run set state = ${end.state}, message = ${end.message}, ended_at = ${now}, counts = ${counts}
     where id = ${runId}`
}

/** What a run that ends has no more use for; the producers it has put off stay, with the reasons. */
export async function forgetWork(tx: Queryable, runId: string): Promise<void> {
  await tx.query`delete from nipr_change where run_id = ${runId}`
  await tx.query`delete from nipr_run_npn where run_id = ${runId} and state <> 'deferred'`
}

// Reports.

export async function readReports(
  db: Queryable,
  feedId: string,
  from: LocalDate,
): Promise<(KnownReport & { runId: string })[]> {
  return await db.query<KnownReport & { runId: string }>`
    select kind, day, outcome, collected, run_id as "runId" from nipr_report where feed_id = ${feedId} and day >= ${from}::date`
}

/** NPNs that an alert report names join the work of a run, as far as they are targets. */
export async function addAlerted(
  tx: Queryable,
  run: { id: string; feedId: string },
  npns: readonly Npn[],
): Promise<void> {
  await tx.query`
    insert into nipr_run_npn as work (run_id, npn, state, alerted)
    select ${run.id}, t.npn, 'waiting', true
      from nipr_target t
     where t.feed_id = ${run.feedId} and t.npn = any (${npns}::bigint[]) and t.state <> 'removed'
        on conflict (run_id, npn) do update set alerted = true where not work.alerted`
}

export async function saveReport(
  tx: Queryable,
  run: { id: string; feedId: string },
  report: { kind: string; day: LocalDate; outcome: 'report' | 'none' },
  now: Date,
): Promise<void> {
  await tx.query`
    insert into nipr_report (feed_id, kind, day, run_id, outcome, read_at)
    values (${run.feedId}, ${report.kind}, ${report.day}, ${run.id}, ${report.outcome}, ${now})
        on conflict (feed_id, kind, day) do update
       set run_id = excluded.run_id, outcome = excluded.outcome, read_at = excluded.read_at
     where not nipr_report.collected`
}

// The work list.

/**
 * Completes the work list: beside the alerted NPNs those that were first loaded since the last published run began, those
 * that it has put off, and those that NIPR did not know or whose first load was given up. An NPN whose first load is still
 * wanted is left to that. Each is found by an index of its own: one condition with "or" would read all targets.
 */
export async function completeWork(
  tx: Queryable,
  run: Pick<Run, 'id' | 'feedId' | 'fullRefresh'>,
  last: { id: string; startedAt: Date } | undefined,
  askAgainSince: LocalDate,
): Promise<void> {
  await tx.query`
    insert into nipr_run_npn (run_id, npn, state)
    select ${run.id}, t.npn, 'waiting'
      from (select npn from nipr_target where feed_id = ${run.feedId} and loaded_at >= ${last?.startedAt ?? new Date(0)}
            union all
            select npn from nipr_target
             where feed_id = ${run.feedId} and data <> 'ready' and (data = 'loading' or not_found_since >= ${askAgainSince}::date)
            union all
            select npn from nipr_run_npn where run_id = ${last?.id ?? null}::uuid and state = 'deferred'
            union all
            select npn from nipr_target where ${run.fullRefresh} and feed_id = ${run.feedId}) as due
      join nipr_target t on t.feed_id = ${run.feedId} and t.npn = due.npn
     where t.state <> 'removed'
        on conflict do nothing`
  await tx.query`
    delete from nipr_run_npn w using nipr_target t
     where w.run_id = ${run.id} and t.feed_id = ${run.feedId} and t.npn = w.npn and t.load_due_at is not null`
}

export async function readWaiting(db: Queryable, runId: string, after: string, limit: number): Promise<Npn[]> {
  const rows = await db.query<{ npn: Npn }>`
    select npn::text from nipr_run_npn where run_id = ${runId} and state = 'waiting' and npn > ${after}::bigint
     order by nipr_run_npn.npn limit ${limit}`
  return rows.map(({ npn }) => npn)
}

export async function countDeferred(db: Queryable, runId: string): Promise<{ listed: number; deferred: number }> {
  const [row] = await db.query<{ listed: number; deferred: number }>`
    select count(*) as listed, count(*) filter (where state = 'deferred') as deferred from nipr_run_npn where run_id = ${runId}`
  return row ?? { listed: 0, deferred: 0 }
}

/** Producers that were put off are tried again. */
export async function retryDeferred(tx: Queryable, runId: string): Promise<void> {
  await tx.query`update nipr_run_npn set state = 'waiting' where run_id = ${runId} and state = 'deferred'`
}

export async function readCounts(db: Queryable, runId: string): Promise<RunCounts> {
  const [row] = await db.query<Omit<RunCounts, 'accounts'>>`
    with work as (
      select count(*) filter (where alerted) as alerted, count(*) filter (where state in ('staged', 'unchanged')) as read,
             count(*) filter (where state = 'unknown') as unknown, count(*) filter (where state = 'deferred') as deferred,
             coalesce(sum(warnings), 0)::int as warnings
        from nipr_run_npn where run_id = ${runId}
    ), change as (
      select count(*) filter (where action = 'insert') as inserted, count(*) filter (where action = 'update') as updated,
             count(*) filter (where action = 'delete') as deleted
        from nipr_change where run_id = ${runId}
    ), changed as (
      select count(*) as npns from nipr_run_npn where run_id = ${runId} and state = 'staged'
    )
    select work.alerted as "alertNpns", work.read, work.unknown, work.deferred, changed.npns as "changedNpns",
           change.inserted, change.updated, change.deleted, work.warnings
      from work, change, changed`
  return { ...NO_COUNTS, ...row }
}

/** Has this day, or a later one, been published before? */
export async function isDayPublished(db: Queryable, run: Pick<Run, 'feedId' | 'runDate'>): Promise<boolean> {
  const [row] = await db.query<{ published: boolean }>`
    select exists (select from nipr_run where feed_id = ${run.feedId} and state = 'published' and run_date >= ${run.runDate}::date) as published`
  return row?.published === true
}

/** A run that has not ended, locked to the end of the transaction, whoever works on it. */
export async function holdOpenRun(tx: Queryable, runId: string): Promise<Run | undefined> {
  const [row] = await tx.run<RunRow>(sql`
    select ${runColumns} from nipr_run where id = ${runId} and ended_at is null for update`)
  return row && toRun(row)
}

export async function releaseRun(tx: Queryable, runId: string, now: Date): Promise<void> {
  await tx.query`update nipr_run set released = true, next_try_at = ${now} where id = ${runId}`
}

export async function countSandboxRuns(
  tx: Queryable,
  feedId: string,
  since: Date,
): Promise<{ count: number; oldestAt: Date | null }> {
  const [row] = await tx.query<{ count: number; oldest_at: Date | null }>`
    select count(*) as count, min(scheduled_at) as oldest_at from nipr_run
     where feed_id = ${feedId} and trigger = 'sandbox' and scheduled_at > ${since}`
  return { count: row?.count ?? 0, oldestAt: row?.oldest_at ?? null }
}

/** What sandbox runs have made of days: the last one counts. */
export async function readScenarios(db: Queryable, feedId: string): Promise<Map<LocalDate, RunScenario>> {
  const rows = await db.query<{ run_date: LocalDate; scenario: RunScenario }>`
    select distinct on (run_date) run_date, scenario from nipr_run
     where feed_id = ${feedId} and trigger = 'sandbox' order by run_date, scheduled_at desc`
  return new Map(
    rows.filter(({ scenario }) => scenario !== 'normal').map(({ run_date, scenario }) => [run_date, scenario]),
  )
}
