import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Environments } from '#src/accounts/environments.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryMoment, queryOf } from '#src/adapters/http/query.ts'
import { oneOf, plainText } from '#src/adapters/http/schema.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { addressing, endpointOf } from '#src/attempts/addressed.ts'
import { readWithPending } from '#src/delivery/bundles.ts'
import { notFound } from '#src/domain-error.ts'
import { ENDPOINT_ID_PREFIX } from '#src/endpoints/endpoint.ts'
import { countByEndpoint } from '#src/statistics/attempt-counts.ts'
import { PERIODS, periodsOf } from '#src/statistics/periods.ts'
import type { Calendar } from '#src/updates/schedule.ts'
import { EndpointHealthOut, EndpointHealthPage, SummaryOut } from './answer-schemas.ts'
import { type AnswerContext, endpointHealthOut, healthRowOut, summaryOut } from './answers.ts'
import { healthOf, listHealth } from './endpoint-health.ts'
import { readWatched } from './endpoint-store.ts'
import { summaryOf } from './summary.ts'
import { ENDPOINT_STATES } from './words.ts'

export type HealthParts = {
  api: Database
  clock: Clock
  environments: Pick<Environments, 'settings'>
  calendarOf: (feed: { environment: 'production' | 'sandbox' }) => Calendar
  /** Without a slash at its end. */
  publicUrl: string
}

const TIME_MS_MAX = 10_000

const HealthQuery = Type.Object({
  from: Type.Optional(queryMoment()),
  to: Type.Optional(queryMoment()),
  bucket: Type.Optional(oneOf(PERIODS)),
})
const ListQuery = Type.Object({
  ...pageParameters,
  state: Type.Optional(oneOf(ENDPOINT_STATES)),
  q: Type.Optional(plainText(256)),
  type: Type.Optional(plainText(256)),
})

/** How endpoints and the account are doing: portal 2, rows of `E/health` and `A/summary`. */
export function registerEndpointHealthRoutes(
  routes: FastifyInstance,
  { api, clock, environments, calendarOf, publicUrl }: HealthParts,
): void {
  const readable = { config: { access: 'ViewBase' } } as const

  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await readWithPending(
      api,
      request.account.id,
      { settings: settingsOf(request), timeoutMs: TIME_MS_MAX },
      work,
    )
  }

  async function rules({ principal }: FastifyRequest) {
    const settings = await environments.settings(principal.environment)
    const { disableFailingEndpoints: disableFailing, disableAfterDays, timeoutMs, retrySchedule } = settings
    const now = clock.now()
    const context: AnswerContext = { docsUrl: `${publicUrl}/docs/troubleshooting`, timeoutMs, now }
    return { policy: { disableFailing, disableAfterDays }, context, retrySchedule, now }
  }

  const one = described(addressing(api, 'ViewBase'), {
    id: 'v1.endpoint.get-health',
    summary: 'How an endpoint is doing, and what it did in a time',
    description:
      'Without `from` the time is 24 hours, or 28 days in buckets of a day, or an hour in buckets of five minutes; the first and the last bucket are whole.',
    query: HealthQuery,
    answers: { 200: EndpointHealthOut },
    refusals: ['invalid_range'],
  })
  routes.get('/app/:app_id/endpoint/:endpoint_id/health', one, async (request) => {
    const { from, to, bucket = 'OneHour' } = queryOf(request, HealthQuery)
    const { policy, context, retrySchedule, now } = await rules(request)
    const bounds = periodsOf({ ...(from && { since: from }), ...(to && { until: to }) }, bucket, now)
    const { accountId, id, retrySchedule: own } = endpointOf(request)
    return await within(request, async (tx) => {
      const endpoint = await readWatched(tx, accountId, id)
      if (!endpoint) throw notFound()
      const [health] = await healthOf(tx, accountId, [endpoint], policy, now)
      if (!health) throw notFound()
      const counts = await countByEndpoint(tx, { accountId, endpointIds: [id] }, bounds, now)
      const times = { bounds, bucket, counts: counts.get(id) ?? new Map(), waits: own ?? retrySchedule }
      return endpointHealthOut(health, times, context)
    })
  })

  const list = described(readable, {
    id: 'v1.endpoint.list-health',
    summary: 'List endpoints with how they are doing',
    description:
      '`q`: part of the URL, the description, the uid or the id. `type`: endpoints that get events of this type.',
    query: ListQuery,
    answers: { 200: EndpointHealthPage },
  })
  routes.get('/app/:app_id/endpoint-health', list, async (request) => {
    const { state = null, q = null, type = null, ...wanted } = queryOf(request, ListQuery)
    const page = parsePage(wanted, { isKey: (text) => isId(text, ENDPOINT_ID_PREFIX), order: 'ascending' })
    const { policy, context, now } = await rules(request)
    const rows = await within(request, (tx) =>
      listHealth(tx, request.account, page, { state, q: q || null, type: type || null }, policy, now),
    )
    return toPage(
      page,
      rows,
      (row) => healthRowOut(row, context),
      ({ endpoint }) => endpoint.id,
    )
  })

  const summary = described(readable, {
    id: 'v1.application.summary',
    summary: 'How an application is doing',
    answers: { 200: SummaryOut },
  })
  routes.get('/app/:app_id/summary', summary, async (request) => {
    const { policy, context, now } = await rules(request)
    const calendar = calendarOf({ environment: request.principal.environment })
    const read = await within(request, (tx) => summaryOf(tx, request.account, policy, calendar, now))
    return summaryOut(read, context)
  })
}
