import { environments as environmentNames } from '#src/accounts/environments.ts'
import { createMailer } from '#src/adapters/mail/mail.ts'
import { Listener } from '#src/adapters/postgres/listen.ts'
import { TRANSACTIONS_END_MS_MAX } from '#src/closing.ts'
import { noFailpoint } from '#src/delivery/failpoint.ts'
import type { LaneName } from '#src/delivery/lanes.ts'
import { deliveryMetrics } from '#src/delivery/metrics.ts'
import { parseHints, WAKE_CHANNEL, type Waker } from '#src/delivery/wake.ts'
import { DeliveryWorker } from '#src/delivery/worker.ts'
import { readTargets } from '#src/endpoints/target.ts'
import { eraseWorks } from '#src/erasure/work.ts'
import { exportWorks } from '#src/interchange/work.ts'
import { NoticeRunner } from '#src/notices/runner.ts'
import { observeFeed } from '#src/operate/feed-metrics.ts'
import { PopulationRunner } from '#src/population/runner.ts'
import { RecordIds } from '#src/producers/record-ids.ts'
import { replayWorks } from '#src/replays/work.ts'
import { statisticsWorks } from '#src/statistics/work.ts'
import { TallyRunner } from '#src/tally/tally-runner.ts'
import { TaskRunner } from '#src/tasks/runner.ts'
import { connectFeeds } from '#src/updates/connect.ts'
import { LoadRunner } from '#src/updates/load-runner.ts'
import { calendarsOf, configureProduction } from '#src/updates/production-feed.ts'
import { FeedRunner } from '#src/updates/runner.ts'
import type { Base } from './base.ts'

/** Delivers what is pending in the shards that this process comes to own. */
export async function startWorker(
  base: Base,
  wakeLanes: (names: readonly LaneName[]) => void,
): Promise<DeliveryWorker> {
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
    (hints) => worker.hint(parseHints(hints)),
    () => worker.hintsMissed(),
    { role: 'worker', applicationName: 'producersync-listen' },
  )
  await listener.start()
  closing.working(() => listener.close())
  metrics.observeStored(databases.worker)
  metrics.observeWorker(worker)
  return worker
}

export function startTasks({ databases, clock, ids, log, closing }: Base, waker: Waker): TaskRunner {
  const works = { ...replayWorks, ...eraseWorks({ ids, clock }), ...statisticsWorks, ...exportWorks }
  const runner = new TaskRunner({ database: databases.worker, works, clock, ids, wakeLanes: waker.lanes, log })
  runner.start()
  closing.working(() => runner.close(), TRANSACTIONS_END_MS_MAX)
  return runner
}

/** Tells people what is wrong, where they asked for it. @param publicUrl of this service, as it is known by then */
export function startNotices(base: Base, publicUrl: () => string): NoticeRunner {
  const { config, databases, policies, closing } = base
  const mailer = config.mail && createMailer(config.mail.url, config.mail.from)
  const runner = new NoticeRunner({
    ...base,
    database: databases.worker,
    policyOf: (environment) => policies.current(environment),
    calendarOf: calendarsOf(config),
    mailer,
    publicUrl,
  })
  runner.start()
  closing.working(() => runner.close(), TRANSACTIONS_END_MS_MAX)
  if (mailer) closing.opened(() => mailer.close())
  return runner
}

/** Counts what has been attempted, some minutes later. */
export function startTallies({ databases, clock, log, closing }: Base): TallyRunner {
  const runner = new TallyRunner({ database: databases.worker, clock, log })
  runner.start()
  closing.working(() => runner.close(), TRANSACTIONS_END_MS_MAX)
  return runner
}

export function startPopulation({ databases, clock, ids, log, closing }: Base, waker: Waker): PopulationRunner {
  const runner = new PopulationRunner({ database: databases.updates, clock, ids, wake: waker.deliveries, log })
  runner.start()
  closing.working(() => runner.close(), TRANSACTIONS_END_MS_MAX)
  return runner
}

/** The daily runs, and the first loads of NPNs that join. */
export async function startFeeds(base: Base, waker: Waker): Promise<{ runs: FeedRunner; loads: LoadRunner }> {
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
    renewalRules: config.renewalRules,
    wake: waker.deliveries,
    pace: base.pace,
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
