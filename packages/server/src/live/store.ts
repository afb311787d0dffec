import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '#src/accounts/principal.ts'
import { visibleTo } from '#src/accounts/principal.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { Change, Topic } from './change.ts'
import { type Position, parseSnapshot, type Snapshot } from './position.ts'

/** An account as streams name it. */
export type Watched = { id: string; environment: Environment }

/** Who has begun to write before an account was watched is waited for this long. */
const WRITERS_END_MS_MAX = 2_000
const WRITERS_LOOK_MS = 10
const CHANGES_PER_TRIM = 5_000
const TRIMS_MAX = 20

/**
 * From now on changes of the account are noted, for six minutes or as long as this is repeated. Resolves when that holds also for
 * transactions that had begun before: after two seconds at most.
 */
export async function watchAccount(api: Database, account: Watched): Promise<void> {
  const settings = visibleTo(account.environment, account.id)
  const rows = await api.transaction(
    { settings },
    (tx) => tx.query<{ is_new: boolean }>`
    insert into live_watch (account_id, until) values (${account.id}, clock_timestamp() + interval '6 minutes')
    on conflict (account_id) do update set until = excluded.until
    returning xmax = 0 as is_new`,
  )
  if (rows[0]?.is_new) await writersEnded(api)
}

async function writersEnded(db: Queryable): Promise<void> {
  const giveUpAt = performance.now() + WRITERS_END_MS_MAX
  const [now] = await db.query<{ next: string }>`select pg_snapshot_xmax(pg_current_snapshot())::text as next`
  while (now && performance.now() < giveUpAt) {
    const [row] = await db.query<{ ended: boolean }>`
      select pg_snapshot_xmin(pg_current_snapshot()) >= ${now.next}::xid8 as ended`
    if (row?.ended) return
    await sleep(WRITERS_LOOK_MS)
  }
}

/** Goes on watching accounts. @param db  role `worker` */
export async function keepWatching(db: Queryable, accountIds: readonly string[]): Promise<void> {
  await db.query`
    insert into live_watch (account_id, until)
    select id, clock_timestamp() + interval '6 minutes' from unnest(${accountIds}::text[]) as a (id) order by id
    on conflict (account_id) do update set until = excluded.until`
}

/** Which of these accounts have changes that `since` does not see, and how far this answer sees. @param db  role `worker` */
export async function readChanged(
  db: Queryable,
  accountIds: readonly string[],
  since: Snapshot,
): Promise<{ accountIds: string[]; seen: Snapshot }> {
  const [row] = await db.query<{ account_ids: string[]; seen: string }>`
    select pg_current_snapshot()::text as seen,
           array(select a.id from unnest(${accountIds}::text[]) as a (id)
                  where exists (select from live_change c
                                 where c.account_id = a.id and c.xid >= pg_snapshot_xmin(${since}::pg_snapshot)
                                   and not pg_visible_in_snapshot(c.xid, ${since}::pg_snapshot))) as account_ids`
  if (!row) throw new Error('no row from a query that always has one')
  return { accountIds: row.account_ids, seen: toSnapshot(row.seen) }
}

/** All that is committed now. */
export async function readNow(db: Queryable): Promise<Snapshot> {
  const [row] = await db.query<{ seen: string }>`select pg_current_snapshot()::text as seen`
  return toSnapshot(row?.seen ?? '')
}

export function toSnapshot(text: string): Snapshot {
  const snapshot = parseSnapshot(text)
  if (!snapshot) throw new Error('PostgreSQL gave a snapshot of an unknown form')
  return snapshot
}

/**
 * Whether everything between the position and now is still there: the account has been watched since, and nothing of it was removed
 * again. Of `live_watch`, as `w`.
 */
export function isComplete({ seen }: Position): Sql {
  return sql`
    coalesce(pg_visible_in_snapshot(w.since, ${seen}::pg_snapshot)
             and coalesce(w.trimmed < pg_snapshot_xmin(${seen}::pg_snapshot), true)
             and pg_snapshot_xmax(${seen}::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()), false)`
}

/** What is new to a reader, apart from what it has read within its batch. Of `live_change`, as `c`. */
export function isNewTo({ seen, within }: Position): Sql {
  const isNew = sql`
    c.xid >= pg_snapshot_xmin(${seen}::pg_snapshot) and not pg_visible_in_snapshot(c.xid, ${seen}::pg_snapshot)`
  if (within === null) return isNew
  return sql`${isNew} and pg_visible_in_snapshot(c.xid, ${within.until}::pg_snapshot)`
}

type ChangeRow = {
  seen: string
  is_complete: boolean
  changes: [topic: Topic, subject: string, change: Record<string, unknown>, eventType: string | null][] | null
}

/** Changes that a reader has not seen, oldest first; null: some of them are not there any more, or there are more than `limit`. */
export type NewChanges = { seen: Snapshot; changes: Change[] | 'gap_too_old' | 'too_many_changes' }

export async function readChanges(
  api: Database,
  account: Watched,
  position: Position,
  topics: readonly Topic[],
  limit: number,
): Promise<NewChanges> {
  const statement = sql`
    select coalesce(${position.within?.until ?? null}::text, pg_current_snapshot()::text) as seen,
           coalesce((select ${isComplete(position)} from live_watch w where w.account_id = ${account.id}), false) as is_complete,
           (select json_agg(json_build_array(n.topic, n.subject, n.change, e.type) order by n.xid, n.number)
              from (select c.topic, c.subject, c.change, c.xid, c.number
                      from live_change c
                     where c.account_id = ${account.id} and ${isNewTo(position)} and c.topic = any (${topics}::text[])
                     order by c.xid, c.number limit ${limit + 1}) as n
              left join event e on n.topic = 'delivery' and e.account_id = ${account.id} and e.id = n.change ->> 'msgId') as changes`
  const settings = visibleTo(account.environment, account.id)
  const [rows] = await api.transactionBatch<ChangeRow>([statement], { settings })
  const [row] = rows ?? []
  if (!row) throw new Error('no row from a query that always has one')
  const seen = toSnapshot(row.seen)
  const changes = row.changes ?? []
  if (!row.is_complete) return { seen, changes: 'gap_too_old' }
  if (changes.length > limit) return { seen, changes: 'too_many_changes' }
  return {
    seen,
    changes: changes.map(([topic, subject, change, eventType]) => ({
      topic,
      subject,
      change: withMoments(topic === 'delivery' ? { ...change, eventType: eventType ?? '' } : change),
    })),
  }
}

const MOMENTS = ['at', 'nextAttempt', 'failingSince']

/** Moments as every answer of the API has them. */
function withMoments(change: Record<string, unknown>): Record<string, unknown> {
  const shown = { ...change }
  for (const name of MOMENTS) {
    const text = change[name]
    if (typeof text === 'string') shown[name] = new Date(text).toISOString()
  }
  return shown
}

/**
 * Removes changes older than five minutes, and forgets accounts that nobody watches. Not those that came after the start of a transaction
 * which still writes: whoever has read them stands at a snapshot that does not tell them from what is to come (`isComplete`).
 * @param db  role `worker`
 */
export async function trimChanges(db: Queryable): Promise<void> {
  await db.query`delete from live_watch where until < clock_timestamp()`
  for (let count = 0; count < TRIMS_MAX; count += 1) {
    const [row] = await db.query<{ gone: number }>`
      with old as (
        select account_id, xid, number from live_change
         where noted_at < clock_timestamp() - interval '5 minutes' and xid < pg_snapshot_xmin(pg_current_snapshot())
         order by noted_at limit ${CHANGES_PER_TRIM}
      ), gone as (
        delete from live_change c using old o
         where c.account_id = o.account_id and c.xid = o.xid and c.number = o.number
        returning c.account_id, c.xid
      ), noted as (
        update live_watch w set trimmed = greatest(w.trimmed, g.xid)
          from (select account_id, max(xid) as xid from gone group by account_id) as g
         where w.account_id = g.account_id
      )
      select count(*)::int as gone from gone`
    if ((row?.gone ?? 0) < CHANGES_PER_TRIM) return
  }
}
