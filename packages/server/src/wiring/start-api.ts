import type { FastifyInstance } from 'fastify'
import { createAccess } from '#src/accounts/access.ts'
import { registerAuthRoutes } from '#src/accounts/auth-routes.ts'
import { InternalAccounts } from '#src/accounts/internal-account.ts'
import type { Environment } from '#src/accounts/principal.ts'
import { RateLimiter, requestLimiter } from '#src/accounts/rate-limit.ts'
import { registerAppRoutes } from '#src/accounts/routes.ts'
import { registerTokenEndpoint } from '#src/accounts/token-endpoint.ts'
import { TokenIssuer } from '#src/accounts/token-issuer.ts'
import { Busyness } from '#src/adapters/busyness.ts'
import { Idempotency } from '#src/adapters/http/idempotency.ts'
import { managementRoutes } from '#src/adapters/http/management.ts'
import { oauthRoutes } from '#src/adapters/http/oauth.ts'
import { collectRoutes, openApiOf, serveDescription, summaryIn } from '#src/adapters/http/openapi.ts'
import { producersyncRoutes } from '#src/adapters/http/producersync.ts'
import { createMailer } from '#src/adapters/mail/mail.ts'
import { thrift } from '#src/adapters/thrift.ts'
import { decorateAddressed } from '#src/attempts/addressed.ts'
import { registerAttemptRoutes } from '#src/attempts/routes.ts'
import { registerSignRoutes } from '#src/attempts/sign-routes.ts'
import { registerAuditRoutes } from '#src/audit/routes.ts'
import { registerCliLoginRoutes } from '#src/cli-login/routes.ts'
import { registerCliSessionRoutes } from '#src/cli-sessions/routes.ts'
import { noFailpoint } from '#src/delivery/failpoint.ts'
import type { Waker } from '#src/delivery/wake.ts'
import { registerEventLogRoutes } from '#src/delivery-log/event-routes.ts'
import { registerDeliveryLogRoutes } from '#src/delivery-log/routes.ts'
import { registerEndpointRoutes, registerOperationalRoutes } from '#src/endpoints/routes.ts'
import { announceDeleted } from '#src/endpoints/save.ts'
import { registerSecretRoutes } from '#src/endpoints/secret-routes.ts'
import { registerErasureRoutes } from '#src/erasure/routes.ts'
import { AcceptQueue } from '#src/events/accept-queue.ts'
import { registerEventTypeRoutes } from '#src/events/event-type-routes.ts'
import { INTAKE_LIMITS, Intake } from '#src/events/intake.ts'
import { registerMessageListRoutes } from '#src/events/message-list-routes.ts'
import { registerMessageRoutes } from '#src/events/message-routes.ts'
import { producersyncTypes } from '#src/events/producersync-types.ts'
import { SchemaEnforcement } from '#src/events/schema-enforcement.ts'
import { registerEndpointHealthRoutes } from '#src/health/routes.ts'
import { registerInterchangeRoutes } from '#src/interchange/routes.ts'
import { registerIssueRoutes } from '#src/issues/routes.ts'
import { LiveHub } from '#src/live/hub.ts'
import { OpenStreams } from '#src/live/open-streams.ts'
import { registerLiveRoutes } from '#src/live/routes.ts'
import { notImplemented } from '#src/not-implemented.ts'
import { registerNoticeRoutes } from '#src/notices/routes.ts'
import { registerEnvRoutes } from '#src/operate/env-routes.ts'
import { HealthReport } from '#src/operate/health-report.ts'
import { registerHealthRoutes } from '#src/operate/health-routes.ts'
import { registerPopulationRoutes } from '#src/population/routes.ts'
import { registerShownJobRoutes } from '#src/population/shown-job-routes.ts'
import { subscribe } from '#src/population/subscribe.ts'
import { registerAccessRoutes } from '#src/portal/access-routes.ts'
import { registerEnvLookRoutes } from '#src/portal/env-look-routes.ts'
import { registerKeyRoutes } from '#src/portal/key-routes.ts'
import { registerMemberRoutes } from '#src/portal/member-routes.ts'
import { registerAccountSettingsRoutes } from '#src/portal/settings-routes.ts'
import { registerPreviewRoutes } from '#src/previews/routes.ts'
import { registerMonitoredRoutes } from '#src/producers/monitored-routes.ts'
import { registerProducerRoutes } from '#src/producers/routes.ts'
import { registerAccountReplayRoutes } from '#src/replays/account-routes.ts'
import { registerReplayRoutes } from '#src/replays/routes.ts'
import { registerStatisticsRoutes } from '#src/statistics/routes.ts'
import { registerTaskRoutes } from '#src/tasks/routes.ts'
import { registerTrialRoutes } from '#src/trials/routes.ts'
import { preload } from '#src/updates/preload.ts'
import { calendarsOf } from '#src/updates/production-feed.ts'
import { registerRunRoutes } from '#src/updates/routes.ts'
import { registerRunDayRoutes } from '#src/updates/run-day-routes.ts'
import { VERSION } from '#src/version.ts'
import type { Base } from './base.ts'
import { ACCEPT_STATEMENTS_MAX, CALL_MS_MAX } from './databases.ts'
import { openHttp } from './open-http.ts'
import { addPages, addSessions } from './start-portal.ts'

/** @returns where the API is reached */
export async function startApi(
  base: Base,
  wake: {
    waker: Waker
    tasks: () => void
    notices: () => void
    population: () => void
    runs: () => void
    loads: () => void
    /** Of this process's worker. */
    load: () => { breakersOpen: number } | undefined
  },
): Promise<string> {
  const { waker } = wake
  const { config, log, databases, clock, ids, dataKeys, environments, policies, outgoing, health, metrics } = base
  const { closing, overrides } = base
  const { http, publicUrl, listen } = await openHttp(base)
  const added = collectRoutes(http)

  const { api } = databases
  const access = createAccess(api, clock)
  const internal = new InternalAccounts(api)
  const idempotency = new Idempotency({ database: api, clock })
  const limiter = new RateLimiter(api, clock)
  const mailer = config.mail && createMailer(config.mail.url, config.mail.from)
  if (mailer) closing.opened(() => mailer.close())
  const hub = new LiveHub({ database: databases.live, log })
  const streams = new OpenStreams({ hub, clock, log })
  metrics.observeStreams(streams)
  closing.working(async () => {
    streams.close()
    await hub.close()
  })
  oauthRoutes(http, (routes) => {
    registerTokenEndpoint(routes, { issuer: new TokenIssuer({ database: api, clock, ids, limiter }) })
  })
  producersyncRoutes(http, { access, limiter: requestLimiter(limiter), clock }, (routes) => {
    registerPopulationRoutes(routes, { api, clock, publicUrl, wakeRunner: wake.population })
    registerProducerRoutes(routes, {
      api,
      lists: databases.lists,
      clock,
      publicUrl,
      onRead: () => {
        base.pace.noteRead()
        thrift.note()
      },
      subscribe: async (account, npn) => {
        await subscribe({ updates: databases.updates, clock, ids, wake: waker.deliveries }, account, npn)
        wake.loads()
      },
    })
    registerRunRoutes(routes, {
      api,
      updates: databases.updates,
      clock,
      publicUrl,
      calendarOf: calendarsOf(config),
      wakeRunner: wake.runs,
    })
  })
  addSessions(http, base, { access, publicUrl })
  const register = (routes: FastifyInstance) => {
    registerHealthRoutes(routes, health)
    registerAppRoutes(routes, {
      ...{ api, access, clock, ids, dataKeys, preload, idempotency, wakeLanes: waker.lanes },
      announceDeleted: (tx, endpoints) => announceDeleted(tx, endpoints, { ids, clock }),
    })
    registerAuthRoutes(routes, { api, clock, environments })
    registerAccessRoutes(routes, { access, clock, ids, dataKeys, preload, idempotency, publicUrl })
    registerMemberRoutes(routes, { api, clock, ids, idempotency, mailer, publicUrl })
    registerKeyRoutes(routes, { api, clock, ids, idempotency })
    registerAccountSettingsRoutes(routes, { api, clock, operators: internal })
    registerEnvLookRoutes(routes, { api, clock, operators: internal })
    registerAuditRoutes(routes, { lists: databases.lists, access, summaryOf: summaryIn(added) })
    registerEnvRoutes(routes, {
      ...{
        api,
        lists: databases.lists,
        updates: databases.updates,
        access,
        clock,
        ids,
        idempotency,
        mailer,
        publicUrl,
      },
      health: new HealthReport({
        ...{ worker: databases.worker, updates: databases.updates, health, clock, load: wake.load },
        version: VERSION,
      }),
    })
    registerEventTypeRoutes(routes, { api, clock, idempotency })
    const endpointParts = {
      api,
      clock,
      ids,
      dataKeys,
      environments,
      idempotency,
      wake: waker,
      checkTarget: async (target: string, environment: Environment) =>
        await outgoing.vet(target, await policies.current(environment), environment),
    }
    registerEndpointRoutes(routes, endpointParts)
    registerNoticeRoutes(routes, {
      ...endpointParts,
      sendsMail: config.mail !== null,
      wakeNotices: wake.notices,
      publicUrl,
    })
    registerOperationalRoutes(routes, { ...endpointParts, internal })
    registerSecretRoutes(routes, endpointParts)
    decorateAddressed(routes)
    registerAttemptRoutes(routes, { api, clock, environments, publicUrl })
    registerDeliveryLogRoutes(routes, { api, clock, environments, publicUrl })
    registerEventLogRoutes(routes, { api, clock, environments, publicUrl })
    const replayParts = { api, lists: databases.lists, clock, ids, environments, idempotency, wakeTasks: wake.tasks }
    registerIssueRoutes(routes, { api, clock, environments, publicUrl })
    registerSignRoutes(routes, { api, clock, dataKeys })
    registerReplayRoutes(routes, { ...replayParts, wakeLanes: waker.lanes })
    registerAccountReplayRoutes(routes, replayParts)
    const taskParts = { api, clock, ids, idempotency, internal, wakeLanes: waker.lanes, wakeTasks: wake.tasks }
    registerTaskRoutes(routes, taskParts)
    registerErasureRoutes(routes, taskParts)
    registerEndpointHealthRoutes(routes, { api, clock, environments, calendarOf: calendarsOf(config), publicUrl })
    registerStatisticsRoutes(routes, taskParts)
    registerInterchangeRoutes(routes, taskParts)
    const populationParts = { api, clock, idempotency, wakeRunner: wake.population }
    registerShownJobRoutes(routes, populationParts)
    registerPreviewRoutes(routes, populationParts)
    registerMonitoredRoutes(routes, { api, publicUrl })
    registerRunDayRoutes(routes, { api, clock, calendarOf: calendarsOf(config), publicUrl })
    registerLiveRoutes(routes, { api, access, streams })
    registerCliSessionRoutes(routes, { api, access, clock, ids, dataKeys, idempotency, streams })
    registerCliLoginRoutes(routes, { api, limiter, clock, ids, internal, publicUrl })
    registerMessageListRoutes(routes, { database: api, clock, environments })
    const schemas = new SchemaEnforcement({ database: api, environments, clock })
    const busyness = new Busyness()
    registerTrialRoutes(routes, { api, clock, ids, idempotency, schemas, wake: waker.deliveries, publicUrl })
    registerMessageRoutes(routes, {
      database: api,
      access,
      environments,
      schemas,
      clock,
      ids,
      dataKeys,
      preload,
      onCommit: metrics.accepted,
      intake: new Intake({ limits: { ...INTAKE_LIMITS, ...config.intakeLimits }, clock, database: databases.accept }),
      queue: new AcceptQueue({
        accept: databases.accept,
        wake: waker.deliveries,
        ownWork: waker.ownWork,
        now: () => clock.now(),
        statementsMax: ACCEPT_STATEMENTS_MAX,
        callMsMax: CALL_MS_MAX * (overrides.patience ?? 1),
        isBusy: () => busyness.isBusy(),
        onCommit: metrics.accepted,
        failpoint: overrides.failpoint ?? noFailpoint,
      }),
    })
  }
  managementRoutes(http, access, register, { notImplemented: notImplemented['/api/v1'] })
  managementRoutes(http, access, () => {}, {
    prefix: '/ingest/api/v1',
    notImplemented: notImplemented['/ingest/api/v1'],
  })
  serveDescription(http, () => openApiOf(added, { version: VERSION, events: producersyncTypes }))
  if (config.roles.has('portal')) await addPages(http, base)
  await listen()
  return publicUrl
}
