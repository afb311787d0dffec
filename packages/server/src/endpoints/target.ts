import type { DataKeys } from '#src/accounts/encryption.ts'
import { toSettings } from '#src/accounts/environment-settings.ts'
import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Ordering } from './endpoint.ts'
import type { Headers } from './headers.ts'
import { openHeaders, openSecret } from './sealed.ts'
import type { SigningSecret } from './signing-secret.ts'

/** Everything that attempts at an endpoint need and obey, with what the endpoint leaves open filled in. */
export type Target = {
  accountId: string
  endpointId: string
  environment: Environment
  url: string
  /** Grows with every change of what stands here, the two groups below excepted. */
  version: number
  disabled: boolean
  deletedAt: Date | null
  /** Planned deliveries made before this moment are canceled. */
  canceledBefore: Date | null

  /** First 2xx since the URL was set. */
  provenAt: Date | null
  failureClock: { failingSince: Date | null; failures: number; lastAttemptAt: Date | null; warnedPercent: number }
  /** Of the certificate that the receiver has shown; null: none since the URL was set. */
  certificateEndsAt: Date | null

  /** From the environment's settings and, for `throttleRate`, the account: they change without the version. */
  failurePolicy: { disableFailing: boolean; disableAfterDays: number }
  throttleRate: number | null // requests started per second, the endpoint's or else the account's; null: no limit
  timeoutMs: number
  retrySchedule: readonly number[] // waits in seconds after each failed attempt
  maxConcurrency: number // 1 when `fifo`
  ordering: Ordering

  headers: Headers
  /** The current secret first; a former one signs until `signsUntil`. None once the endpoint is deleted. */
  secrets: { secret: SigningSecret; signsUntil: Date | null }[]
}

type TargetRow = {
  account_id: string
  id: string
  environment: Environment
  url: string
  version: number
  disabled: boolean
  deleted_at: Date | null
  canceled_before: Date | null
  proven_at: Date | null
  failing_since: Date | null
  failures: number
  last_attempt_at: Date | null
  warned_percent: number
  certificate_ends_at: Date | null
  throttle_rate: number | null
  timeout_ms: number | null
  retry_schedule: number[] | null
  max_concurrency: number | null
  ordering: Ordering
  headers: Buffer | null
  data_key: Buffer | null // null, as the next and the secrets, where the endpoint is still of the version that is known
  settings: Record<string, unknown>
  secrets: Buffer[] | null
  sign_until: (Date | null)[] | null
}

/** An endpoint to read; of one whose version is still that of `target`, headers and secrets are not opened again. */
export type TargetKey = { accountId: string; endpointId: string; target?: Target | null }

/**
 * Reads endpoints as a worker sends to them, deleted ones included, in one statement however many there are.
 * @param worker  of role `worker`
 * @param now     secrets whose overlap has ended by then are left out, where they are opened
 * @returns in no particular order; what does not exist is missing
 * @throws CannotOpen: stored secrets are not this master key's
 */
export async function readTargets(
  worker: Queryable,
  keys: readonly TargetKey[],
  dataKeys: Pick<DataKeys, 'of'>,
  now: Date,
): Promise<Target[]> {
  const known = new Map(keys.map(({ endpointId, target }) => [endpointId, target]))
  const rows = await worker.query<TargetRow>`
    select e.account_id, e.id, e.environment, e.url, e.version, e.disabled, e.deleted_at, e.canceled_before, e.proven_at,
           e.failing_since, e.failures, e.last_attempt_at, e.warned_percent, e.certificate_ends_at,
           coalesce(e.throttle_rate, a.throttle_rate) as throttle_rate, e.timeout_ms, e.retry_schedule, e.max_concurrency,
           e.ordering, environment.settings, sealed.headers, sealed.data_key, signing.secrets, signing.sign_until
      from unnest(${keys.map((key) => key.accountId)}::text[], ${keys.map((key) => key.endpointId)}::text[],
                  ${keys.map((key) => key.target?.version ?? null)}::bigint[])
             as wanted (account_id, id, version)
      join endpoint e on e.account_id = wanted.account_id and e.id = wanted.id
      join account a on a.id = e.account_id
      join environment on environment.name = e.environment
      left join lateral (select e.headers, a.data_key where e.version is distinct from wanted.version) as sealed on true
      left join lateral (
             select array_agg(s.secret order by s.expires_at is null desc, s.id desc) as secrets,
                    array_agg(s.expires_at order by s.expires_at is null desc, s.id desc) as sign_until
               from endpoint_secret s
              where s.account_id = e.account_id and s.endpoint_id = e.id and e.deleted_at is null
                and e.version is distinct from wanted.version
                and (s.expires_at is null or s.expires_at > ${now}::timestamptz)) as signing on true`
  return rows.map((row) => toTarget(row, sealedPartsOf(row, known.get(row.id), dataKeys)))
}

type SealedParts = Pick<Target, 'headers' | 'secrets'>

function sealedPartsOf(
  row: TargetRow,
  known: SealedParts | null | undefined,
  dataKeys: Pick<DataKeys, 'of'>,
): SealedParts {
  if (row.data_key === null) {
    if (!known) throw new Error('what is known of an endpoint was not given')
    return { headers: known.headers, secrets: known.secrets }
  }
  const owner = { accountId: row.account_id, id: row.id }
  const key = dataKeys.of(row.account_id, row.data_key)
  return {
    headers: openHeaders(key, owner, row.headers),
    secrets: (row.secrets ?? []).map((sealed, index) => ({
      secret: openSecret(key, owner, sealed),
      signsUntil: row.sign_until?.[index] ?? null,
    })),
  }
}

function toTarget(row: TargetRow, sealedParts: SealedParts): Target {
  const settings = toSettings(row.settings)
  return {
    accountId: row.account_id,
    endpointId: row.id,
    environment: row.environment,
    url: row.url,
    version: row.version,
    disabled: row.disabled,
    deletedAt: row.deleted_at,
    canceledBefore: row.canceled_before,
    provenAt: row.proven_at,
    failureClock: {
      failingSince: row.failing_since,
      failures: row.failures,
      lastAttemptAt: row.last_attempt_at,
      warnedPercent: row.warned_percent,
    },
    certificateEndsAt: row.certificate_ends_at,
    failurePolicy: { disableFailing: settings.disableFailingEndpoints, disableAfterDays: settings.disableAfterDays },
    throttleRate: row.throttle_rate,
    timeoutMs: row.timeout_ms ?? settings.timeoutMs,
    retrySchedule: row.retry_schedule ?? settings.retrySchedule,
    maxConcurrency: row.ordering === 'fifo' ? 1 : (row.max_concurrency ?? settings.maxConcurrency),
    ordering: row.ordering,
    ...sealedParts,
  }
}
