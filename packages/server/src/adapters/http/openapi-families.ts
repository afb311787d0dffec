import type { FastifyContextConfig } from 'fastify'
import Type, { type TSchema } from 'typebox'
import type { ErrorCode } from '#src/domain-error.ts'
import type { Operation } from './operation.ts'
import { managementStatus, oauthWord, producersyncStatus } from './problem.ts'

type FamilyName = NonNullable<FastifyContextConfig['family']>
type Route = { method: string; url: string; operation: Operation; isOpen: boolean }

/** One way in which an operation may refuse. `codes` are the words of its body, where it has such. */
export type Refusal = {
  family: FamilyName
  status: number
  codes: readonly string[]
  headers: readonly string[]
  schema: TSchema
}

/** What holds for every operation of a family: who may call, in what form, and what it may be refused with. */
export type FamilyRules = {
  security: readonly object[]
  requestType: string
  /** An empty body counts as one without members. */
  mayBeEmpty: boolean
  requestHeaders: (method: string) => readonly string[]
  answerType: (method: string) => string
  answerHeaders: (method: string) => readonly string[]
  refusals: (route: Route) => readonly Refusal[]
}

const HttpErrorOut = Type.Object(
  {
    code: Type.String({ description: 'Part of the contract.' }),
    detail: Type.String({ description: 'For people.' }),
    msgId: Type.Optional(Type.String({ description: 'With 409 `conflict` of an eventId: the message that has it.' })),
    taskId: Type.Optional(Type.String({ description: 'With 409 `task_running`: the task.' })),
    endpointId: Type.Optional(
      Type.String({ description: 'With 409 `task_running` and `endpoint_disabled`: the endpoint.' }),
    ),
    previewId: Type.Optional(
      Type.String({ format: 'uuid', description: 'With 409 `population_changed`: the difference as it is now.' }),
    ),
  },
  { title: 'HttpErrorOut' },
)
const HTTPValidationError = Type.Object(
  {
    detail: Type.Array(
      Type.Object(
        { loc: Type.Array(Type.String()), msg: Type.String(), type: Type.String() },
        { title: 'ValidationError', description: 'What is wrong, and where: `["body", "eventTypes", "[0]"]`.' },
      ),
      { maxItems: 20 },
    ),
  },
  { title: 'HTTPValidationError' },
)
const Problem = Type.Object(
  {
    timestamp: Type.String({ format: 'date-time' }),
    status: Type.Integer(),
    error: Type.String(),
    message: Type.String(),
    path: Type.String({ description: 'As requested, without the query.' }),
  },
  { title: 'Problem' },
)
const OAuthError = Type.Object(
  { error: Type.String(), error_description: Type.Optional(Type.String()) },
  { title: 'OAuthError', description: 'RFC 6749, 5.2.' },
)

const RATE_LIMIT = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']

export const FAMILIES: Readonly<Record<FamilyName, FamilyRules>> = {
  management: {
    security: [{ bearer: [] }],
    requestType: 'application/json',
    mayBeEmpty: true,
    requestHeaders: (method) => (method === 'POST' ? ['idempotency-key'] : []),
    answerType: () => 'application/json',
    answerHeaders: (method) => [
      'x-request-id',
      ...(method === 'GET' ? [] : ['x-ignored-fields']),
      ...(method === 'POST' ? ['x-idempotent-replay'] : []),
    ],
    refusals: (route) => {
      const codes: ErrorCode[] = ['unreadable_query', 'rate_limited', 'unavailable', 'storage_full']
      if (!route.isOpen) codes.push('unauthenticated', 'forbidden')
      if (route.url.includes(':')) codes.push('not_found')
      if (route.method !== 'GET') codes.push('payload_too_large', 'unsupported_media_type')
      if (route.method !== 'GET' || route.operation.query) codes.push('invalid_input')
      if (route.method === 'POST') codes.push('idempotency_key_reuse', 'idempotency_in_progress')
      return grouped('management', [...codes, ...(route.operation.refusals ?? [])], ofManagement)
    },
  },
  producersync: {
    security: [{ bearer: [] }],
    requestType: 'application/json',
    mayBeEmpty: false,
    requestHeaders: () => [],
    answerType: (method) => (method === 'GET' ? 'application/hal+json' : 'application/json'),
    answerHeaders: () => ['x-request-id', 'producersync-environment', ...RATE_LIMIT],
    refusals: (route) => {
      const codes: ErrorCode[] = [
        'unreadable_query',
        'unauthenticated',
        'forbidden',
        'not_acceptable',
        'rate_limited',
        'unavailable',
      ]
      if (route.method !== 'GET') codes.push('payload_too_large', 'unsupported_media_type')
      const all = [...codes, ...(route.operation.refusals ?? [])]
      return grouped('producersync', all, (code) => ({ status: producersyncStatus(code), schema: Problem }), RATE_LIMIT)
    },
  },
  portal: {
    security: [{ session: [] }, { bearer: [] }],
    requestType: 'application/json',
    mayBeEmpty: true,
    requestHeaders: () => [],
    answerType: () => 'application/json',
    answerHeaders: () => ['x-request-id'],
    refusals: (route) => {
      const codes: ErrorCode[] = ['unreadable_query', 'unauthenticated', 'forbidden', 'rate_limited', 'unavailable']
      if (route.method !== 'GET') codes.push('payload_too_large', 'unsupported_media_type', 'invalid_input')
      return grouped('portal', [...codes, ...(route.operation.refusals ?? [])], ofManagement)
    },
  },
  oauth: {
    security: [{ client: [] }, {}],
    requestType: 'application/x-www-form-urlencoded',
    mayBeEmpty: false,
    requestHeaders: () => [],
    answerType: () => 'application/json',
    answerHeaders: () => ['x-request-id'],
    refusals: () =>
      grouped(
        'oauth',
        ['unreadable_query', 'unauthenticated', 'payload_too_large', 'rate_limited', 'unavailable'],
        (code) => ({
          status: managementStatus(code).status,
          word: oauthWord(code),
          schema: OAuthError,
        }),
      ),
  },
}

function ofManagement(code: ErrorCode): ReturnType<ToRefusal> {
  const { status, code: word } = managementStatus(code)
  return status === 422 ? { status, schema: HTTPValidationError } : { status, word, schema: HttpErrorOut }
}

type ToRefusal = (code: ErrorCode) => { status: number; word?: string | undefined; schema: TSchema }

function grouped(
  family: FamilyName,
  codes: readonly ErrorCode[],
  toRefusal: ToRefusal,
  headers: readonly string[] = [],
): Refusal[] {
  const byStatus = new Map<number, Refusal & { codes: string[] }>()
  for (const code of codes) {
    const { status, word, schema } = toRefusal(code)
    const known = byStatus.get(status)
    const refusal = known ?? { family, status, codes: [], headers: headersOf(status, headers), schema }
    if (word !== undefined && !refusal.codes.includes(word)) refusal.codes.push(word)
    byStatus.set(status, refusal)
  }
  for (const refusal of byStatus.values()) refusal.codes.sort()
  const { schema } = toRefusal('unavailable')
  const word = toRefusal('unavailable').word === undefined ? [] : ['server_error']
  byStatus.set(500, { family, status: 500, codes: word, headers: headersOf(500, headers), schema })
  return [...byStatus.values()].sort((one, other) => one.status - other.status)
}

function headersOf(status: number, more: readonly string[]): string[] {
  const waits = status === 429 || status === 503 ? ['retry-after'] : []
  return ['x-request-id', ...more, ...waits, ...(status === 401 ? ['www-authenticate'] : [])]
}
