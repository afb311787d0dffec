import { once } from 'node:events'
import type { Logger } from 'pino'
import type { MasterKey } from '#src/accounts/encryption.ts'
import { environments as environmentNames } from '#src/accounts/environments.ts'
import { type FirstAccount, firstStart } from '#src/accounts/first-start.ts'
import { visibleTo } from '#src/accounts/principal.ts'
import type { Connection } from '#src/adapters/postgres/database.ts'
import { migrate } from '#src/adapters/postgres/migrate.ts'
import { roleFaults } from '#src/adapters/postgres/roles.ts'
import { withoutRequest } from '#src/audit/without-request.ts'
import { Closing, TRANSACTIONS_END_MS_MAX } from '#src/closing.ts'
import { type Config, publicUrlOf, urlHost } from '#src/config.ts'
import type { LaneName } from '#src/delivery/lanes.ts'
import { Waker } from '#src/delivery/wake.ts'
import type { DeliveryWorker } from '#src/delivery/worker.ts'
import { seedEventTypes } from '#src/events/event-type-store.ts'
import type { NoticeRunner } from '#src/notices/runner.ts'
import { createAdminListener } from '#src/operate/admin-listener.ts'
import type { Health } from '#src/operate/health.ts'
import { Housekeeping } from '#src/operate/housekeeping.ts'
import type { PopulationRunner } from '#src/population/runner.ts'
import { makeStartLinks, type StartLinks } from '#src/portal/start-links.ts'
import type { TallyRunner } from '#src/tally/tally-runner.ts'
import type { TaskRunner } from '#src/tasks/runner.ts'
import type { LoadRunner } from '#src/updates/load-runner.ts'
import { preload } from '#src/updates/preload.ts'
import type { FeedRunner } from '#src/updates/runner.ts'
import { type Base, CannotStart, type Overrides, startBase } from './wiring/base.ts'
import { freePort } from './wiring/free-port.ts'
import { startApi } from './wiring/start-api.ts'
import { startPortal } from './wiring/start-portal.ts'
import {
  startFeeds,
  startNotices,
  startPopulation,
  startTallies,
  startTasks,
  startWorker,
} from './wiring/start-work.ts'

export type App = {
  /** Where the API and the portal are reached; null with neither of these roles. */
  url: string | null
  adminUrl: string
  worker: DeliveryWorker | null
  population: PopulationRunner | null
  runs: FeedRunner | null
  loads: LoadRunner | null
  tasks: TaskRunner | null
  notices: NoticeRunner | null
  tallies: TallyRunner | null
  housekeeping: Housekeeping
  health: Health
  /** The sandbox account of the very first start, its secrets with it: they stand nowhere else. */
  firstAccount: FirstAccount | undefined
  /** Makes one-time login links for whoever has started the service; null without the role `api`, or without an account. */
  startLinks(): Promise<StartLinks | null>
  /** Ends what has started, within the attempts' deadline and 2 s, and gives back what others can go on with. */
  close(): Promise<void>
}

/**
 * Wires everything and starts it: the roles that the configuration names, on a database that is brought up to this release.
 * @throws CannotStart; SchemaError, WrongMasterKey, DatabaseUnavailable; an error with `code` EADDRINUSE
 */
export async function createApp(
  config: Config,
  connection: Connection,
  masterKey: MasterKey,
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
    let url: string | null = null
    let waker: Waker | null = null // until it is there, nothing is recorded
    const worker = config.roles.has('worker') ? await startWorker(base, wakeLanes) : null
    waker = new Waker({ database: base.databases.worker, worker, log })
    const tasks = worker ? startTasks(base, waker) : null
    const notices = worker ? startNotices(base, () => url ?? publicUrlOf(config)) : null
    const tallies = worker ? startTallies(base) : null
    const population = config.roles.has('updates') ? startPopulation(base, waker) : null
    const feeds = config.roles.has('updates') ? await startFeeds(base, waker) : null
    const wake = {
      waker,
      tasks: () => tasks?.wake(),
      notices: () => notices?.wake(),
      population: () => population?.wake(),
      runs: () => feeds?.runs.wake(),
      loads: () => feeds?.loads.wake(),
      load: () => worker?.load,
    }
    url = config.roles.has('api')
      ? await startApi(base, wake)
      : config.roles.has('portal')
        ? await startPortal(base)
        : null
    base.health.started()
    return {
      url,
      adminUrl,
      worker,
      population,
      runs: feeds?.runs ?? null,
      loads: feeds?.loads ?? null,
      tasks,
      notices,
      tallies,
      housekeeping,
      health: base.health,
      firstAccount,
      startLinks: async () => (url === null ? null : await startLinks(base, url)),
      close: () => closing.close(),
    }
  } catch (error) {
    await closing.close()
    throw error
  }
}

async function startLinks({ databases, clock, ids }: Base, url: string): Promise<StartLinks | null> {
  const record = withoutRequest(ids, 'service')
  return await makeStartLinks(databases.api, { clock, ids }, url, async (tx, { accountId, linkId, ...after }) => {
    const done = { environment: 'sandbox', operation: 'admin.start', target: { kind: 'link', id: linkId } } as const
    await record(tx, { ...done, accountId, after })
  })
}

/** Brings the contents of the database up to this release. */
async function prepare({ databases, clock, ids, dataKeys, policies, log, closing }: Base, masterKey: MasterKey) {
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

async function startAdmin({ config, health, metrics, closing }: Base): Promise<string> {
  const admin = createAdminListener({ health, registry: metrics.registry })
  const { port, leave } = await freePort(config.adminHost, config.adminPort, config.adminPortIsFixed)
  await leave()
  admin.listen(port, config.adminHost)
  await once(admin, 'listening')
  closing.opened(() => {
    admin.closeAllConnections()
    admin.close()
  })
  return `http://${urlHost(config.adminHost)}:${port}`
}
