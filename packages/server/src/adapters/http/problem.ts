import { STATUS_CODES } from 'node:http'
import { DatabaseBusy, DatabaseUnavailable, isStorageFull } from '#src/adapters/postgres/database.ts'
import { DomainError, type ErrorCode, type Fault } from '#src/domain-error.ts'

/** What a request is refused with, before it has the shape of one of the APIs. */
export type Problem = {
  status: number
  code: string
  detail: string
  faults?: readonly Fault[]
  fields?: Readonly<Record<string, string>>
  retryAfterSeconds?: number
}

const RETRY_AFTER_SECONDS = 1

/** Statuses and code words of the management API. Source: webhook-api 5. */
const MANAGEMENT: Record<ErrorCode, { status: number; code: string }> = {
  invalid_input: { status: 422, code: 'validation_error' },
  unreadable_query: { status: 400, code: 'generic_error' },
  invalid_range: { status: 400, code: 'invalid_range' },
  unauthenticated: { status: 401, code: 'authentication_failed' },
  forbidden: { status: 403, code: 'insufficient access' },
  not_found: { status: 404, code: 'not_found' },
  method_not_allowed: { status: 405, code: 'method_not_allowed' },
  not_acceptable: { status: 406, code: 'generic_error' },
  conflict: { status: 409, code: 'conflict' },
  population_changed: { status: 409, code: 'population_changed' },
  limit_reached: { status: 409, code: 'limit_reached' },
  too_many_old_keys: { status: 400, code: 'limit_reached' },
  endpoint_disabled: { status: 409, code: 'endpoint_disabled' },
  event_type_exists: { status: 409, code: 'event_type_exists' },
  task_running: { status: 409, code: 'task_running' },
  idempotency_key_reuse: { status: 409, code: 'idempotency_key_reuse' },
  idempotency_in_progress: { status: 409, code: 'idempotency_in_progress' },
  missing_payload: { status: 400, code: 'missing_payload' },
  no_example: { status: 400, code: 'invalid_scheme' },
  payload_too_large: { status: 413, code: 'payload_too_large' },
  unsupported_media_type: { status: 415, code: 'unsupported_media_type' },
  headers_too_large: { status: 431, code: 'headers_too_large' },
  rate_limited: { status: 429, code: 'rate_limited' },
  not_implemented: { status: 501, code: 'not_implemented' },
  unavailable: { status: 503, code: 'unavailable' },
  storage_full: { status: 503, code: 'storage_full' },
}

/** Where the ProducerSync API answers with another status. Source: producersync-api 3. */
const PRODUCERSYNC: Partial<Record<ErrorCode, number>> = { invalid_input: 400 }

/** Errors of RFC 6749, 5.2 (and of 4.1.2.1 where it has none). */
const OAUTH: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'invalid_client',
  rate_limited: 'temporarily_unavailable',
  unavailable: 'temporarily_unavailable',
  storage_full: 'temporarily_unavailable',
}

/** Fastify's and Node's own refusals, by their codes. */
const FRAMEWORK: Record<string, Problem> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, code: 'payload_too_large', detail: 'The body is too large.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'unsupported_media_type',
    detail: 'The body must be application/json.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: badRequest('The body has another length than declared.'),
  FST_ERR_BAD_URL: badRequest('The path holds broken percent-encoding.'),
  HPE_HEADER_OVERFLOW: { status: 431, code: 'headers_too_large', detail: 'The header fields are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'generic_error', detail: 'The request took too long to arrive.' },
  ECONNRESET: badRequest('The request ended too early.'),
}

const TOO_LONG = 'This took too long and was stopped. Where a time is asked for, a shorter one is answered sooner.'

/** Status and code word by which the management API refuses. */
export function managementStatus(code: ErrorCode): { status: number; code: string } {
  return MANAGEMENT[code]
}

/** Status by which the ProducerSync API refuses. */
export function producersyncStatus(code: ErrorCode): number {
  return PRODUCERSYNC[code] ?? MANAGEMENT[code].status
}

/** The `error` of the token endpoint for a refusal of HTTP's own. */
export function oauthWord(code: ErrorCode): string {
  return OAUTH[code] ?? 'invalid_request'
}

/** @returns null for what is a defect of the service and nobody's fault but ours */
export function problemOf(error: unknown): Problem | null {
  if (error instanceof DomainError) return ofDomain(error)
  if (isStorageFull(error)) return unavailable('storage_full', 'The service cannot store more now.')
  if (error instanceof DatabaseUnavailable) {
    // the database may be well, and the question too large: the two look the same from here
    if (error.reason === 'timed_out') return unavailable('unavailable', TOO_LONG)
    return unavailable('unavailable', 'The service cannot reach its database now.')
  }
  if (error instanceof DatabaseBusy) {
    return { status: 429, code: 'rate_limited', detail: 'The service is busy.', retryAfterSeconds: RETRY_AFTER_SECONDS }
  }
  const code = codeOf(error)
  return (code !== undefined && FRAMEWORK[code]) || null
}

export function badRequest(detail: string): Problem {
  return { status: 400, code: 'generic_error', detail }
}

export function serverError(requestId: string): Problem {
  return { status: 500, code: 'server_error', detail: `Internal error. Reference: ${requestId}` }
}

/** The body of the management API's errors: `{code, detail}`, and for 422 the faults alone. */
export function managementBody(problem: Problem): object {
  if (problem.status === 422) return { detail: problem.faults ?? [] }
  return { code: problem.code, detail: problem.detail, ...problem.fields }
}

/** As `problemOf`, with the statuses of the ProducerSync API; busy is unavailable there, as 429 stands for a spent rate limit. */
export function producersyncProblemOf(error: unknown): Problem | null {
  const problem = problemOf(error)
  if (problem === null) return null
  if (error instanceof DatabaseBusy) return { ...problem, status: 503 }
  if (!(error instanceof DomainError)) return problem
  return { ...problem, status: producersyncStatus(error.code), detail: messageOf(error) }
}

/** The body of the ProducerSync API's errors. @param path as requested, without the query */
export function producersyncBody({ status, detail }: Problem, path: string, now: Date): object {
  return { timestamp: now.toISOString(), status, error: STATUS_CODES[status] ?? '', message: detail, path }
}

/** The body of the token endpoint's errors (RFC 6749, 5.2). */
export function oauthBody(error: unknown, { status, detail }: Problem): object {
  const known = error instanceof DomainError ? OAUTH[error.code] : undefined
  const word =
    known ??
    (status === 429 || status === 503 ? 'temporarily_unavailable' : status >= 500 ? 'server_error' : 'invalid_request')
  return { error: word, error_description: detail }
}

function ofDomain(error: DomainError): Problem {
  const { status, code } = MANAGEMENT[error.code]
  const waits = status === 429 || status === 503 || error.code === 'idempotency_in_progress'
  return {
    status,
    code,
    detail: error.message,
    faults: error.faults,
    fields: error.fields,
    retryAfterSeconds: error.retryAfterSeconds ?? (waits ? RETRY_AFTER_SECONDS : undefined),
  }
}

function messageOf(error: DomainError): string {
  if (error.faults.length === 0) return error.message
  return error.faults.map(({ loc, msg }) => `${loc.slice(1).join('.') || loc[0]}: ${msg}`).join('; ')
}

function unavailable(code: string, detail: string): Problem {
  return { status: 503, code, detail, retryAfterSeconds: RETRY_AFTER_SECONDS }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
