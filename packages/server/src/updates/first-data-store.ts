import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Npn } from '#src/population/npn.ts'
import { DATA_READY } from '#src/population/npn-events.ts'
import type { LocalDate } from './local-date.ts'

/** An NPN of an account whose first data can be read from now on. */
export type BecameReady = {
  accountId: string
  environment: Environment
  npn: Npn
  noLicenses: boolean
  /** Timestamp of the last event about it. */
  changedAt: Date
  /** An endpoint names `data_ready`. */
  isWanted: boolean
}

/**
 * Locks the counts of the accounts that monitor one of the NPNs and cannot read it yet, in the order in which everybody
 * takes them.
 */
export async function holdWaiting(tx: Queryable, feedId: string, npns: readonly Npn[]): Promise<void> {
  await tx.query`
    select from population_count c
     where c.account_id in (select p.account_id from population p join account a on a.id = p.account_id
                             where p.npn = any (${npns}::bigint[]) and p.active and p.data_status <> 'ready'
                               and a.feed_id = ${feedId} and a.deleted_at is null)
     order by c.account_id for update`
}

/**
 * The data of NPNs has come, or NIPR does not know them: what the accounts that wait for them see. Call it under
 * `holdWaiting`, after the records have been written.
 * @param today  of the feed: since when they can be read
 */
export async function settleWaiting(
  tx: Queryable,
  feedId: string,
  npns: { found: readonly Npn[]; unknown: readonly Npn[] },
  today: LocalDate,
): Promise<BecameReady[]> {
  return await tx.query<BecameReady>`
    with waiting as (
      select p.account_id, a.environment, p.npn, p.data_status as was, p.changed_at,
             case when p.npn = any (${npns.found}::bigint[]) then 'ready' else 'not_found' end as becomes
        from population p join account a on a.id = p.account_id
       where p.npn = any (${[...npns.found, ...npns.unknown]}::bigint[]) and p.active and p.data_status <> 'ready'
         and a.feed_id = ${feedId} and a.deleted_at is null
    ), changed as (
      update population p
         set data_status = w.becomes, fresh_on = case when w.becomes = 'ready' then ${today}::date end, fresh_run = null
        from waiting w
       where p.account_id = w.account_id and p.npn = w.npn and p.data_status <> w.becomes
    ), counted as (
      update population_count c
         set loading = c.loading - d.loading, ready = c.ready + d.ready, not_found = c.not_found + d.not_found
        from (select account_id, count(*) filter (where was = 'loading') as loading,
                     count(*) filter (where becomes = 'ready') as ready,
                     count(*) filter (where becomes = 'not_found') - count(*) filter (where was = 'not_found') as not_found
                from waiting group by account_id) as d
       where c.account_id = d.account_id
    )
    select w.account_id as "accountId", w.environment, w.npn::text, w.changed_at as "changedAt", e.no_licenses as "noLicenses",
           exists (select from endpoint where account_id = w.account_id and deleted_at is null and not disabled
                                          and ${DATA_READY} = any (event_types)) as "isWanted"
      from waiting w join entity e on e.feed_id = ${feedId} and e.npn = w.npn
     where w.becomes = 'ready'`
}

/** The timestamp of the last event about NPNs of accounts: the next one must be later. */
export async function saveLastEvents(
  tx: Queryable,
  events: readonly { accountId: string; npn: Npn; createdAt: Date }[],
): Promise<void> {
  await tx.query`
    update population p set changed_at = e.at
      from unnest(${events.map(({ accountId }) => accountId)}::text[], ${events.map(({ npn }) => npn)}::bigint[],
                  ${events.map(({ createdAt }) => createdAt)}::timestamptz[]) as e (account_id, npn, at)
     where p.account_id = e.account_id and p.npn = e.npn`
}
