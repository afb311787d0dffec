import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { createAccess } from '#src/accounts/access.ts'
import { registerAuthRoutes } from '#src/accounts/auth-routes.ts'
import { DataKeys, type SealingKey } from '#src/accounts/encryption.ts'
import { Environments, environments as environmentNames, readEnvironment } from '#src/accounts/environments.ts'
import { type FirstAccount, firstStart } from '#src/accounts/first-start.ts'
import { InternalAccounts } from '#src/accounts/internal-account.ts'
import { type Environment, visibleTo } from '#src/accounts/principal.ts'
import { RateLimiter, requestLimiter } from '#src/accounts/rate-limit.ts'
import { registerAppRoutes } from '#src/accounts/routes.ts'
import { registerTokenEndpoint } from '#src/accounts/token-endpoint.ts'
import { TokenIssuer } from '#src/accounts/token-issuer.ts'
import { type Clock, DatabaseClock } from '#src/adapters/clock.ts'
import { Idempotency } from '#src/adapters/http/idempotency.ts'
import { managementRoutes } from '#src/adapters/http/management.ts'
import { oauthRoutes } from '#src/adapters/http/oauth.ts'
import { collectRoutes, openApiOf, serveDescription } from '#src/adapters/http/openapi.ts'
import { producersyncRoutes } from '#src/adapters/http/producersync.ts'
import { sameOriginRoutes } from '#src/adapters/http/same-origin.ts'
import { createHttp } from '#src/adapters/http/server.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { createOutgoing, type Outgoing } from '#src/adapters/outgoing/outgoing.ts'
import { type Connection, Database, type Role } from '#src/adapters/postgres/database.ts'
import { Listener } from '#src/adapters/postgres/listen.ts'
import { migrate } from '#src/adapters/postgres/migrate.ts'
import { roleFaults } from '#src/adapters/postgres/roles.ts'
import { decorateAddressed } from '#src/attempts/addressed.ts'
import { registerAttemptRoutes } from '#src/attempts/routes.ts'
import { Closing } from '#src/closing.ts'
import { type Config, publicUrlOf, urlHost } from '#src/config.ts'
import { type Failpoint, noFailpoint } from '#src/delivery/failpoint.ts'
import type { LaneName } from '#src/delivery/lanes.ts'
import { deliveryMetrics } from '#src/delivery/metrics.ts'
import type { LeaseTimes } from '#src/delivery/ownership.ts'
import { parseHint, WAKE_CHANNEL, Waker } from '#src/delivery/wake.ts'
import { DeliveryWorker } from '#src/delivery/worker.ts'
import { AddressPolicies } from '#src/endpoints/address-policies.ts'
import { registerEndpointRoutes, registerOperationalRoutes } from '#src/endpoints/routes.ts'
import { announceDeleted } from '#src/endpoints/save.ts'
import { readTargets } from '#src/endpoints/target.ts'
import { registerErasureRoutes } from '#src/erasure/routes.ts'
import { eraseWorks } from '#src/erasure/work.ts'
import { AcceptQueue } from '#src/events/accept-queue.ts'
import { registerEventTypeRoutes } from '#src/events/event-type-routes.ts'
import { seedEventTypes } from '#src/events/event-type-store.ts'
import { INTAKE_LIMITS, Intake } from '#src/events/intake.ts'
import { registerMessageListRoutes } from '#src/events/message-list-routes.ts'
import { registerMessageRoutes } from '#src/events/message-routes.ts'
import { producersyncTypes } from '#src/events/producersync-types.ts'
import { SchemaEnforcement } from '#src/events/schema-enforcement.ts'
import { registerInterchangeRoutes } from '#src/interchange/routes.ts'
import { exportWorks } from '#src/interchange/work.ts'
import { notImplemented } from '#src/not-implemented.ts'
import { createAdminListener } from '#src/operate/admin-listener.ts'
import { observeFeed } from '#src/operate/feed-metrics.ts'
import { Health } from '#src/operate/health.ts'
import { registerHealthRoutes } from '#src/operate/health-routes.ts'
import { Housekeeping } from '#src/operate/housekeeping.ts'
import { type ServiceMetrics, serviceMetrics } from '#src/operate/metrics.ts'
import { registerPopulationRoutes } from '#src/population/routes.ts'
import { PopulationRunner } from '#src/population/runner.ts'
import { subscribe } from '#src/population/subscribe.ts'
import { registerAccessRoutes } from '#src/portal/access-routes.ts'
import { registerSessionRoutes } from '#src/portal/session-routes.ts'
import { RecordIds } from '#src/producers/record-ids.ts'
import { registerProducerRoutes } from '#src/producers/routes.ts'
import { registerReplayRoutes } from '#src/replays/routes.ts'
import { replayWorks } from '#src/replays/work.ts'
import { registerStatisticsRoutes } from '#src/statistics/routes.ts'
import { statisticsWorks } from '#src/statistics/work.ts'
import { registerTaskRoutes } from '#src/tasks/routes.ts'
import { TaskRunner } from '#src/tasks/runner.ts'
import { connectFeeds } from '#src/updates/connect.ts'
import type { Connect } from '#src/updates/feed-parts.ts'
import { LoadRunner } from '#src/updates/load-runner.ts'
import { preload } from '#src/updates/preload.ts'
import { calendarsOf, configureProduction } from '#src/updates/production-feed.ts'
import { registerRunRoutes } from '#src/updates/routes.ts'
import { FeedRunner } from '#src/updates/runner.ts'
import { VERSION } from '#src/version.ts'

/** What a test puts in the place of the real thing. No setting reaches any of it. */
export type Overrides = {
  clock?: Clock
  random?: () => number
  outgoing?: Outgoing
  failpoint?: Failpoint
  leaseTimes?: LeaseTimes
  /** How feeds are reached. */
  connectFeed?: Connect | undefined
  /** Sees the API before it has routes. */
  watch?: (http: FastifyInstance) => void
  /** The test's server runs without fsync. */
  durabilityUnchecked?: boolean
}

export type App = {
  /** Where the API listens; null without the role `api`. */
  url: string | null
  adminUrl: string
  worker: DeliveryWorker | null
  population: PopulationRunner | null
  runs: FeedRunner | null
  loads: LoadRunner | null
  tasks: TaskRunner | null
  housekeeping: Housekeeping
  health: Health
  /** The sandbox account of the very first start, its secrets with it: they stand nowhere else. */
  firstAccount: FirstAccount | undefined
  /** Ends what has started, within the attempts' deadline and 2 s, and gives back what others can go on with. */
  close(): Promise<void>
}

/** The service cannot start on this database; each fault is a sentence for the operator. */
export class CannotStart extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'CannotStart'
    this.faults = faults
  }
}

type Databases = Record<'api' | 'lists' | 'accept' | 'worker' | 'lease' | 'updates' | 'feeds', Database>

/** What all parts of a process are made from. */
type Base = {
  config: Config
  connection: Connection
  log: Logger
  overrides: Overrides
  databases: Databases
  clock: Clock
  databaseClock: DatabaseClock | null
  ids: IdSource
  dataKeys: DataKeys
  environments: Environments
  policies: AddressPolicies
  outgoing: Outgoing
  health: Health
  metrics: ServiceMetrics
  closing: Closing
}

/**
 * Wires everything and starts it: the roles that the configuration names, on a database that is brought up to this release.
 * @throws CannotStart; SchemaError, WrongMasterKey, DatabaseUnavailable; an error with `code` EADDRINUSE
 */
export async function createApp(
  config: Config,
  connection: Connection,
  masterKey: SealingKey,
  log: Logger,
  overrides: Overrides = {},
): Promise<App> {
  const faults = await roleFaults(connection)
  if (faults.length > 0) throw new CannotStart(faults)
  await migrate(connection)

  const closing = new Closing()
  try {
    const base = await startBase(config, connection, masterKey, log, overrides, closing)
    const adminUrl = await startAdmin(base)
    const { firstAccount, housekeeping } = await prepare(base, masterKey)
    const wakeLanes = (names: readonly LaneName[]) => waker?.lanes(names)
    let waker: Waker | null = null // until it is there, nothing is recorded
    const worker = config.roles.has('worker') ? await startWorker(base, wakeLanes) : null
    waker = new Waker({ database: base.databases.worker, worker, log })
    const tasks = worker ? startTasks(base, waker) : null
    const population = config.roles.has('updates') ? startPopulation(base, waker) : null
    const feeds = config.roles.has('updates') ? await startFeeds(base, waker) : null
    const wake = {
      waker,
      tasks: () => tasks?.wake(),
      population: () => population?.wake(),
      runs: () => feeds?.runs.wake(),
      loads: () => feeds?.loads.wake(),
    }
    const url = config.roles.has('api') ? await startApi(base, wake) : null
    base.health.started()
    return {
      url,
      adminUrl,
      worker,
      population,
      runs: feeds?.runs ?? null,
      loads: feeds?.loads ?? null,
      tasks,
      housekeeping,
      health: base.health,
      firstAccount,
      close: () => closing.close(),
    }
  } catch (error) {
    await closing.close()
    throw error
  }
}

async function startBase(
  config: Config,
  connection: Connection,
  masterKey: SealingKey,
  log: Logger,
  overrides: Overrides,
  closing: Closing,
): Promise<Base> {
  const databases = openDatabases(connection)
  closing.opened(() => Promise.all(Object.values(databases).map((pool) => pool.close())))
  const metrics = serviceMetrics(VERSION)
  metrics.observePools(databases)
  const health = new Health(databases.worker, { checksDurability: !overrides.durabilityUnchecked })
  closing.working(() => health.drain())
  closing.opened(() => health.stop())
  const notDurable = await health.start()
  if (notDurable.length > 0) throw new CannotStart(notDurable)

  const databaseClock = overrides.clock ? null : new DatabaseClock()
  if (databaseClock) closing.opened(await keepTime(databaseClock, databases.lease))
  const clock = overrides.clock ?? databaseClock ?? new DatabaseClock()
  const environments = new Environments((environment) => readEnvironment(databases.worker, environment), clock)
  const policies = new AddressPolicies(environments, {
    loopbackReceivers: new Set(config.loopbackReceivers),
    refusedRanges: config.refusedRanges,
    ownNames: config.publicUrl === null ? [] : [new URL(config.publicUrl).hostname],
  })
  const outgoing = overrides.outgoing ?? createOutgoing({ now: () => clock.now(), limits: config.destinationLimits })
  closing.opened(() => outgoing.close())
  const ids = new IdSource(clock)
  const dataKeys = new DataKeys(masterKey)
  return {
    config,
    connection,
    log,
    overrides,
    databases,
    clock,
    databaseClock,
    ids,
    dataKeys,
    environments,
    policies,
    outgoing,
    health,
    metrics,
    closing,
  }
}

/** Brings the contents of the database up to this release. */
async function prepare({ databases, clock, ids, dataKeys, policies, log, closing }: Base, masterKey: SealingKey) {
  const firstAccount = await firstStart(databases.api, masterKey, { clock, ids, dataKeys, preload })
  for (const environment of environmentNames) {
    const settings = visibleTo(environment)
    await databases.api.transaction({ settings }, (tx) => seedEventTypes(tx, environment, clock.now()))
    await policies.current(environment)
  }
  const housekeeping = new Housekeeping({ database: databases.worker, clock, log })
  await housekeeping.start()
  closing.working(() => housekeeping.close(), TRANSACTIONS_END_MS_MAX)
  return { firstAccount, housekeeping }
}

async function startWorker(base: Base, wakeLanes: (names: readonly LaneName[]) => void): Promise<DeliveryWorker> {
  const { config, connection, overrides, databases, dataKeys, policies, metrics, closing } = base
  const worker = new DeliveryWorker({
    ...base,
    database: databases.worker,
    leaseDatabase: databases.lease,
    random: overrides.random ?? Math.random,
    readTargets: async (keys, now) => {
      for (const environment of environmentNames) await policies.current(environment)
      return await readTargets(databases.worker, keys, dataKeys, now)
    },
    policyOf: (target) => policies.known(target.environment),
    wakeLanes,
    failpoint: overrides.failpoint ?? noFailpoint,
    metrics: deliveryMetrics(metrics.registry),
    limits: { inFlightMax: config.workerInFlightMax, first: config.workerInFlightMax },
    ...(overrides.leaseTimes ? { leaseTimes: overrides.leaseTimes } : {}),
  })
  await worker.start()
  closing.working(() => worker.close())
  const listener = new Listener(
    connection,
    WAKE_CHANNEL,
    (hint) => worker.hint(parseHint(hint)),
    () => worker.hintsMissed(),
    { role: 'worker', applicationName: 'producersync-listen' },
  )
  await listener.start()
  closing.working(() => listener.close())
  metrics.observePending(databases.worker)
  metrics.observeWorker(worker)
  return worker
}

function startTasks({ databases, clock, ids, log, closing }: Base, waker: Waker): TaskRunner {
  const works = { ...replayWorks, ...eraseWorks({ ids, clock }), ...statisticsWorks, ...exportWorks }
  const runner = new TaskRunner({ database: databases.worker, works, clock, ids, wakeLanes: waker.lanes, log })
  runner.start()
  closing.working(() => runner.close(), TRANSACTIONS_END_MS_MAX)
  return runner
}

function startPopulation({ databases, clock, ids, log, closing }: Base, waker: Waker): PopulationRunner {
  const runner = new PopulationRunner({ database: databases.updates, clock, ids, wake: waker.deliveries, log })
  runner.start()
  closing.working(() => runner.close(), TRANSACTIONS_END_MS_MAX)
  return runner
}

/** The daily runs, and the first loads of NPNs that join. */
async function startFeeds(base: Base, waker: Waker): Promise<{ runs: FeedRunner; loads: LoadRunner }> {
  const { config, overrides, databases, clock, ids, log, closing } = base
  await configureProduction(databases.updates, clock, config)
  const connections = connectFeeds({
    database: databases.feeds,
    clock,
    nipr: config.feed?.kind === 'nipr' ? config.feed.nipr : null,
    holidays: config.calendar.holidays,
    stopped: overrides.clock !== undefined,
  })
  closing.opened(() => connections.close())
  const parts = {
    database: databases.feeds,
    clock,
    ids,
    recordIds: new RecordIds(),
    random: overrides.random ?? Math.random,
    connect: overrides.connectFeed ?? connections.connect,
    calendarOf: calendarsOf(config),
    renewalRules: {},
    wake: waker.deliveries,
    log,
  }
  observeFeed(base.metrics.registry, {
    database: databases.feeds,
    clock,
    calendar: calendarsOf(config)({ environment: 'production' }),
  })
  const runs = new FeedRunner(parts)
  const loads = new LoadRunner({ ...parts, reportsPerSecond: config.reportsPerSecond })
  for (const runner of [runs, loads]) {
    runner.start()
    closing.working(() => runner.close(), TRANSACTIONS_END_MS_MAX)
  }
  return { runs, loads }
}

/** @returns where the API is reached */
async function startApi(
  base: Base,
  wake: { waker: Waker; tasks: () => void; population: () => void; runs: () => void; loads: () => void },
): Promise<string> {
  const { waker } = wake
  const { config, log, databases, clock, ids, dataKeys, environments, policies, outgoing, health, metrics } = base
  const { closing, overrides } = base
  const port = await freePort(config.host, config.port, config.portIsFixed)
  const publicUrl = publicUrlOf({ ...config, port })
  const trustProxy = config.trustedProxies.length > 0 ? [...config.trustedProxies] : false
  const http = createHttp({ log, trustProxy })
  metrics.countRequests(http)
  overrides.watch?.(http)
  const added = collectRoutes(http)
  http.addHook('onRequest', async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') health.refuseUnlessDurable()
  })

  const { api } = databases
  const access = createAccess(api, clock)
  const internal = new InternalAccounts(api)
  const idempotency = new Idempotency({ database: api, clock })
  const limiter = new RateLimiter(api, clock)
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
  sameOriginRoutes(http, { prefix: '/portal/session', publicUrl }, (routes) => {
    registerSessionRoutes(routes, { api, access, clock, ids, publicUrl })
  })
  const register = (routes: FastifyInstance) => {
    registerHealthRoutes(routes, health)
    registerAppRoutes(routes, {
      ...{ api, access, clock, ids, dataKeys, preload, idempotency, wakeLanes: waker.lanes },
      announceDeleted: (tx, endpoints) => announceDeleted(tx, endpoints, { ids, clock }),
    })
    registerAuthRoutes(routes, { api, clock, environments })
    registerAccessRoutes(routes, { access, clock, ids, dataKeys, preload, idempotency, publicUrl })
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
    registerOperationalRoutes(routes, { ...endpointParts, internal })
    decorateAddressed(routes)
    registerAttemptRoutes(routes, { api, clock, environments, publicUrl })
    registerReplayRoutes(routes, { api, clock, ids, idempotency, wakeLanes: waker.lanes, wakeTasks: wake.tasks })
    const taskParts = { api, clock, ids, idempotency, internal, wakeLanes: waker.lanes, wakeTasks: wake.tasks }
    registerTaskRoutes(routes, taskParts)
    registerErasureRoutes(routes, taskParts)
    registerStatisticsRoutes(routes, taskParts)
    registerInterchangeRoutes(routes, taskParts)
    registerMessageListRoutes(routes, { database: api, clock, environments })
    registerMessageRoutes(routes, {
      database: api,
      access,
      environments,
      schemas: new SchemaEnforcement({ database: api, environments, clock }),
      clock,
      ids,
      dataKeys,
      preload,
      onCommit: metrics.accepted,
      intake: new Intake({ limits: { ...INTAKE_LIMITS, ...config.intakeLimits }, clock, database: databases.accept }),
      queue: new AcceptQueue({
        accept: databases.accept,
        wake: waker.deliveries,
        now: () => clock.now(),
        statementsMax: ACCEPT_STATEMENTS_MAX,
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
  await http.listen({ host: config.host, port })
  closing.working(async () => {
    const cut = setTimeout(() => http.server.closeAllConnections(), CALLS_END_MS_MAX)
    await http.close()
    clearTimeout(cut)
  })
  return publicUrl
}

async function startAdmin({ config, health, metrics, closing }: Base): Promise<string> {
  const admin = createAdminListener({ health, registry: metrics.registry })
  const port = await freePort(config.adminHost, config.adminPort, config.adminPortIsFixed)
  admin.listen(port, config.adminHost)
  await once(admin, 'listening')
  closing.opened(() => {
    admin.closeAllConnections()
    admin.close()
  })
  return `http://${urlHost(config.adminHost)}:${port}`
}

/** Statements of the accept path at once; each waits for one commit (DESIGN, "Accept": 2 to 4). */
const ACCEPT_STATEMENTS_MAX = 3
/** The longest that a call of the API may wait for the database: its refusal is to be out within 2 s, whatever else is going on. */
const CALL_MS_MAX = 1_800
/** A transaction that has not ended so long after a stop was asked for is cut with its connection. */
const TRANSACTIONS_END_MS_MAX = 2_000
/** The same for calls: their work takes 2 s at most, so what is left waits for its client. */
const CALLS_END_MS_MAX = 2_500
const CLOCK_READ_MS = 1_000
const PORTS_TRIED_MAX = 100

function openDatabases(connection: Connection): Databases {
  const open = (role: Role, name: string, connectionsMax: number, statementTimeoutMs: number, queryTimeoutMs: number) =>
    new Database(connection, {
      role,
      applicationName: `producersync-${name}`,
      connectionsMax,
      statementTimeoutMs,
      queryTimeoutMs,
    })
  return {
    api: open('api', 'api', 10, 2_000, CALL_MS_MAX),
    lists: open('api', 'lists', 4, 2_000, CALL_MS_MAX), // apart, so that none delays what is short
    accept: open('accept', 'accept', ACCEPT_STATEMENTS_MAX + 1, 2_000, CALL_MS_MAX),
    worker: open('worker', 'worker', 5, 5_000, 6_000),
    lease: open('worker', 'lease', 2, 1_000, 1_000), // apart, so that no heartbeat waits behind work
    updates: open('updates', 'updates', 6, 5_000, 6_000),
    feeds: open('updates', 'feeds', 6, 60_000, 65_000), // apart: a run that publishes delays no population job
  }
}

/** Reads the database's time now and every second: processes without a lease have no heartbeat that brings it. */
async function keepTime(clock: DatabaseClock, database: Database): Promise<() => void> {
  const read = async () => {
    const askedAt = performance.now()
    const [row] = await database.query<{ now: Date }>`select clock_timestamp() as now`
    if (row) clock.correct(row.now, askedAt, performance.now())
  }
  await read()
  const timer = setInterval(() => void read().catch(() => undefined), CLOCK_READ_MS)
  return () => clearInterval(timer)
}

/**
 * The port to listen on: the one wanted, or the next free one after it when it was not asked for.
 * @throws an error with `code` EADDRINUSE
 */
async function freePort(host: string, wanted: number, isFixed: boolean): Promise<number> {
  for (let port = wanted; ; port += 1) {
    const probe = createServer()
    try {
      await new Promise<void>((resolve, reject) => {
        probe.once('error', reject)
        probe.listen(port, host, resolve)
      })
      return (probe.address() as AddressInfo).port
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (!isTaken || isFixed || port >= wanted + PORTS_TRIED_MAX) throw error
    } finally {
      await new Promise<void>((resolve) => probe.close(() => resolve()))
    }
  }
}
