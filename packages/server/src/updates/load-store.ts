import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Npn } from '#src/population/npn.ts'

/** A first load that this process is to make. `version`: of the target when it was taken. */
export type DueLoad = { feedId: string; npn: Npn; version: number; attempts: number }

/** Feeds with first loads that are due, or targets to add. Steps from feed to feed, past what waits in each. */
export async function readBusyFeeds(
  db: Queryable,
  now: Date,
): Promise<{ feedId: string; loads: boolean; adding: boolean }[]> {
  return await db.query<{ feedId: string; loads: boolean; adding: boolean }>`
    with recursive loading as (
      (select feed_id from nipr_target where load_due_at is not null order by feed_id limit 1)
      union all
      select next.feed_id from loading cross join lateral (
        select feed_id from nipr_target where load_due_at is not null and feed_id > loading.feed_id order by feed_id limit 1) as next
    ), adding as (
      (select feed_id from nipr_target where state = 'adding' order by feed_id limit 1)
      union all
      select next.feed_id from adding cross join lateral (
        select feed_id from nipr_target where state = 'adding' and feed_id > adding.feed_id order by feed_id limit 1) as next
    ), busy as materialized (
      select f.id as "feedId", f.id in (select feed_id from adding) as adding,
             -- in an order: "exists" would read the table from its start, past all that is loaded
             coalesce((select true from nipr_target t
                        where t.feed_id = f.id and t.load_due_at <= ${now} and (t.load_until is null or t.load_until <= now())
                        order by t.load_due_at limit 1), false) as loads
        from nipr_feed f left join account a on a.id = f.account_id
       where f.id in (select feed_id from loading union select feed_id from adding) and f.kind <> 'none' and a.deleted_at is null
    )
    select "feedId", loads, adding from busy where loads or adding`
}

/** Takes first loads that are due and that nobody makes, those that somebody waits for first. */
export async function leaseLoads(
  db: Queryable,
  feedId: string,
  leaseMs: number,
  limit: number,
  now: Date,
): Promise<DueLoad[]> {
  return await db.query<DueLoad>`
    update nipr_target t set load_until = now() + ${leaseMs} * interval '1 millisecond'
      from (select npn from nipr_target
             where feed_id = ${feedId} and load_due_at <= ${now} and (load_until is null or load_until <= now())
             order by load_due_at, npn limit ${limit} for update skip locked) as due
     where t.feed_id = ${feedId} and t.npn = due.npn
    returning t.feed_id as "feedId", t.npn::text, t.version, t.load_attempts as attempts`
}

/** When the next first load is due that is not due yet. */
export async function nextLoadAt(db: Queryable, now: Date): Promise<Date | null> {
  const [row] = await db.query<{ at: Date | null }>`
    select min(load_due_at) as at from nipr_target where load_due_at > ${now}`
  return row?.at ?? null
}

/**
 * Locks the targets of loads that have come. Left out: those that have been written, removed or loaded meanwhile.
 * @returns the NPNs that may be written
 */
export async function holdLoads(tx: Queryable, feedId: string, loads: readonly DueLoad[]): Promise<Set<Npn>> {
  const rows = await tx.query<{ npn: Npn; version: number }>`
    select npn::text, version from nipr_target
     where feed_id = ${feedId} and npn = any (${loads.map(({ npn }) => npn)}::bigint[]) and load_due_at is not null
     order by nipr_target.npn for update`
  const versions = new Map(rows.map(({ npn, version }) => [npn, version]))
  return new Set(loads.filter(({ npn, version }) => versions.get(npn) === version).map(({ npn }) => npn))
}

export async function endLoads(
  tx: Queryable,
  feedId: string,
  npns: { found: readonly Npn[]; unknown: readonly Npn[] },
  at: { now: Date; today: string },
): Promise<void> {
  await tx.query`
    update nipr_target
       set data = case when npn = any (${npns.found}::bigint[]) then 'ready' else 'not_found' end, version = version + 1,
           not_found_since = case when npn = any (${npns.unknown}::bigint[]) then ${at.today}::date end,
           loaded_at = ${at.now}, load_due_at = null, load_until = null, load_attempts = 0
     where feed_id = ${feedId} and npn = any (${[...npns.found, ...npns.unknown]}::bigint[])`
}

/** @param dueAt  of the next try, null: it is left to the runs */
export async function postponeLoad(
  db: Queryable,
  { feedId, npn, version }: DueLoad,
  attempts: number,
  dueAt: Date | null,
): Promise<void> {
  await db.query`
    update nipr_target set load_attempts = ${attempts}, load_due_at = ${dueAt}, load_until = null
     where feed_id = ${feedId} and npn = ${npn}::bigint and version = ${version} and load_due_at is not null`
}

/** Loads that were taken and not made are free again. */
export async function giveLoadsBack(db: Queryable, loads: readonly DueLoad[]): Promise<void> {
  await db.query`
    update nipr_target t set load_until = null
      from unnest(${loads.map(({ feedId }) => feedId)}::text[], ${loads.map(({ npn }) => npn)}::bigint[]) as l (feed_id, npn)
     where t.feed_id = l.feed_id and t.npn = l.npn and t.load_until is not null`
}

export async function readAdding(db: Queryable, feedId: string, limit: number): Promise<Npn[]> {
  const rows = await db.query<{ npn: Npn }>`
    select npn::text from nipr_target where feed_id = ${feedId} and state = 'adding' order by nipr_target.npn limit ${limit}`
  return rows.map(({ npn }) => npn)
}

/** NIPR watches them from now on. The next run reads them: what changed before is in no alert. */
export async function endAdding(db: Queryable, feedId: string, npns: readonly Npn[], now: Date): Promise<void> {
  await db.query`
    update nipr_target set state = 'active', loaded_at = ${now}
     where feed_id = ${feedId} and npn = any (${npns}::bigint[]) and state = 'adding'`
}

/** Targets whose data is stored in the same transaction. */
export async function insertCurrentTargets(
  tx: Queryable,
  feedId: string,
  npns: readonly Npn[],
  now: Date,
): Promise<void> {
  await tx.query`
    insert into nipr_target (feed_id, npn, state, data, version, loaded_at)
    select ${feedId}, npn, 'adding', 'ready', 1, ${now} from unnest(${npns}::bigint[]) as npn`
}

/** What NIPR has been told to watch since a moment, by NPN. */
export async function readTargetsSince(
  db: Queryable,
  feedId: string,
  since: Date,
  after: string,
  limit: number,
): Promise<Npn[]> {
  const rows = await db.query<{ npn: Npn }>`
    select npn::text from nipr_target
     where feed_id = ${feedId} and npn > ${after}::bigint and state in ('active', 'removing')
       and (loaded_at >= ${since} or ${since}::timestamptz = to_timestamp(0))
     order by nipr_target.npn limit ${limit}`
  return rows.map(({ npn }) => npn)
}
