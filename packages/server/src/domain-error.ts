/** Why the service refused what it was asked. Codes are contract; `adapters/http/problem.ts` alone knows statuses. */
export type ErrorCode =
  | 'invalid_input' // `faults` name the fields
  | 'unreadable_query' // a parameter that cannot be read as its type
  | 'invalid_range'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'conflict'
  | 'population_changed'
  | 'limit_reached'
  | 'too_many_old_keys'
  | 'endpoint_disabled'
  | 'event_type_exists'
  | 'task_running'
  | 'idempotency_key_reuse'
  | 'idempotency_in_progress'
  | 'missing_payload'
  | 'no_example'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'headers_too_large'
  | 'rate_limited'
  | 'not_implemented'
  | 'unavailable'
  | 'storage_full'

/** One wrong field: where it stands (`['body', 'eventTypes', '[0]']`), what is wrong with it, and a stable type. */
export type Fault = { loc: string[]; msg: string; type: string }

/** A refusal with a code. Neither the message nor the fields may hold a secret, a payload or personal data. */
export class DomainError extends Error {
  readonly code: ErrorCode
  readonly faults: readonly Fault[]
  /** Members that the answer carries beside code and detail, e.g. `msgId` of the event that holds an event id. */
  readonly fields: Readonly<Record<string, string>>
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    more: { faults?: Fault[]; fields?: Record<string, string>; retryAfterSeconds?: number } = {},
  ) {
    super(message)
    this.name = 'DomainError'
    this.code = code
    this.faults = more.faults ?? []
    this.fields = more.fields ?? {}
    this.retryAfterSeconds = more.retryAfterSeconds
  }
}

/** All faults go into one answer, up to this many. Source: webhook-api 5. */
export const FAULTS_MAX = 20

/** A body that cannot be taken because of these fields. */
export function invalidInput(...all: Fault[]): DomainError {
  const faults = all.slice(0, FAULTS_MAX)
  return new DomainError(
    'invalid_input',
    faults.map((fault) => `${fault.loc.slice(1).join('.')}: ${fault.msg}`).join('; '),
    {
      faults,
    },
  )
}

/** The same answer for what does not exist, is deleted, or belongs to somebody else. */
export function notFound(): DomainError {
  return new DomainError('not_found', 'Entity not found')
}
