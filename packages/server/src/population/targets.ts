import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Npn } from './npn.ts'

/** What the feed of an account already holds of an NPN that joins: readable at once, from the feed's today on. */
export type HeldData = { npn: Npn; freshOn: string; noLicenses: boolean }

/**
 * Makes NPNs that join a population targets of the account's feed, and asks for the first load of those whose data is not
 * current. What is current stays so until the transaction ends. Call it under the lock of `holdPopulation`.
 * @param loadAt  when the first load is due; loads that are due earlier come first
 * @returns those whose data is current
 */
export async function wantTargets(
  tx: Queryable,
  accountId: string,
  npns: readonly Npn[],
  loadAt: Date,
  now: Date,
): Promise<Map<Npn, HeldData>> {
  const made = await tx.query<{ npn: Npn }>`
    insert into nipr_target (feed_id, npn, state, data, load_due_at)
    select (select feed_id from account where id = ${accountId}), npn, 'adding', 'loading', ${loadAt}
      from unnest(${npns}::bigint[]) as npn order by npn
        on conflict do nothing
    returning npn::text`
  if (made.length === npns.length) return new Map()
  const isMade = new Set(made.map(({ npn }) => npn))
  const known = npns.filter((npn) => !isMade.has(npn))
  // whoever takes the NPN from the targets, or ends its load, waits for this transaction; a run that publishes does not
  const targets = await tx.query<{ npn: Npn; current: boolean }>`
    select npn::text, data = 'ready' and state in ('adding', 'active') as current
      from nipr_target
     where feed_id = (select feed_id from account where id = ${accountId}) and npn = any (${known}::bigint[])
     order by nipr_target.npn for key share`
  const outdated = targets.filter(({ current }) => !current).map(({ npn }) => npn)
  if (outdated.length > 0) {
    await tx.query`
      update nipr_target
         set state = case when state in ('removing', 'removed') then 'adding' else state end, data = 'loading',
             load_due_at = least(load_due_at, ${loadAt}), load_attempts = 0, not_found_since = null
       where feed_id = (select feed_id from account where id = ${accountId}) and npn = any (${outdated}::bigint[])`
  }
  if (outdated.length === targets.length) return new Map()
  const held = await tx.query<HeldData>`
    select e.npn::text, e.no_licenses as "noLicenses", feed_date(e.feed_id, ${now}) as "freshOn"
      from entity e
     where e.feed_id = (select feed_id from account where id = ${accountId})
       and e.npn = any (${targets.filter(({ current }) => current).map(({ npn }) => npn)}::bigint[])`
  return new Map(held.map((data) => [data.npn, data]))
}

/** NPNs have left the account's population; at the next 02:00 those that nobody monitors stop being targets. */
export async function leaveTargets(tx: Queryable, accountId: string, npns: readonly Npn[], now: Date): Promise<void> {
  await tx.query`
    update nipr_target set left_at = ${now}
     where feed_id = (select feed_id from account where id = ${accountId}) and npn = any (${npns}::bigint[])`
}
