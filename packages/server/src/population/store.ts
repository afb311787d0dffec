import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { ChunkItem } from './decide.ts'
import { saveOccurrences } from './history-store.ts'
import type { Npn, Source } from './npn.ts'
import { DATA_READY } from './npn-events.ts'

export const dataStatuses = ['loading', 'ready', 'not_found'] as const
export type DataStatus = (typeof dataStatuses)[number]

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
  await saveOccurrences(
    tx,
    npns.map((npn) => ({ accountId, npn, at: now, kind: 'joined', source: 'preloaded', eventId: null })),
  )
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
