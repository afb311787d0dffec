import type { Environment } from '#src/accounts/principal.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import { isUniqueViolation, type Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { DomainError } from '#src/domain-error.ts'
import type { Effects } from './change.ts'
import type {
  DisabledReason,
  Endpoint,
  EndpointName,
  EndpointSettings,
  Ordering,
  SignatureVerdict,
} from './endpoint.ts'

type EndpointRow = {
  id: string
  account_id: string
  environment: Environment
  shard: number
  uid: string | null
  url: string
  description: string
  event_types: string[] | null
  channels: string[] | null
  metadata: Record<string, string>
  throttle_rate: number | null
  timeout_ms: number | null
  retry_schedule: number[] | null
  max_concurrency: number | null
  ordering: Ordering
  disabled: boolean
  disabled_reason: DisabledReason | null
  failing_since: Date | null
  signature_check: [SignatureVerdict, string] | null
  created_at: Date
  updated_at: Date
}

const columns = sql`id, account_id, environment, shard, uid, url, description, event_types, channels, metadata, throttle_rate,
  timeout_ms, retry_schedule, max_concurrency, ordering, disabled, disabled_reason, failing_since, created_at, updated_at,
  (select json_build_array(c.verdict, c.checked_at) from signature_check c
     join endpoint_secret s on s.account_id = c.account_id and s.endpoint_id = c.endpoint_id and s.id = c.secret_id
    where c.account_id = endpoint.account_id and c.endpoint_id = endpoint.id and c.url = endpoint.url
      and s.expires_at is null) as signature_check`

function toEndpoint(row: EndpointRow): Endpoint {
  return {
    id: row.id,
    accountId: row.account_id,
    environment: row.environment,
    shard: row.shard,
    uid: row.uid,
    url: row.url,
    description: row.description,
    eventTypes: row.event_types,
    channels: row.channels,
    metadata: row.metadata,
    throttleRate: row.throttle_rate,
    timeoutMs: row.timeout_ms,
    retrySchedule: row.retry_schedule,
    maxConcurrency: row.max_concurrency,
    ordering: row.ordering,
    disabled: row.disabled,
    disabledReason: row.disabled_reason,
    failingSince: row.failing_since,
    signatureCheck: row.signature_check && {
      verdict: row.signature_check[0],
      checkedAt: new Date(row.signature_check[1]),
    },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function first(rows: EndpointRow[]): Endpoint | undefined {
  const [row] = rows
  return row && toEndpoint(row)
}

/** The rows of a page of an account's endpoints, by id, and one more when there are more. */
export async function listEndpoints(tx: Queryable, accountId: string, page: Page): Promise<Endpoint[]> {
  const within = sql`account_id = ${accountId} and deleted_at is null
           and (${page.above}::text is null or id > ${page.above}) and (${page.below}::text is null or id < ${page.below})`
  const rows =
    page.read === 'ascending'
      ? await tx.query<EndpointRow>`select ${columns} from endpoint where ${within} order by id limit ${page.limit + 1}`
      : await tx.query<EndpointRow>`select ${columns} from endpoint where ${within} order by id desc limit ${page.limit + 1}`
  return rows.map(toEndpoint)
}

export async function readEndpoint(
  tx: Queryable,
  accountId: string,
  name: EndpointName,
): Promise<Endpoint | undefined> {
  return 'id' in name
    ? first(
        await tx.query<EndpointRow>`
          select ${columns} from endpoint
           where account_id = ${accountId} and id = ${name.id} and deleted_at is null`,
      )
    : first(
        await tx.query<EndpointRow>`
          select ${columns} from endpoint
           where account_id = ${accountId} and uid = ${name.uid} and deleted_at is null`,
      )
}

/** As `readEndpoint`; the row stays as it is read until the transaction ends. */
export async function lockEndpoint(tx: Queryable, accountId: string, id: string): Promise<Endpoint | undefined> {
  return first(
    await tx.query<EndpointRow>`
      select ${columns} from endpoint
       where account_id = ${accountId} and id = ${id} and deleted_at is null
         for no key update`,
  )
}

export type NewEndpoint = {
  id: string
  accountId: string
  environment: Environment
  settings: EndpointSettings
  sealedHeaders: Buffer | null
  now: Date
}

/**
 * Adds an endpoint unless its account has `endpointsMax` of them. Creations of one account go one after the other, so
 * the number counted is the number there is.
 * @returns the endpoint, or why there is none: the account has been deleted, is full, or has the uid already
 */
export async function addEndpoint(
  tx: Queryable,
  { id, accountId, environment, settings, sealedHeaders, now }: NewEndpoint,
  endpointsMax: number,
): Promise<Endpoint | 'no_account' | 'uid_taken' | 'limit_reached'> {
  const accounts = await tx.query`
    select id from account where id = ${accountId} and deleted_at is null for no key update`
  if (accounts.length === 0) return 'no_account'
  const added = first(
    await tx.query<EndpointRow>`
      insert into endpoint (account_id, id, environment, uid, url, description, event_types, channels, metadata, throttle_rate,
                            timeout_ms, retry_schedule, max_concurrency, ordering, headers, disabled, disabled_reason,
                            created_at, updated_at)
      select ${accountId}, ${id}, ${environment}, ${settings.uid}, ${settings.url}, ${settings.description},
             ${settings.eventTypes}::text[], ${settings.channels}::text[], ${settings.metadata}::jsonb,
             ${settings.throttleRate}::integer, ${settings.timeoutMs}::integer, ${settings.retrySchedule}::integer[],
             ${settings.maxConcurrency}::integer, ${settings.ordering}, ${sealedHeaders}::bytea,
             ${settings.disabled}::boolean, ${settings.disabled ? 'manual' : null},
             ${now}::timestamptz, ${now}::timestamptz
       where ${endpointsMax}::integer >
             (select count(*) from endpoint e where e.account_id = ${accountId} and e.deleted_at is null)
      on conflict (account_id, uid) where deleted_at is null do nothing
      returning ${columns}`,
  )
  if (added) return added
  const taken = settings.uid !== null && (await readEndpoint(tx, accountId, { uid: settings.uid }))
  return taken ? 'uid_taken' : 'limit_reached'
}

/**
 * Writes an endpoint's settings and what follows from the change, on a row that the transaction holds.
 * @throws DomainError conflict: another endpoint has the uid
 */
export async function saveEndpoint(
  tx: Queryable,
  { accountId, id }: { accountId: string; id: string },
  settings: EndpointSettings,
  effects: Effects,
  now: Date,
): Promise<Endpoint | undefined> {
  const forgiven = effects.moved || effects.turned === 'enabled'
  try {
    return first(
      await tx.query<EndpointRow>`
        update endpoint
           set uid = ${settings.uid}, url = ${settings.url}, description = ${settings.description},
               event_types = ${settings.eventTypes}::text[], channels = ${settings.channels}::text[],
               metadata = ${settings.metadata}::jsonb, throttle_rate = ${settings.throttleRate}::integer,
               timeout_ms = ${settings.timeoutMs}::integer, retry_schedule = ${settings.retrySchedule}::integer[],
               max_concurrency = ${settings.maxConcurrency}::integer, ordering = ${settings.ordering},
               disabled = ${settings.disabled}::boolean,
               disabled_reason = case when not ${settings.disabled}::boolean then null
                                      else coalesce(disabled_reason, 'manual') end,
               canceled_before = case when ${effects.turned === 'disabled'}::boolean then ${now}::timestamptz
                                      else canceled_before end,
               disabled_at = case ${effects.turned} when 'disabled' then ${now}::timestamptz
                                                    when 'enabled' then null else disabled_at end,
               proven_at = case when ${effects.moved}::boolean then null else proven_at end,
               certificate_ends_at = case when ${effects.moved}::boolean then null else certificate_ends_at end,
               url_set_at = case when ${effects.moved}::boolean then ${now}::timestamptz else url_set_at end,
               recovered_at = case when ${effects.moved}::boolean then null
                                   when ${effects.turned === 'enabled'}::boolean then ${now}::timestamptz else recovered_at end,
               paused_since = case when ${forgiven}::boolean then null else paused_since end,
               paused_until = case when ${forgiven}::boolean then null else paused_until end,
               failing_since = case when ${forgiven}::boolean then null else failing_since end,
               failures = case when ${forgiven}::boolean then 0 else failures end,
               warned_percent = case when ${forgiven}::boolean then 0 else warned_percent end,
               last_attempt_at = case when ${forgiven}::boolean then null else last_attempt_at end,
               version = version + ${effects.obeyed ? 1 : 0}::integer,
               updated_at = ${now}
         where account_id = ${accountId} and id = ${id} and deleted_at is null
        returning ${columns}`,
    )
  } catch (error) {
    if (isUniqueViolation(error, 'endpoint_uid')) throw uidTaken()
    throw error
  }
}

export function uidTaken(): DomainError {
  return new DomainError('conflict', 'An endpoint of this application has this uid.')
}

/**
 * Ends an endpoint at once: its uid is free, its planned deliveries are canceled, its secrets and headers are gone.
 * The row stays, as attempts name it.
 * @returns false when it had been deleted before
 */
export async function endEndpoint(tx: Queryable, accountId: string, id: string, now: Date): Promise<boolean> {
  const rows = await tx.query`
    update endpoint
       set deleted_at = ${now}, canceled_before = ${now}, headers = null, version = version + 1, updated_at = ${now}
     where account_id = ${accountId} and id = ${id} and deleted_at is null
    returning id`
  if (rows.length === 0) return false
  await tx.query`delete from endpoint_secret where account_id = ${accountId} and endpoint_id = ${id}`
  return true
}

/** The sealed headers of an endpoint. */
export async function readHeaders(tx: Queryable, accountId: string, id: string): Promise<Buffer | null> {
  const [row] = await tx.query<{ headers: Buffer | null }>`
    select headers from endpoint where account_id = ${accountId} and id = ${id}`
  return row?.headers ?? null
}

export async function saveHeaders(
  tx: Queryable,
  { accountId, id }: { accountId: string; id: string },
  sealed: Buffer | null,
  now: Date,
): Promise<void> {
  await tx.query`
    update endpoint set headers = ${sealed}::bytea, version = version + 1, updated_at = ${now}
     where account_id = ${accountId} and id = ${id} and deleted_at is null`
}

/** A secret as it is stored; `expiresAt` null marks the current one, of which the schema allows one. */
export type SealedSecret = { id: string; secret: Buffer; createdAt: Date; expiresAt: Date | null }

/** The current secret first, then former ones that still sign, newest first. */
export async function readSecrets(
  tx: Queryable,
  accountId: string,
  endpointId: string,
  now: Date,
): Promise<SealedSecret[]> {
  const rows = await tx.query<{ id: string; secret: Buffer; created_at: Date; expires_at: Date | null }>`
    select id, secret, created_at, expires_at from endpoint_secret
     where account_id = ${accountId} and endpoint_id = ${endpointId} and (expires_at is null or expires_at > ${now})
     order by expires_at is null desc, id desc`
  return rows.map((row) => ({
    id: row.id,
    secret: row.secret,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }))
}

export async function addSecret(
  tx: Queryable,
  owner: { accountId: string; id: string },
  secret: { id: string; sealed: Buffer },
  now: Date,
): Promise<void> {
  await tx.query`
    insert into endpoint_secret (account_id, endpoint_id, id, secret, created_at, expires_at)
    values (${owner.accountId}, ${owner.id}, ${secret.id}, ${secret.sealed}, ${now}, null)`
}

/** Removes what no longer signs and the secrets named, and lets the current one sign until `currentUntil`. */
export async function retireSecrets(
  tx: Queryable,
  owner: { accountId: string; id: string },
  removedIds: readonly string[],
  currentUntil: Date,
  now: Date,
): Promise<void> {
  await tx.query`
    delete from endpoint_secret
     where account_id = ${owner.accountId} and endpoint_id = ${owner.id}
       and (expires_at <= ${now} or id = any (${removedIds}::text[]))`
  await tx.query`
    update endpoint_secret set expires_at = ${currentUntil}
     where account_id = ${owner.accountId} and endpoint_id = ${owner.id} and expires_at is null`
}

/** Ends a former secret at once. @returns false when it signs no longer; 'current' when it is no former one */
export async function endSecret(
  tx: Queryable,
  owner: { accountId: string; id: string },
  secretId: string,
  now: Date,
): Promise<boolean | 'current'> {
  const [held] = await tx.query<{ expires_at: Date | null }>`
    select expires_at from endpoint_secret
     where account_id = ${owner.accountId} and endpoint_id = ${owner.id} and id = ${secretId}
       for update`
  if (!held) return false
  if (held.expires_at === null) return 'current'
  await tx.query`
    delete from endpoint_secret
     where account_id = ${owner.accountId} and endpoint_id = ${owner.id} and id = ${secretId}`
  return held.expires_at > now
}

/** Tells those who hold the endpoint in memory that something attempts must obey is different. */
export async function touchEndpoint(tx: Queryable, owner: { accountId: string; id: string }, now: Date): Promise<void> {
  await tx.query`
    update endpoint set version = version + 1, updated_at = ${now}
     where account_id = ${owner.accountId} and id = ${owner.id} and deleted_at is null`
}
