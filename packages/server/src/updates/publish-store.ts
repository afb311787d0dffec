import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { prepare, sql } from '#src/adapters/postgres/sql.ts'
import type { Npn } from '#src/population/npn.ts'
import { RECORD_KINDS, type RecordKind } from '#src/producers/record.ts'
import { markDeleted, upsert } from '#src/producers/record-store.ts'
import type { LocalDate } from './local-date.ts'

type RunKey = { id: string; feedId: string; runDate: LocalDate }

/** Moves the differences of a run into the records. Readers see them when the transaction commits. */
export async function applyChanges(tx: Queryable, { id, feedId, runDate }: RunKey): Promise<void> {
  const stamp = { day: runDate, transactionId: id }
  for (const kind of RECORD_KINDS) {
    const written = sql`
      select npn, record_id, fields from nipr_change where run_id = ${id} and kind = ${kind} and action <> 'delete'`
    await tx.run(prepare(upsert(kind, feedId, written, stamp)))
    const vanished = sql`select npn, record_id from nipr_change where run_id = ${id} and kind = ${kind} and action = 'delete'`
    await tx.run(prepare(markDeleted(kind, feedId, vanished, stamp)))
  }
  await tx.query`
    update entity set changed_on = greatest(changed_on, ${runDate}::date)
     where feed_id = ${feedId} and npn in (select npn from nipr_run_npn where run_id = ${id} and state = 'staged')`
}

/**
 * Locks the counts of the accounts of which a run changes NPNs: those that `moveFresh` moves, and those among `npns` that
 * cannot be read yet. In the order in which everybody takes them. One condition with "or" would read whole populations.
 */
export async function holdAccounts(tx: Queryable, { feedId }: RunKey, npns: readonly Npn[]): Promise<void> {
  await tx.query`
    select from population_count c
     where c.account_id in (
       select a.id from account a
        where a.feed_id = ${feedId} and a.deleted_at is null
          and exists (select from population p
                       where p.account_id = a.id and p.active and p.data_status = 'ready' and p.fresh_run is null)
       union
       select p.account_id from population p join account a on a.id = p.account_id
        where p.npn = any (${npns}::bigint[]) and p.active and p.data_status <> 'ready'
          and a.feed_id = ${feedId} and a.deleted_at is null)
     order by c.account_id for update`
}

/** What has become readable since the last run belongs to the pull that follows this one. Source: producersync-api 7. */
export async function moveFresh(tx: Queryable, { id, feedId, runDate }: RunKey): Promise<void> {
  await tx.query`
    update population p set fresh_on = greatest(p.fresh_on, ${runDate}::date), fresh_run = ${id}
      from account a
     where a.feed_id = ${feedId} and a.deleted_at is null and p.account_id = a.id
       and p.active and p.data_status = 'ready' and p.fresh_run is null`
}

/** Of the NPNs whose data was missing: those that the run has found, and those that NIPR does not know. */
export async function readMissing(tx: Queryable, { id, feedId }: RunKey): Promise<{ found: Npn[]; unknown: Npn[] }> {
  const rows = await tx.query<{ npn: Npn; is_found: boolean }>`
    select w.npn::text, w.state <> 'unknown' as is_found
      from nipr_target t join nipr_run_npn w on w.run_id = ${id} and w.npn = t.npn
     where t.feed_id = ${feedId} and t.data <> 'ready' and w.state in ('staged', 'unchanged', 'unknown')`
  return {
    found: rows.filter((row) => row.is_found).map(({ npn }) => npn),
    unknown: rows.filter((row) => !row.is_found).map(({ npn }) => npn),
  }
}

/**
 * Marks what has been written in the feed's targets, unless somebody else has written it since it was compared.
 * @returns false: then the transaction must not commit
 */
export async function advanceVersions(tx: Queryable, { id, feedId, runDate }: RunKey): Promise<boolean> {
  const [row] = await tx.query<{ expected: number; advanced: number }>`
    with work as (
      select npn, version, state from nipr_run_npn where run_id = ${id} and state <> 'deferred'
    ), advanced as (
      update nipr_target t
         set version = t.version + 1, data = case when w.state <> 'unknown' then 'ready' when t.data = 'ready' then t.data else 'not_found' end,
             not_found_since = case when w.state <> 'unknown' or t.data = 'ready' then null else coalesce(t.not_found_since, ${runDate}::date) end
        from work w
       where t.feed_id = ${feedId} and t.npn = w.npn and t.version = w.version
         and (w.state = 'staged' or t.data <> 'ready')
      returning 1
    )
    select (select count(*) from work w join nipr_target t on t.feed_id = ${feedId} and t.npn = w.npn
             where w.state = 'staged' or t.data <> 'ready') as expected,
           (select count(*) from advanced) as advanced`
  return row !== undefined && row.expected === row.advanced
}

/** The reports that the run has read are collected, and the run is published. */
export async function markPublished(
  tx: Queryable,
  run: RunKey,
  end: { late: boolean; counts: object; now: Date },
): Promise<void> {
  await tx.query`
    update nipr_report set collected = true
     where feed_id = ${run.feedId} and run_id = ${run.id} and outcome = 'report' and not collected`
  await tx.query`
    update nipr_run
       set state = 'published', message = null, late = ${end.late}, counts = ${end.counts}, published_at = ${end.now}, ended_at = ${end.now}
     where id = ${run.id}`
}

export type FeedAccount = { id: string; environment: Environment }

export async function readAccounts(tx: Queryable, feedId: string): Promise<FeedAccount[]> {
  return await tx.query<FeedAccount>`
    select id, environment from account where feed_id = ${feedId} and deleted_at is null order by id`
}

/** What a run changes of the producers that an account monitors. */
export type AccountChanges = { producers: number; records: Partial<Record<RecordKind, number>> }

type ChangesRow = { account_id: string; kind: RecordKind | null; producers: number; records: number }

/** By account; those that nothing is changed for are left out. Call it before the work of the run is forgotten. */
export async function readAccountChanges(tx: Queryable, { id, feedId }: RunKey): Promise<Map<string, AccountChanges>> {
  const rows = await tx.query<ChangesRow>`
    select p.account_id, c.kind, count(distinct c.npn)::int as producers, sum(c.records)::int as records
      from (select npn, kind, count(*) as records from nipr_change where run_id = ${id} group by npn, kind) as c
      join population p on p.npn = c.npn and p.active and p.data_status = 'ready'
      join account a on a.id = p.account_id and a.feed_id = ${feedId}
     group by grouping sets ((p.account_id, c.kind), (p.account_id))`
  const changes = new Map<string, AccountChanges>()
  for (const { account_id, kind, producers, records } of rows) {
    const known = changes.get(account_id) ?? { producers: 0, records: {} }
    changes.set(
      account_id,
      kind === null ? { ...known, producers } : { ...known, records: { ...known.records, [kind]: records } },
    )
  }
  return changes
}

/** Notes which event told an account of a run, and of what. @throws a unique violation when it has been told before */
export async function saveAnnouncements(
  tx: Queryable,
  runId: string,
  events: readonly { accountId: string; id: string }[],
  changes: ReadonlyMap<string, AccountChanges>,
): Promise<void> {
  const changesOf = ({ accountId }: { accountId: string }) => changes.get(accountId) ?? { producers: 0, records: {} }
  await tx.query`
    insert into nipr_announcement (account_id, run_id, event_id, producers_changed, records_changed)
    select account_id, ${runId}, event_id, producers, records::jsonb
      from unnest(${events.map(({ accountId }) => accountId)}::text[], ${events.map(({ id }) => id)}::text[],
                  ${events.map((event) => changesOf(event).producers)}::int[],
                  ${events.map((event) => JSON.stringify(changesOf(event).records))}::text[])
        as told (account_id, event_id, producers, records)`
}
