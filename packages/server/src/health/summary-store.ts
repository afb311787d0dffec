import type { Queryable } from '#src/adapters/postgres/database.ts'

/** Deliveries of an account that are planned now. */
export type Planned = { waiting: number; retrying: number; nextAt: Date | null }

/** Planned deliveries of an account are counted up to this number. */
const PLANNED_MAX = 10_000

export async function readPlanned(tx: Queryable, accountId: string): Promise<Planned> {
  const [row] = await tx.query<{ waiting: number; retrying: number; next_at: Date | null }>`
    select count(*) filter (where attempts_made = 0) as waiting, count(*) filter (where attempts_made > 0) as retrying,
           min(due_at) filter (where attempts_made > 0) as next_at
      from (select p.attempts_made, p.due_at
              from pending p join endpoint t on t.account_id = p.account_id and t.id = p.endpoint_id
             where p.account_id = ${accountId} and p.cause <> 'test' and not is_canceled(p, t)
             limit ${PLANNED_MAX}) as planned`
  return { waiting: row?.waiting ?? 0, retrying: row?.retrying ?? 0, nextAt: row?.next_at ?? null }
}

/** Which of the first steps an account has made. */
export type Steps = {
  producers: boolean
  endpoint: boolean
  testAnswered: boolean
  signatureChecked: boolean
  firstEvent: boolean
}

type StepsRow = {
  producers: boolean
  endpoint: boolean
  test_answered: boolean
  signature_checked: boolean
  first_event: boolean
}

export async function readSteps(tx: Queryable, accountId: string): Promise<Steps> {
  const [row] = await tx.query<StepsRow>`
    select exists (select from population where account_id = ${accountId} and active) as producers,
           exists (select from endpoint where account_id = ${accountId} and deleted_at is null) as endpoint,
           exists (select from endpoint where account_id = ${accountId} and deleted_at is null and proven_at is not null) as test_answered,
           exists (select from signature_check c join endpoint t on t.account_id = c.account_id and t.id = c.endpoint_id
                    where c.account_id = ${accountId} and t.deleted_at is null and c.verdict = 'verifies') as signature_checked,
           exists (select from endpoint_tally where account_id = ${accountId} and delivered > 0)
             or exists (select from endpoint t
                         cross join lateral (
                           select a.cause from attempt a
                            where a.account_id = t.account_id and a.endpoint_id = t.id and a.failure_class is null
                              and a.id >= 'atmpt_' || ksuid_floor(coalesce((select covers_until from tally_progress), '2014-05-14Z'))
                              and a.cause <> 'test' limit 1) as made
                         where t.account_id = ${accountId}) as first_event`
  return {
    producers: row?.producers ?? false,
    endpoint: row?.endpoint ?? false,
    testAnswered: row?.test_answered ?? false,
    signatureChecked: row?.signature_checked ?? false,
    firstEvent: row?.first_event ?? false,
  }
}
