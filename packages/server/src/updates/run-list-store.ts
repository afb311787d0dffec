import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { Npn } from '#src/population/npn.ts'
import type { RecordKind } from '#src/producers/record.ts'
import type { LocalDate } from './local-date.ts'
import type { Run, RunState } from './run.ts'
import { type RunRow, runColumns, toRun } from './run-store.ts'

/** A producer that a run has put off, and why. */
export type RunError = { step: 'details'; npn: Npn; attempts: number; cause: string | null }

export type RunFilter = { feedId?: string; state?: RunState; from?: LocalDate; to?: LocalDate }

/** The run behind which a list goes on. */
export type RunPosition = { scheduledAt: Date; id: string }

/** Runs of the feeds that the transaction may see, newest first. */
export async function listRuns(
  tx: Queryable,
  filter: RunFilter,
  page: { after: RunPosition | undefined; limit: number },
): Promise<Run[]> {
  const { feedId = null, state = null, from = null, to = null } = filter
  const rows = await tx.run<RunRow>(sql`
    select ${runColumns} from nipr_run
     where (${feedId}::text is null or feed_id = ${feedId}) and (${state}::text is null or state = ${state})
       and (${from}::date is null or run_date >= ${from}) and (${to}::date is null or run_date <= ${to})
       and (${page.after?.scheduledAt ?? null}::timestamptz is null
            or (scheduled_at, id) < (${page.after?.scheduledAt}::timestamptz, ${page.after?.id}::uuid))
     order by scheduled_at desc, id desc limit ${page.limit}`)
  return rows.map(toRun)
}

/** A run of a feed that the transaction may see. */
export async function findRun(tx: Queryable, runId: string): Promise<Run | undefined> {
  const [row] = await tx.run<RunRow>(sql`select ${runColumns} from nipr_run where id = ${runId}`)
  return row && toRun(row)
}

/** Producers that a run has put off, by NPN. */
export async function listErrors(
  tx: Queryable,
  runId: string,
  page: { after: Npn | undefined; limit: number },
): Promise<RunError[]> {
  return await tx.query<RunError>`
    select 'details' as step, npn::text, attempts, cause from nipr_run_npn
     where run_id = ${runId} and state = 'deferred' and nipr_run_npn.npn > ${page.after ?? '0'}::bigint
     order by nipr_run_npn.npn limit ${page.limit}`
}

/** That an account was told of a run, and what the run has changed of what it monitored then. */
export type RunAnnouncement = {
  accountId: string
  messageId: string
  producersChanged: number
  recordsByKind: Partial<Record<RecordKind, number>>
  /** A delivery of it has not ended. */
  isWaiting: boolean
}

/**
 * The accounts that were told of a run, by id.
 * @param db  role `updates`, which sees what is pending
 * @param runId  one that the caller may see
 */
export async function listAnnouncements(
  db: Queryable,
  runId: string,
  { isWaiting }: { isWaiting: boolean | undefined },
  page: { after: string | undefined; limit: number },
): Promise<RunAnnouncement[]> {
  return await db.query<RunAnnouncement>`
    select told.* from (
      select a.account_id as "accountId", a.event_id as "messageId", a.producers_changed as "producersChanged",
             a.records_changed as "recordsByKind",
             exists (select from pending p where p.account_id = a.account_id and p.event_id = a.event_id) as "isWaiting"
        from nipr_announcement a where a.run_id = ${runId} and a.account_id > ${page.after ?? ''}) as told
     where ${isWaiting ?? null}::boolean is null or told."isWaiting" = ${isWaiting ?? null}
     order by told."accountId" limit ${page.limit}`
}
