import type { Queryable } from '#src/adapters/postgres/database.ts'

/** Deletes previews whose time is over, and those of deleted accounts. */
export async function deletePreviews(db: Queryable, now: Date): Promise<void> {
  await db.query`
    delete from population_preview
     where expires_at <= ${now} or account_id in (select id from account where deleted_at is not null)`
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
  const [events] = await db.query<{ deleted: number }>`
    with gone as (
      delete from population_event
       where (account_id, npn, at) in (
         select e.account_id, e.npn, e.at from account a cross join lateral (
           select account_id, npn, at from population_event where account_id = a.id limit ${limit}) as e
          where a.deleted_at is not null limit ${limit})
      returning 1
    )
    select count(*) as deleted from gone`
  await db.query`
    delete from population_count c using account a where a.id = c.account_id and a.deleted_at is not null
       and not exists (select from population p where p.account_id = c.account_id)`
  return (jobs?.deleted ?? 0) + (npns?.deleted ?? 0) + (events?.deleted ?? 0) > 0
}
