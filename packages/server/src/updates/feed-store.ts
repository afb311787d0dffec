import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { LocalDate } from './local-date.ts'

export type FeedKind = 'none' | 'nipr' | 'simulator'

export const PRODUCTION_FEED = 'production'

/** One world of NIPR data, with its own calendar and runs. */
export type Feed = {
  id: string // 'production', or the id of a sandbox account
  environment: Environment
  kind: FeedKind
  /** Of the simulator's data. */
  seed: string
  /** How far its clock is ahead of the database's. */
  clockAheadMs: number
  owedFrom: LocalDate
  cleanedOn: LocalDate
  lostDays: LocalDate[]
}

type FeedRow = {
  id: string
  environment: Environment
  kind: FeedKind
  seed: string
  clock_ahead_ms: number
  owed_from: LocalDate
  cleaned_on: LocalDate
  lost_days: LocalDate[]
}

const columns = sql`id, environment, kind, seed, clock_ahead_ms, owed_from, cleaned_on, lost_days`

export async function readFeed(db: Queryable, feedId: string): Promise<Feed | undefined> {
  const [row] = await db.run<FeedRow>(sql`select ${columns} from nipr_feed where id = ${feedId}`)
  return row && toFeed(row)
}

/** Undefined when the lease of the feed has passed, or is somebody else's. */
export async function readHeldFeed(db: Queryable, feedId: string, owner: string): Promise<Feed | undefined> {
  const [row] = await db.run<FeedRow>(sql`
    select ${columns} from nipr_feed where id = ${feedId} and lease_owner = ${owner} and lease_until > now()`)
  return row && toFeed(row)
}

function toFeed(row: FeedRow): Feed {
  return {
    id: row.id,
    environment: row.environment,
    kind: row.kind,
    seed: row.seed,
    clockAheadMs: row.clock_ahead_ms,
    owedFrom: row.owed_from,
    cleanedOn: row.cleaned_on,
    lostDays: row.lost_days,
  }
}

/** Locks a feed against others who ask something of it. */
export async function holdFeed(tx: Queryable, feedId: string): Promise<Feed | undefined> {
  const [row] = await tx.run<FeedRow>(sql`select ${columns} from nipr_feed where id = ${feedId} for update`)
  return row && toFeed(row)
}

export type NewFeed = {
  id: string
  environment: Environment
  accountId: string | null
  kind: FeedKind
  seed: string
  owedFrom: LocalDate
  cleanedOn: LocalDate
}

/** Adds a feed; the feed of production takes the kind and seed that are configured now. */
export async function saveFeed(tx: Queryable, feed: NewFeed, now: Date): Promise<void> {
  await tx.query`
    insert into nipr_feed (id, environment, account_id, kind, seed, owed_from, cleaned_on, due_at, created_at)
    values (${feed.id}, ${feed.environment}, ${feed.accountId}, ${feed.kind}, ${feed.seed}, ${feed.owedFrom},
            ${feed.cleanedOn}, ${now}, ${now})`
}

/** @returns whether the feed of production is there, now of this kind */
export async function reconfigureFeed(tx: Queryable, feed: NewFeed, now: Date): Promise<boolean> {
  const rows = await tx.query`
    update nipr_feed
       set kind = ${feed.kind}, seed = ${feed.seed}, due_at = case when kind = ${feed.kind} then due_at else ${now} end,
           owed_from = case when kind = 'none' and ${feed.kind} <> 'none' then ${feed.owedFrom} else owed_from end
     where id = ${feed.id}
    returning 1`
  return rows.length > 0
}

/** Sets the clock of a feed; what falls due by that is looked at now. */
export async function moveClock(tx: Queryable, feedId: string, clockAheadMs: number, now: Date): Promise<void> {
  await tx.query`
    update nipr_feed set clock_ahead_ms = greatest(clock_ahead_ms, ${clockAheadMs}::bigint), due_at = least(due_at, ${now})
     where id = ${feedId}`
  await tx.query`
    update nipr_run set next_try_at = least(next_try_at, ${now}) where feed_id = ${feedId} and ended_at is null`
}

/** Something is to be done for the feed now. */
export async function callFeed(tx: Queryable, feedId: string, now: Date): Promise<void> {
  await tx.query`update nipr_feed set due_at = least(due_at, ${now}) where id = ${feedId}`
}

// The leases of schedulers, judged by the database's time.

/**
 * Takes feeds that are due and that nobody holds, and those whose holder has died. Whoever has something for a feed to do
 * meanwhile makes it due again (`callFeed`). Feeds of deleted accounts have no more runs.
 */
export async function leaseFeeds(
  db: Queryable,
  owner: string,
  leaseMs: number,
  limit: number,
  now: Date,
): Promise<string[]> {
  const rows = await db.query<{ id: string }>`
    update nipr_feed f
       set lease_owner = ${owner}, lease_until = now() + ${leaseMs} * interval '1 millisecond', due_at = 'infinity'
     where f.id in (select d.id from nipr_feed d left join account a on a.id = d.account_id
                     where d.kind <> 'none' and a.deleted_at is null
                       and (d.due_at <= ${now} and d.lease_owner is null or d.lease_until <= now())
                     order by d.due_at limit ${limit} for update of d skip locked)
    returning f.id`
  return rows.map(({ id }) => id)
}

/** A lease that has passed is not renewed: somebody else may be taking the feed over. */
export async function renewFeeds(db: Queryable, owner: string, leaseMs: number): Promise<void> {
  await db.query`
    update nipr_feed set lease_until = now() + ${leaseMs} * interval '1 millisecond'
     where id in (select id from nipr_feed where lease_owner = ${owner} and lease_until > now() for update skip locked)`
}

/** Gives a feed back until something is due, or at once when it has been called meanwhile. */
export async function releaseFeed(db: Queryable, owner: string, feedId: string, dueAt: Date): Promise<void> {
  await db.query`
    update nipr_feed set due_at = least(due_at, ${dueAt}), lease_owner = null, lease_until = null
     where id = ${feedId} and lease_owner = ${owner}`
}

/** Lets others go on at once. */
export async function giveFeedsBack(db: Queryable, owner: string): Promise<void> {
  await db.query`
    update nipr_feed set due_at = '-infinity', lease_owner = null, lease_until = null where lease_owner = ${owner}`
}

/** When the next feed is due that nobody holds. */
export async function nextDueAt(db: Queryable): Promise<Date | null> {
  const [row] = await db.query<{ due_at: Date }>`
    select due_at from nipr_feed where kind <> 'none' and lease_owner is null order by due_at limit 1`
  return row?.due_at ?? null
}

/** Days that no run has covered in time: `owedFrom` passes them. */
export async function saveLostDays(
  tx: Queryable,
  feedId: string,
  lost: readonly LocalDate[],
  owedFrom: LocalDate,
): Promise<void> {
  await tx.query`
    update nipr_feed set lost_days = lost_days || ${lost}::date[], owed_from = greatest(owed_from, ${owedFrom}::date)
     where id = ${feedId}`
}

export async function saveCleaned(db: Queryable, feedId: string, owner: string, day: LocalDate): Promise<void> {
  await db.query`update nipr_feed set cleaned_on = ${day} where id = ${feedId} and lease_owner = ${owner}`
}
