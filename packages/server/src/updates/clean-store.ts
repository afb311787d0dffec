import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql, sqlText } from '#src/adapters/postgres/sql.ts'
import type { Npn } from '#src/population/npn.ts'
import { RECORD_KINDS } from '#src/producers/record.ts'
import type { LocalDate } from './local-date.ts'

/**
 * Finds targets that accounts have left and nobody monitors any more, and begins their removal; those that somebody does
 * monitor are left alone. Two statements: the second sees what committed while the first waited for its locks.
 * @returns how many were looked at
 */
export async function beginRemoval(tx: Queryable, feedId: string, leftBefore: Date, limit: number): Promise<number> {
  const left = await tx.query<{ npn: Npn }>`
    select npn::text from nipr_target
     where feed_id = ${feedId} and left_at < ${leftBefore} and state in ('adding', 'active')
     order by nipr_target.npn limit ${limit} for update`
  await tx.query`
    update nipr_target t
       set state = case when m.monitored then t.state else 'removing' end,
           left_at = case when m.monitored then null else t.left_at end,
           load_due_at = case when m.monitored then t.load_due_at end
      from (select npn, exists (select from population p join account a on a.id = p.account_id
                                 where p.npn = l.npn and p.active and a.feed_id = ${feedId} and a.deleted_at is null) as monitored
              from unnest(${left.map(({ npn }) => npn)}::bigint[]) as l (npn)) as m
     where t.feed_id = ${feedId} and t.npn = m.npn`
  return left.length
}

export async function readRemoving(db: Queryable, feedId: string, limit: number): Promise<Npn[]> {
  const rows = await db.query<{ npn: Npn }>`
    select npn::text from nipr_target
     where feed_id = ${feedId} and state = 'removing' order by nipr_target.npn limit ${limit}`
  return rows.map(({ npn }) => npn)
}

/** NIPR no longer watches them. One that has been wanted again meanwhile is to be added again. */
export async function endRemoval(db: Queryable, feedId: string, npns: readonly Npn[]): Promise<void> {
  await db.query`
    update nipr_target set state = case state when 'removing' then 'removed' else 'adding' end
     where feed_id = ${feedId} and npn = any (${npns}::bigint[])`
}

/** Deletes the records of NPNs that nobody has monitored since a moment. @returns how many NPNs */
export async function deleteUnmonitored(
  tx: Queryable,
  feedId: string,
  leftBefore: Date,
  limit: number,
): Promise<number> {
  const rows = await tx.query<{ npn: Npn }>`
    select npn::text from nipr_target
     where feed_id = ${feedId} and state = 'removed' and left_at < ${leftBefore}
     order by nipr_target.npn limit ${limit} for update`
  const npns = rows.map(({ npn }) => npn)
  if (npns.length > 0) await deleteProducers(tx, feedId, npns)
  return npns.length
}

async function deleteProducers(tx: Queryable, feedId: string, npns: readonly Npn[]): Promise<void> {
  for (const kind of RECORD_KINDS) {
    await tx.run(sql`delete from ${sqlText(kind)} where feed_id = ${feedId} and npn = any (${npns}::bigint[])`)
  }
  await tx.query`delete from nipr_target where feed_id = ${feedId} and npn = any (${npns}::bigint[])`
}

/** Runs and reports that are old enough to be of no use. */
export async function deleteOldRuns(db: Queryable, feedId: string, before: LocalDate): Promise<void> {
  await db.query`delete from nipr_report where feed_id = ${feedId} and day < ${before}::date`
  await db.query`
    with old as (
      delete from nipr_run where feed_id = ${feedId} and run_date < ${before}::date and ended_at is not null returning id
    ), told as (
      delete from nipr_announcement where run_id in (select id from old)
    )
    delete from nipr_run_npn where run_id in (select id from old)`
}

/** A sandbox feed whose account is deleted: it has no more runs, and nobody can read what it holds. */
export async function findDeadFeed(db: Queryable): Promise<string | undefined> {
  const [row] = await db.query<{ id: string }>`
    select f.id from nipr_feed f join account a on a.id = f.account_id where a.deleted_at is not null limit 1`
  return row?.id
}

/** Deletes a part of a dead feed, its records first and itself at last. */
export async function deletePartOf(tx: Queryable, feedId: string, limit: number): Promise<void> {
  const rows = await tx.query<{ npn: Npn }>`
    select npn::text from nipr_target where feed_id = ${feedId} order by nipr_target.npn limit ${limit} for update`
  if (rows.length > 0)
    return await deleteProducers(
      tx,
      feedId,
      rows.map(({ npn }) => npn),
    )
  await tx.query`delete from nipr_change where run_id in (select id from nipr_run where feed_id = ${feedId})`
  await tx.query`delete from nipr_run_npn where run_id in (select id from nipr_run where feed_id = ${feedId})`
  await tx.query`delete from nipr_announcement where run_id in (select id from nipr_run where feed_id = ${feedId})`
  await tx.query`delete from nipr_run where feed_id = ${feedId}`
  await tx.query`delete from nipr_report where feed_id = ${feedId}`
  await tx.query`delete from nipr_feed where id = ${feedId}`
}
