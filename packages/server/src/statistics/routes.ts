import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { InternalAccounts } from '#src/accounts/internal-account.ts'
import type { Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { momentOf } from '#src/adapters/http/moment.ts'
import { described } from '#src/adapters/http/operation.ts'
import { queryList, queryMoment, queryOf } from '#src/adapters/http/query.ts'
import { listOf, momentText, nullable, oneOf, patternText, plainText } from '#src/adapters/http/schema.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { invalidInput } from '#src/domain-error.ts'
import { checkRange } from '#src/tally/range.ts'
import { countByPeriod, countByType, findAccounts } from '#src/tally/store.ts'
import { StartedTaskOut } from '#src/tasks/answer-schemas.ts'
import { startTask } from '#src/tasks/start.ts'
import { startedTaskOut } from '#src/tasks/task.ts'
import { AttemptCountsOut, PeriodCountsOut, StartedUsageOut } from './answer-schemas.ts'
import { PERIODS, periodsOf } from './periods.ts'
import { CHOSEN_TYPES, USAGE_BY_ACCOUNT, type UsageParameters } from './work.ts'

export type StatisticsParts = {
  api: Database
  clock: Clock
  ids: IdSource
  idempotency: Idempotency
  internal: Pick<InternalAccounts, 'of'>
  /** `TaskRunner.wake`, where this process has one. */
  wakeTasks: () => void
}

const TIME_MS_MAX = 10_000
const DAYS_MAX = 28
const USAGE_DAYS_MAX = 90

const types = { event_types: Type.Optional(queryList(plainText(256), 250)) }
const TypesQuery = Type.Object({ since: queryMoment(), until: queryMoment(), ...types })
const PeriodsQuery = Type.Object({
  startDate: Type.Optional(queryMoment()),
  endDate: Type.Optional(queryMoment()),
  period: Type.Optional(oneOf(PERIODS)),
  ...types,
})
/** An id or a uid; those that name nothing are answered, so they have the form of one. */
const applicationName = patternText(/^[a-zA-Z0-9\-_.]{1,256}$/, '1 to 256 of a-z, A-Z, 0-9, -, _ and .')
const UsageBody = Type.Object(
  { since: momentText(), until: momentText(), appIds: Type.Optional(nullable(listOf(applicationName, 10_000))) },
  { title: 'AppUsageStatsIn' },
)
const NoBody = Type.Object({}, { title: 'EmptyIn' })

/** What has been attempted, in numbers: webhook-api 8.1, `E/stats` apart. */
export function registerStatisticsRoutes(routes: FastifyInstance, parts: StatisticsParts): void {
  const { api, clock, ids, idempotency, internal, wakeTasks } = parts
  const readable = { config: { access: 'ViewBase' } } as const
  const operator = { config: { access: 'environment_key' } } as const

  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await api.transaction({ settings: settingsOf(request), readOnly: true, timeoutMs: TIME_MS_MAX }, work)
  }

  const byType = described(readable, {
    id: 'v1.application.stats.attempts',
    summary: 'Count the attempts of an application by event type',
    query: TypesQuery,
    answers: { 200: AttemptCountsOut },
    refusals: ['invalid_range'],
  })
  routes.get('/app/:app_id/stats/attempts', byType, async (request) => {
    const { since, until, event_types: wanted } = queryOf(request, TypesQuery)
    const now = clock.now()
    checkRange({ since, until }, now, DAYS_MAX)
    const counted = await within(request, (tx) =>
      countByType(tx, request.account, { since, until }, listed(wanted), now),
    )
    const total = (name: 'success' | 'failure' | 'canceled') =>
      [...counted.values()].reduce((sum, counts) => sum + counts[name], 0)
    return {
      since,
      until,
      total_success: total('success'),
      total_failure: total('failure'),
      total_canceled: total('canceled'),
      by_event_type: Object.fromEntries(counted),
    }
  })

  const byPeriod = described(readable, {
    id: 'v1.stats.app-attempts',
    summary: 'Count the attempts of an application by period',
    query: PeriodsQuery,
    answers: { 200: PeriodCountsOut },
    refusals: ['invalid_range'],
  })
  routes.get('/stats/app/:app_id/attempt', byPeriod, async (request) => {
    const { startDate, endDate, period = 'OneDay', event_types: wanted } = queryOf(request, PeriodsQuery)
    const given = { ...(startDate ? { since: startDate } : {}), ...(endDate ? { until: endDate } : {}) }
    const now = clock.now()
    const bounds = periodsOf(given, period, now)
    const counted = await within(request, (tx) => countByPeriod(tx, request.account, bounds, listed(wanted), now))
    return {
      startDate: bounds[0],
      endDate: bounds.at(-1),
      period,
      data: {
        successCount: counted.map(({ success }) => success),
        failureCount: counted.map(({ failure }) => failure),
        canceledCount: counted.map(({ canceled }) => canceled),
      },
    }
  })

  const usage = described(operator, {
    id: 'v1.statistics.aggregate-app-stats',
    summary: 'Count the attempts of each application',
    body: UsageBody,
    answers: { 202: StartedUsageOut },
    refusals: ['invalid_range'],
  })
  routes.post('/stats/usage/app', usage, async (request, reply) => {
    const body = bodyOf(request, UsageBody)
    const { environment } = request.principal
    const [since, until] = [momentOf(body.since), momentOf(body.until)]
    const now = clock.now()
    checkRange({ since, until: until > now ? now : until }, now, USAGE_DAYS_MAX)
    const owner = await internal.of(environment)
    return await idempotency.run(request, reply, async (tx) => {
      const { accountIds, unresolved } = await resolve(tx, environment, body.appIds ?? null)
      const parameters: UsageParameters = { since: since.toISOString(), until: until.toISOString(), accountIds }
      const of = { environment, accountId: owner.id, kind: USAGE_BY_ACCOUNT } as const
      const task = await startTask(tx, { ...of, parameters, data: { appStats: [] } }, { ids, now })
      const answer = { ...startedTaskOut(task), unresolvedAppIds: unresolved }
      return { status: 202, answer, committed: wakeTasks }
    })
  })

  const chosen = described(operator, {
    id: 'v1.statistics.aggregate-event-types',
    summary: 'Find which event types each application has chosen',
    body: NoBody,
    answers: { 202: StartedTaskOut },
  })
  routes.put('/stats/usage/event-types', chosen, async (request, reply) => {
    bodyOf(request, NoBody)
    const { environment } = request.principal
    const owner = await internal.of(environment)
    const of = { environment, accountId: owner.id, kind: CHOSEN_TYPES } as const
    const task = await recorded(api, request, (tx) =>
      startTask(tx, { ...of, parameters: {}, data: { event_types: [] } }, { ids, now: clock.now() }),
    )
    wakeTasks()
    return await reply.code(202).send(startedTaskOut(task))
  })
}

function listed(names: readonly string[] | undefined): readonly string[] | null {
  return names?.length ? names : null
}

/** @throws DomainError invalid_input when none of the names names an application */
async function resolve(tx: Queryable, environment: Environment, names: readonly string[] | null) {
  if (names === null) return { accountIds: null, unresolved: [] }
  const found = await findAccounts(tx, environment, names)
  if (found.size === 0) throw invalidInput({ loc: ['body', 'appIds'], msg: 'name no application', type: 'value_error' })
  const unresolved = [...new Set(names)].filter((name) => !found.has(name))
  return { accountIds: [...new Set(found.values())], unresolved }
}
