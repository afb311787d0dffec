import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { randomOf } from './chance.ts'
import { check } from './check.ts'
import { ConnectionOwners } from './connections.ts'
import { type RigDatabase, startRunDatabase } from './database.ts'
import { whyNoDisk } from './disk.ts'
import { databaseUrl, freePort, serviceEnvironment } from './environment.ts'
import { CrashDriver } from './faults.ts'
import { History } from './history.ts'
import { Ledger } from './ledger.ts'
import { type Opened, runOpened } from './opened.ts'
import { type Break, DISK_FAULTS, type FaultKind, type Options, without } from './options.ts'
import { planFaults } from './plan.ts'
import { FaultProxy } from './proxy.ts'
import { Publisher } from './publisher.ts'
import { Receivers } from './receivers.ts'
import { replyTo } from './replies.ts'
import { explain, type Report, reportFailure, reportRun } from './report.ts'
import { NotStarted, type ServiceEvents, ServiceProcess } from './service-process.ts'
import { Starvation } from './starvation.ts'
import { readStored } from './stored.ts'
import { CONCURRENCY_MAX, makeWorld, newSecret, planEndpoints, RETRY_SCHEDULE_S } from './world.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const WALL_CLOCK = fileURLToPath(new URL('./wall-clock.ts', import.meta.url))
const BROKEN_MAIN = fileURLToPath(new URL('./broken-main.ts', import.meta.url))
const APIS = 2
const DRAIN_MS_MAX = 60_000
const LOOK_MS = 500
const STOP_MS_MAX = 15_000
/** Log lines that no fault excuses. */
const COMPLAINTS = ['service.broken', 'delivery.attempt_broken', 'service.stop_late']
/** Bugs that are planted into the process; the others are in the database. */
const PLANTED: readonly (Break | null)[] = ['ack-before-commit', 'short-lease', 'jitter-subtracts']

export type RunParts = {
  options: Options
  signal: AbortSignal
  /** Progress, a line each. */
  tell: (text: string) => void
}

/** Runs the service under faults and judges it. Leaves no process and no file behind, however it ends. */
export async function run({ options, signal, tell }: RunParts): Promise<Report> {
  return await runOpened(signal, (opened, fail, abandon) => runSteps({ options, signal: abandon, tell }, opened, fail))
}

async function runSteps(
  { options: asked, signal, tell }: RunParts,
  opened: Opened,
  fail: (reason: string) => void,
): Promise<Report> {
  const originMs = performance.now()
  const now = () => performance.now() - originMs
  const delays = monitorEventLoopDelay({ resolution: 20 })
  delays.enable()
  const whyNot = asked.faults.some(isOfDisk) ? whyNoDisk() : null
  const options = whyNot === null ? asked : without(asked, DISK_FAULTS, whyNot)
  const settings: Record<string, string> = options.break === 'fsync-off' ? { fsync: 'off' } : {}
  const { folder, database } = await startRunDatabase('chaos', settings, opened, fail, options.faults.some(isOfDisk))
  tell('database ready')
  const ledger = new Ledger()
  const history = new History()
  const services: ServiceProcess[] = []
  const owners = new ConnectionOwners(() =>
    services.flatMap(({ owner, processId }) => (processId === undefined ? [] : [{ name: owner, processId }])),
  )
  opened.end(() => owners.close())
  const starvation = new Starvation(() => services.flatMap(({ processId }) => processId ?? []))
  opened.end(() => starvation.close())
  const endpoints = planEndpoints(options.accounts, options.endpoints)
  const secrets = endpoints.map(newSecret)
  const receivers = await Receivers.start({
    ledger,
    owners,
    now,
    secrets,
    replyTo: (uid, endpoint, before) => replyTo(options.seed, uid, endpoint, before),
  })
  opened.end(() => receivers.close())

  const events = listenTo(history, database, now)
  const environment = serviceEnvironment(folder, receivers.addresses)
  services.push(...(await createServices(options, folder, database, environment, events, opened)))
  try {
    await startServices(services)
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error
    return refusedToStart(options, error)
  }
  tell(`${services.length} processes ready`)
  const { connection } = database
  const url = services.find((service) => service.url !== null)?.url ?? ''
  const world = await makeWorld({ url, connection, receivers, secrets, accounts: options.accounts, endpoints })
  if (options.break === 'no-fencing') await withoutFencing(database)
  tell(`${options.accounts} accounts, ${options.endpoints} endpoints`)

  const publisher = new Publisher({
    ledger,
    now,
    random: randomOf(options.seed, 'publisher'),
    apis: services.flatMap((service) => service.url ?? []),
    key: world.key,
    accounts: world.accounts,
    events: options.events,
    durationMs: options.durationS * 1_000,
  })
  opened.end(() => publisher.close())
  const driver = new CrashDriver({ services, database, owners, history, now, tell })
  const plan = planFaults({
    random: randomOf(options.seed, 'faults'),
    durationMs: options.durationS * 1_000,
    kinds: options.faults,
    workers: namesOf(services, false),
    apis: namesOf(services, true),
  })
  delays.reset()
  await Promise.all([publisher.publish(signal), driver.run(plan, signal)])
  tell(`${history.faults.length} faults done, ${ledger.acknowledged} of ${options.events} events acknowledged`)
  const drainMs = await drain(publisher, database, signal)
  tell(`drained in ${Math.round(drainMs)} ms`)

  const stored = await database.asSuperuser((client) =>
    readStored(client, world.numbers, performance.timeOrigin + originMs),
  )
  const postgres = await database.asSuperuser(async (client) => {
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return rows[0]?.server_version ?? ''
  })
  await stopServices(services, history)
  const verdict = check({
    publications: [...ledger.publications.values()],
    endpoints: world.endpoints,
    lines: ledger.lines,
    stored,
    faults: history.faults,
    losses: history.losses,
    databaseBackAtMs: history.databaseBackAtMs,
    waitsMs: RETRY_SCHEDULE_S.map((seconds) => seconds * 1_000),
    concurrencyMax: CONCURRENCY_MAX,
  })
  tell(explain(verdict))
  return reportRun(options, {
    verdict,
    ledger,
    history,
    databaseRecoveriesMs: recoveriesOf(ledger, history),
    drainMs,
    postgres,
    rigStallMs: Math.round(delays.max / 1e6),
    starvedMs: starvation.longestMs,
  })
}

/** Two API processes, one of which delivers too and so makes bundles, and the workers, each behind a proxy of its own. */
async function createServices(
  options: Options,
  folder: string,
  database: RigDatabase,
  environment: Record<string, string>,
  events: ServiceEvents,
  opened: Opened,
): Promise<ServiceProcess[]> {
  const random = randomOf(options.seed, 'ports', performance.now())
  const names = [...named('api', APIS), ...named('worker', options.workers)]
  const services: ServiceProcess[] = []
  for (const name of names) {
    const proxyFolder = join(folder, name)
    mkdirSync(proxyFolder)
    const proxy = await FaultProxy.start(
      { path: join(proxyFolder, `.s.PGSQL.${database.connection.port}`) },
      database.place,
    )
    opened.end(() => proxy.close())
    const isApi = name.startsWith('api')
    const wallClock = join(proxyFolder, 'wall-clock')
    writeFileSync(wallClock, '0')
    const main = PLANTED.includes(options.break) ? [BROKEN_MAIN, options.break ?? ''] : [MAIN]
    const [apiPort, adminPort] = [await freePort(random), await freePort(random)]
    const service = new ServiceProcess(
      {
        name,
        entry: options.faults.includes('clock') ? ['--import', WALL_CLOCK, ...main] : main,
        environment: {
          ...environment,
          ROLES: rolesOf(name),
          PORT: String(apiPort),
          ADMIN_PORT: String(adminPort),
          DATABASE_URL: databaseUrl(proxyFolder, database.connection),
          CHAOS_WALL_CLOCK: wallClock,
        },
        url: isApi ? `http://127.0.0.1:${apiPort}` : null,
        proxy,
        wallClock,
      },
      events,
    )
    opened.end(() => service.close())
    services.push(service)
  }
  return services
}

function rolesOf(name: string): string {
  if (!name.startsWith('api')) return 'worker'
  return name === named('api', APIS)[0] ? 'api,updates,worker' : 'api,updates'
}

/** The first one alone: it brings the schema. */
async function startServices(services: readonly ServiceProcess[]): Promise<void> {
  const [first, ...others] = services
  await first?.start()
  await Promise.all(others.map((service) => service.start()))
}

function listenTo(history: History, database: RigDatabase, now: () => number): ServiceEvents {
  return {
    logged(owner, { event, records }) {
      if (event === 'lease.lost') history.losses.push({ owner, atMs: now(), how: 'lease' })
      if (event === 'delivery.stale_refused') history.staleRefused += records
      if (COMPLAINTS.includes(event)) history.complaints.set(event, (history.complaints.get(event) ?? 0) + 1)
    },
    started: (processId) => database.adopt(processId),
    ended(processId, owner, how, asked) {
      database.disown(processId)
      if (asked) return
      history.crashes.push(`${owner} (${how})`)
      history.losses.push({ owner, atMs: now(), how: 'crash' })
    },
  }
}

/** The gate that has to refuse a database without fsync has done so: that is how this bug is found. */
function refusedToStart(options: Options, { message }: NotStarted): Report {
  if (options.break !== 'fsync-off') throw new Error(message)
  return reportFailure(options, message, [{ promise: 'F10', detail: 'the service refuses a database without fsync' }])
}

/** The bug lives in the database, where the fence is: whoever asks holds every shard. */
async function withoutFencing(database: RigDatabase): Promise<void> {
  await database.asSuperuser((client) =>
    client.query(
      `create or replace function hold_shards(worker_id uuid, wanted smallint[], epochs bigint[]) returns smallint[]
         language sql volatile as 'select wanted'`,
    ),
  )
}

/** Waits until nothing is pending and every event is acknowledged, or for as long as that may take. @returns how long it took */
async function drain(publisher: Publisher, database: RigDatabase, signal: AbortSignal): Promise<number> {
  const startedAtMs = performance.now()
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DRAIN_MS_MAX)])
  await publisher.drained(limit)
  await database.asSuperuser(async (client) => {
    while (!limit.aborted) {
      const { rows } = await client.query<{ pending: boolean }>(
        'select exists (select from pending) or exists (select from pending_bundle) as pending',
      )
      if (!rows[0]?.pending) return
      await sleep(LOOK_MS)
    }
  })
  return performance.now() - startedAtMs
}

/** Ends the processes as an operator would, all at once; how each of them ends counts. */
async function stopServices(services: readonly ServiceProcess[], history: History): Promise<void> {
  for (const service of services) service.retire()
  const stops = services.map(async (service) => {
    const { owner } = service
    history.stops.push({ owner, ...(await service.terminate(STOP_MS_MAX)) })
  })
  await Promise.all(stops)
}

/** From each return of the database to the first request for an event that was accepted after it. */
function recoveriesOf({ publications, lines }: Ledger, { databaseBackAtMs }: History): number[] {
  const acceptedAtMs = new Map(
    [...publications.values()].flatMap(({ acknowledgedAs }) =>
      acknowledgedAs.map(({ messageId, atMs }) => [messageId, atMs] as const),
    ),
  )
  return databaseBackAtMs.flatMap((backAtMs) => {
    const first = lines.find(
      ({ messageId, beginMs }) => beginMs > backAtMs && (acceptedAtMs.get(messageId) ?? 0) > backAtMs,
    )
    return first ? [first.beginMs - backAtMs] : []
  })
}

function isOfDisk(kind: FaultKind): boolean {
  return DISK_FAULTS.some((known) => known === kind)
}

function named(role: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${role}-${index + 1}`)
}

function namesOf(services: readonly ServiceProcess[], apis: boolean): string[] {
  return services.filter(({ url }) => (url !== null) === apis).map(({ name }) => name)
}
