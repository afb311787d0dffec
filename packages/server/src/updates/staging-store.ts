import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql, sqlText } from '#src/adapters/postgres/sql.ts'
import type { Npn } from '#src/population/npn.ts'
import type { RecordKind } from '#src/producers/record.ts'
import { type RecordWrite, toStoredFields } from '#src/producers/record-store.ts'
import type { Losses } from './run.ts'

/** What a feed holds of an NPN while a run compares it. */
export type TargetState = { version: number; data: 'loading' | 'ready' | 'not_found' }

/** The NPNs that are still targets and whose first load is not wanted; locked against neither. */
export async function readTargets(tx: Queryable, feedId: string, npns: readonly Npn[]): Promise<Map<Npn, TargetState>> {
  const rows = await tx.query<TargetState & { npn: Npn }>`
    select npn::text, version, data from nipr_target
     where feed_id = ${feedId} and npn = any (${npns}::bigint[]) and state <> 'removed' and load_due_at is null`
  return new Map(rows.map(({ npn, version, data }) => [npn, { version, data }]))
}

/** What a run has come to about an NPN. */
export type Staged = {
  npn: Npn
  state: 'staged' | 'unchanged' | 'unknown' | 'deferred'
  version: number | null
  attempts: number
  warnings: number
  cause: string | null
}

/** Stores the differences of NPNs that a run has read, and that it need not read them again. */
export async function stage(
  tx: Queryable,
  runId: string,
  results: readonly Staged[],
  writes: readonly RecordWrite[],
): Promise<void> {
  const npns = results.map(({ npn }) => npn)
  await tx.query`
    update nipr_run_npn w
       set state = r.state, version = r.version, attempts = r.attempts, warnings = r.warnings, cause = r.cause
      from unnest(${npns}::bigint[], ${results.map(({ state }) => state)}::text[],
                  ${results.map(({ version }) => version)}::int[], ${results.map(({ attempts }) => attempts)}::int[],
                  ${results.map(({ warnings }) => warnings)}::int[], ${results.map(({ cause }) => cause)}::text[])
        as r (npn, state, version, attempts, warnings, cause)
     where w.run_id = ${runId} and w.npn = r.npn and w.state = 'waiting'`
  if (writes.length === 0) return
  const rows = writes.map((write) => ({
    npn: write.npn,
    kind: write.kind,
    record_id: write.id,
    action: write.action,
    fields: toStoredFields(write),
  }))
  await tx.query`
    insert into nipr_change (run_id, npn, kind, record_id, action, fields)
    select ${runId}, npn, kind, record_id, action, fields
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as r (npn bigint, kind text, record_id bigint, action text, fields jsonb)`
}

/** NPNs that left the targets, or whose first load is wanted again, are no longer work of the run. */
export async function dropWork(tx: Queryable, runId: string, npns: readonly Npn[]): Promise<void> {
  await tx.query`delete from nipr_change where run_id = ${runId} and npn = any (${npns}::bigint[])`
  await tx.query`delete from nipr_run_npn where run_id = ${runId} and npn = any (${npns}::bigint[])`
}

/** Of the producers that a run has read, what would vanish of each kind of record, where that is much. */
export async function readLosses(db: Queryable, run: { id: string; feedId: string }, min: number): Promise<Losses[]> {
  const rows = await db.query<{ kind: RecordKind; vanishing: number }>`
    select kind, count(*) as vanishing from nipr_change
     where run_id = ${run.id} and action = 'delete' group by kind having count(*) >= ${min}`
  const losses: Losses[] = []
  for (const { kind, vanishing } of rows) {
    const [row] = await db.run<{ served: number }>(sql`
      select count(*) as served from ${sqlText(kind)} as record
        join nipr_run_npn w on w.run_id = ${run.id} and w.npn = record.npn and w.state in ('staged', 'unchanged')
       where record.feed_id = ${run.feedId} and not record.nipr_deleted`)
    losses.push({ kind, vanishing, served: row?.served ?? 0 })
  }
  return losses
}

/**
 * Sends back to be read again what has been written since it was compared; drops what is no longer work of the run.
 * @returns how many NPNs are to be read again
 */
export async function returnMoved(tx: Queryable, run: { id: string; feedId: string }): Promise<number> {
  const rows = await tx.query<{ npn: Npn; gone: boolean }>`
    select w.npn::text, (t.npn is null or t.state = 'removed' or t.load_due_at is not null) as gone
      from nipr_run_npn w left join nipr_target t on t.feed_id = ${run.feedId} and t.npn = w.npn
     where w.run_id = ${run.id} and w.state in ('staged', 'unchanged', 'unknown')
       and (t.npn is null or t.state = 'removed' or t.load_due_at is not null or t.version <> w.version)`
  const gone = rows.filter((row) => row.gone).map(({ npn }) => npn)
  const moved = rows.filter((row) => !row.gone).map(({ npn }) => npn)
  if (gone.length > 0) await dropWork(tx, run.id, gone)
  if (moved.length > 0) {
    await tx.query`delete from nipr_change where run_id = ${run.id} and npn = any (${moved}::bigint[])`
    await tx.query`
      update nipr_run_npn set state = 'waiting', version = null
       where run_id = ${run.id} and npn = any (${moved}::bigint[])`
  }
  return moved.length
}
