import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Environments } from '#src/accounts/environments.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, parseWindow, toPage } from '#src/adapters/http/pages.ts'
import { queryList, queryMoment, queryOf } from '#src/adapters/http/query.ts'
import { plainText } from '#src/adapters/http/schema.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { readWithPending } from '#src/delivery/bundles.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { notFound } from '#src/domain-error.ts'
import { ENDPOINT_ID_PREFIX } from '#src/endpoints/endpoint.ts'
import { checkRange, type Range } from '#src/tally/range.ts'
import { countIn } from '#src/tally/store.ts'
import { addressing, attemptOf, endpointOf, eventOf, findEndpoint } from './addressed.ts'
import {
  AttemptHeadersOut,
  AttemptOut,
  AttemptPage,
  DestinationPage,
  EndpointStatsOut,
  StandingPage,
} from './answer-schemas.ts'
import {
  attemptHeadersOut,
  attemptOut,
  destinationOut,
  endingOfStatus,
  endpointCountsOut,
  eventStandingOut,
  pageOut,
  standingOfStatus,
} from './answers.ts'
import { listDestinations, listEventsOf } from './standing-store.ts'
import { type AttemptsOf, countPlanned, listAttempts, readAttemptHeaders } from './store.ts'

export type AttemptParts = {
  api: Database
  clock: Clock
  environments: Pick<Environments, 'settings'>
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

/** Lists may have to look through many rows for the few that pass a filter. */
const LIST_MS_MAX = 10_000
const STATS_DAYS_MAX = 28
/** What has just been made still counts as made by now: ids tell times apart by so much. */
const ID_STEP_MS = 4

const expanded = { expanded_statuses: Type.Optional(Type.Boolean()) }
const content = { with_content: Type.Optional(Type.Boolean()) }
const listQuery = {
  ...pageParameters,
  ...expanded,
  ...content,
  before: Type.Optional(queryMoment()),
  after: Type.Optional(queryMoment()),
  status: Type.Optional(Type.Integer({ minimum: 0, maximum: 4 })),
  channel: Type.Optional(plainText(128)),
  tag: Type.Optional(plainText(128)),
  event_types: Type.Optional(queryList(plainText(256), 250)),
}
const AttemptsQuery = Type.Object({
  ...listQuery,
  status_code_class: Type.Optional(Type.Unsafe<number>({ type: 'integer', enum: [0, 100, 200, 300, 400, 500] })),
  with_msg: Type.Optional(Type.Boolean()),
  endpoint_id: Type.Optional(plainText(256)),
})
const EventsQuery = Type.Object(listQuery)
const AttemptQuery = Type.Object(expanded)
const DestinationsQuery = Type.Object({ ...pageParameters, ...expanded })
const StatsQuery = Type.Object({ since: Type.Optional(queryMoment()), until: Type.Optional(queryMoment()) })

/** What has been attempted, and how it stands: webhook-api 7, 8.1 (`E/stats`) and 8.2. */
export function registerAttemptRoutes(
  routes: FastifyInstance,
  { api, clock, environments, publicUrl }: AttemptParts,
): void {
  const docsUrl = `${publicUrl}/docs/troubleshooting`
  const read = addressing(api, 'ViewBase')

  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await readWithPending(
      api,
      request.account.id,
      { settings: settingsOf(request), timeoutMs: LIST_MS_MAX },
      work,
    )
  }

  async function kept({ principal }: FastifyRequest): Promise<{ now: Date; keptDays: number }> {
    const { messageRetentionDays: keptDays } = await environments.settings(principal.environment)
    return { now: clock.now(), keptDays }
  }

  async function attemptsOf(request: FastifyRequest) {
    const query = queryOf(request, AttemptsQuery)
    const page = parseWindow(query, { prefix: ATTEMPT_ID_PREFIX, ...(await kept(request)) })
    const ending = query.status === undefined ? null : endingOfStatus(query.status)
    const view = { expanded: query.expanded_statuses ?? false, withContent: query.with_content ?? true }
    const filter = {
      ...filterOf(query),
      statusCodeClass: query.status_code_class ?? null,
      withContent: view.withContent,
      withEvent: query.with_msg ?? false,
    }
    const rows = await within(request, async (tx) => {
      const of = await subjectOf(tx, request, query.endpoint_id)
      return ending === undefined || of === undefined
        ? []
        : await listAttempts(tx, request.account, of, page, { ...filter, ending })
    })
    return toPage(
      page,
      rows,
      (attempt) => attemptOut(attempt, docsUrl, view),
      (attempt) => attempt.id,
    )
  }

  const attempts = { query: AttemptsQuery, answers: { 200: AttemptPage } }
  const byEndpoint = described(read, {
    id: 'v1.message-attempt.list-by-endpoint',
    summary: 'List the attempts of an endpoint',
    ...attempts,
  })
  routes.get('/app/:app_id/attempt/endpoint/:endpoint_id', byEndpoint, attemptsOf)
  const byMessage = described(read, {
    id: 'v1.message-attempt.list-by-msg',
    summary: 'List the attempts of a message',
    ...attempts,
  })
  routes.get('/app/:app_id/attempt/msg/:msg_id', byMessage, attemptsOf)
  const ofMessage = described(read, {
    id: 'v1.message-attempt.list-of-msg',
    summary: 'An older form of list-by-msg',
    ...attempts,
  })
  routes.get('/app/:app_id/msg/:msg_id/attempt', ofMessage, attemptsOf)
  const ofBoth = described(read, {
    id: 'v1.message-attempt.list-of-msg-by-endpoint',
    summary: 'An older form of list-by-msg, for one endpoint',
    ...attempts,
  })
  routes.get('/app/:app_id/msg/:msg_id/endpoint/:endpoint_id/attempt', ofBoth, attemptsOf)

  const get = described(read, {
    id: 'v1.message-attempt.get',
    summary: 'Read an attempt',
    query: AttemptQuery,
    answers: { 200: AttemptOut },
  })
  routes.get('/app/:app_id/msg/:msg_id/attempt/:attempt_id', get, async (request) => {
    const { expanded_statuses: isExpanded = false } = queryOf(request, AttemptQuery)
    return attemptOut(attemptOf(request), docsUrl, { expanded: isExpanded, withContent: true })
  })

  const getHeaders = described(read, {
    id: 'v1.message-attempt.get-headers',
    summary: 'Read the headers of an attempt',
    answers: { 200: AttemptHeadersOut },
  })
  routes.get('/app/:app_id/msg/:msg_id/attempt/:attempt_id/headers', getHeaders, async (request) => {
    const { id } = attemptOf(request)
    const headers = await within(request, (tx) => readAttemptHeaders(tx, request.account.id, eventOf(request).id, id))
    if (!headers) throw notFound()
    return attemptHeadersOut(headers)
  })

  const destinations = described(read, {
    id: 'v1.message-attempt.list-attempted-destinations',
    summary: 'List the endpoints that a message went to or is to go to',
    query: DestinationsQuery,
    answers: { 200: DestinationPage },
  })
  routes.get('/app/:app_id/msg/:msg_id/endpoint', destinations, async (request) => {
    const query = queryOf(request, DestinationsQuery)
    const page = parsePage(query, { isKey: (text) => isId(text, ENDPOINT_ID_PREFIX), order: 'ascending' })
    const rows = await within(request, (tx) => listDestinations(tx, request.account.id, eventOf(request).id, page))
    return toPage(
      page,
      rows,
      (destination) => destinationOut(destination, query.expanded_statuses ?? false),
      ({ endpoint }) => endpoint.id,
    )
  })

  const messages = described(read, {
    id: 'v1.message-attempt.list-attempted-messages',
    summary: 'List the messages of an endpoint, and how they stand',
    description:
      'Where very much is planned, a page by `status` 1 or 3 may hold fewer messages than its limit, or none, before all have been ' +
      'looked at: `done` is then false, and `iterator` (`prevIterator` when paging back) goes on where it ended.',
    query: EventsQuery,
    answers: { 200: StandingPage },
  })
  routes.get('/app/:app_id/endpoint/:endpoint_id/msg', messages, async (request, reply) => {
    const query = queryOf(request, EventsQuery)
    const page = parseWindow(query, { prefix: 'msg_', ...(await kept(request)) })
    const view = { expanded: query.expanded_statuses ?? false, withContent: query.with_content ?? true }
    const wanted = query.status === undefined ? null : standingOfStatus(query.status)
    const filter = { ...filterOf(query), withContent: view.withContent }
    const { rows, stoppedAt } = await within(request, (tx) =>
      listEventsOf(tx, endpointOf(request), page, wanted, filter),
    )
    const answer = toPage(
      page,
      rows,
      (row) => eventStandingOut(row, view),
      ({ event }) => event.id,
      stoppedAt,
    )
    return await reply.type('application/json').send(pageOut(answer))
  })

  const stats = described(read, {
    id: 'v1.endpoint.get-stats',
    summary: 'Count the attempts of an endpoint',
    query: StatsQuery,
    answers: { 200: EndpointStatsOut },
    refusals: ['invalid_range'],
  })
  routes.get('/app/:app_id/endpoint/:endpoint_id/stats', stats, async (request) => {
    const now = clock.now()
    const range = statsRange(queryOf(request, StatsQuery), now)
    const { accountId, id: endpointId } = endpointOf(request)
    return await within(request, async (tx) =>
      endpointCountsOut(
        await countIn(tx, { accountId, endpointId }, range, now),
        await countPlanned(tx, endpointOf(request), range),
      ),
    )
  })
}

/** @returns undefined when the path and the filter name two different endpoints */
async function subjectOf(
  tx: Queryable,
  request: FastifyRequest,
  filtered: string | undefined,
): Promise<AttemptsOf | undefined> {
  const { event, endpoint } = request.addressed
  const wanted = filtered === undefined ? endpoint : await findEndpoint(tx, request.account.id, filtered)
  if (endpoint && wanted?.id !== endpoint.id) return undefined
  if (event) return { event, endpointId: wanted?.id ?? null }
  return { event: null, endpointId: endpointOf(request).id }
}

function filterOf(query: { event_types?: string[]; channel?: string; tag?: string }) {
  return {
    types: query.event_types?.length ? query.event_types : null,
    channel: query.channel ?? null,
    tag: query.tag ?? null,
  }
}

/**
 * The time that statistics are asked for.
 * @throws DomainError invalid_range. Source: webhook-api 8.1
 */
function statsRange({ since, until }: { since?: Date; until?: Date }, now: Date): Range {
  const to = until ?? now
  const from = since ?? addMs(to, -STATS_DAYS_MAX * 86_400_000)
  checkRange({ since: from, until: to }, now, STATS_DAYS_MAX)
  return { since: from, until: until ?? addMs(now, ID_STEP_MS) }
}
