/** One fault of a refused body or query: where (`body`, field, …) and what is wrong with it. */
export type Fault = { loc: (string | number)[]; msg: string }

/** A refusal by the service, or (status 0) no answer at all. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly faults: readonly Fault[]
  /** For the operator: finds the request in the service's log. Null when there was no answer. */
  readonly requestId: string | null
  readonly retryAfterSeconds: number | null
  /** The whole body, for refusals that say more. */
  readonly fields: Readonly<Record<string, unknown>>

  constructor(of: {
    status: number
    code: string
    detail: string
    faults?: readonly Fault[]
    requestId?: string | null
    retryAfterSeconds?: number | null
    fields?: Readonly<Record<string, unknown>>
  }) {
    super(of.detail)
    this.name = 'ApiError'
    this.status = of.status
    this.code = of.code
    this.faults = of.faults ?? []
    this.requestId = of.requestId ?? null
    this.retryAfterSeconds = of.retryAfterSeconds ?? null
    this.fields = of.fields ?? {}
  }

  /** What is wrong with one field of the body; undefined when nothing is. */
  faultOf(field: string): string | undefined {
    return this.faults.find((fault) => fault.loc[1] === field)?.msg
  }
}

export type RequestOptions = {
  method?: string
  body?: unknown
  /** As it goes out, instead of `body`. */
  rawBody?: BodyInit
  contentType?: string
  token?: string
  /** Why staff change something inside an account. */
  reason?: string
  idempotencyKey?: string
  signal?: AbortSignal
}

const ANSWER_MS_MAX = 30_000

/**
 * One request to this service, by its path from the root.
 * @throws ApiError for every refusal, and when there is no answer
 */
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  const { method = 'GET', body, rawBody, contentType, token, reason, idempotencyKey, signal } = options
  const headers = new Headers({ accept: 'application/json' })
  if (body !== undefined) headers.set('content-type', 'application/json')
  if (contentType !== undefined) headers.set('content-type', contentType)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (reason !== undefined && method !== 'GET') headers.set('x-staff-reason', encodeURIComponent(reason))
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey)
  const limit = AbortSignal.timeout(ANSWER_MS_MAX)
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers,
      body: rawBody ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: 'no-store',
      redirect: 'error',
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError({ status: 0, code: 'no_answer', detail: 'The service did not answer.' })
  }
  if (!response.ok) throw await errorOf(response)
  return response
}

/** The refusal in an answer of either API: `{code, detail}`, `{detail: faults}`, or the ProducerSync API's problem. */
async function errorOf(response: Response): Promise<ApiError> {
  const { status, headers } = response
  const requestId = headers.get('x-request-id')
  const retryAfter = Number(headers.get('retry-after'))
  const retryAfterSeconds = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null
  const read = toRefusal(await response.json().catch(() => null))
  return new ApiError({ status, requestId, retryAfterSeconds, ...read })
}

/** @param body  of the answer, whatever it is */
function toRefusal(body: unknown): { code: string; detail: string; faults: Fault[]; fields: Record<string, unknown> } {
  const fields: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {}
  const faults = [fields.detail, fields.errors].find(Array.isArray)?.filter(isFault) ?? []
  const detail = [fields.detail, fields.message, fields.title].find((text) => typeof text === 'string')
  const [first] = faults
  return {
    code: typeof fields.code === 'string' ? fields.code : faults.length > 0 ? 'validation_error' : 'unknown',
    detail: detail ?? (first ? `${first.loc.slice(1).join('.')}: ${first.msg}` : 'The service refused this.'),
    faults,
    fields,
  }
}

function isFault(value: unknown): value is Fault {
  return (
    typeof value === 'object' &&
    value !== null &&
    'loc' in value &&
    Array.isArray(value.loc) &&
    'msg' in value &&
    typeof value.msg === 'string'
  )
}
