import type { Account } from '#src/accounts/principal.ts'
import { ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { attemptsFrom } from '#src/attempts/store.ts'
import type { Endpoint, SignatureVerdict } from '#src/endpoints/endpoint.ts'
import type { Signing } from '#src/events/accept.ts'
import { acceptIn, type NewEvent, type PlannedDelivery } from '#src/events/accept.ts'

/** Accepts a test in the caller's transaction, to be signed in a way of its own. */
export async function acceptSigned(
  tx: Queryable,
  event: NewEvent,
  { signing, requestedBy }: { signing: Signing | null; requestedBy: string },
): Promise<PlannedDelivery[]> {
  const planned = await acceptIn(tx, [event])
  await tx.query`
    update pending set signing = ${signing}, requested_by = ${requestedBy}
     where account_id = ${event.accountId} and event_id = ${event.id}`
  return planned.map((delivery) => ({ ...delivery, signing, requestedBy }))
}

/** Of these events those that were attempted, or canceled, each with its first attempt's id. */
export async function firstAttempts(
  tx: Queryable,
  accountId: string,
  eventIds: readonly string[],
): Promise<Map<string, string>> {
  const from = attemptsFrom(ksuidTime((eventIds[0] ?? '').slice('msg_'.length)))
  const rows = await tx.query<{ event_id: string; id: string }>`
    select event_id, min(id) as id from attempt
     where account_id = ${accountId} and event_id = any (${eventIds}::text[]) and id >= ${from}
     group by event_id`
  return new Map(rows.map((row) => [row.event_id, row.id]))
}

/** The day of the last run whose data the account can read; null before the first. */
export async function lastRunDate(tx: Queryable, { id, environment }: Account): Promise<string | null> {
  const [row] = await tx.query<{ run_date: string | null }>`
    select max(run_date)::text as run_date from nipr_run
     where feed_id = ${environment === 'sandbox' ? id : 'production'} and state = 'published'`
  return row?.run_date ?? null
}

/** What a check has found: it counts as long as the endpoint has this URL and this current secret. */
export type CheckResult = { url: string; secretId: string; verdict: SignatureVerdict; checkedAt: Date }

export async function saveCheck(
  tx: Queryable,
  { accountId, id }: Pick<Endpoint, 'accountId' | 'id'>,
  { url, secretId, verdict, checkedAt }: CheckResult,
): Promise<void> {
  await tx.query`
    insert into signature_check (account_id, endpoint_id, url, secret_id, verdict, checked_at)
    values (${accountId}, ${id}, ${url}, ${secretId}, ${verdict}, ${checkedAt})
    on conflict (account_id, endpoint_id) do update
       set url = excluded.url, secret_id = excluded.secret_id, verdict = excluded.verdict, checked_at = excluded.checked_at
     where signature_check.checked_at <= excluded.checked_at`
}
