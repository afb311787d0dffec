import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { DataKeys, type MasterKey } from '#src/accounts/encryption.ts'
import { Environments, readEnvironment } from '#src/accounts/environments.ts'
import { type Clock, DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { createOutgoing, type Outgoing } from '#src/adapters/outgoing/outgoing.ts'
import type { Connection, Database } from '#src/adapters/postgres/database.ts'
import type { Closing } from '#src/closing.ts'
import type { Config } from '#src/config.ts'
import type { Failpoint } from '#src/delivery/failpoint.ts'
import type { LeaseTimes } from '#src/delivery/ownership.ts'
import { AddressPolicies } from '#src/endpoints/address-policies.ts'
import { Health } from '#src/operate/health.ts'
import { type ServiceMetrics, serviceMetrics } from '#src/operate/metrics.ts'
import type { Docs } from '#src/portal/built-docs.ts'
import type { Pages } from '#src/portal/built-pages.ts'
import type { Connect } from '#src/updates/feed-parts.ts'
import { Pace } from '#src/updates/pace.ts'
import { VERSION } from '#src/version.ts'
import { type Databases, openDatabases } from './databases.ts'

/** What a test puts in the place of the real thing. No setting reaches any of it. */
export type Overrides = {
  clock?: Clock
  random?: () => number
  outgoing?: Outgoing
  failpoint?: Failpoint
  leaseTimes?: LeaseTimes
  /** How many times as long calls of the database may take as they may elsewhere: a busy machine is no database that is away. */
  patience?: number
  /** How feeds are reached. */
  connectFeed?: Connect | undefined
  /** In place of those that are built from packages/portal. */
  pages?: Pages
  /** In place of the documentation that is built from docs. */
  docs?: () => Docs
  /** Sees the API before it has routes. */
  watch?: (http: FastifyInstance) => void
  /** The test's server runs without fsync. */
  durabilityUnchecked?: boolean
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

/** Calls of the API wait for the settings of their environment, among other things, and have 2 s in all. */
const SETTINGS_MS_MAX = 1_000
const CLOCK_READ_MS = 1_000

/** What all parts of a process are made from. */
export type Base = {
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
  /** Of the daily runs, which give way to reads. */
  pace: Pace
  closing: Closing
}

/** Opens what all roles lean on. @throws CannotStart, DatabaseUnavailable */
export async function startBase(
  config: Config,
  connection: Connection,
  masterKey: MasterKey,
  log: Logger,
  overrides: Overrides,
  closing: Closing,
): Promise<Base> {
  const patience = overrides.patience ?? 1
  const databases = openDatabases(connection, patience)
  closing.opened(() => Promise.all(Object.values(databases).map((pool) => pool.close())))
  const metrics = serviceMetrics(VERSION)
  metrics.observePools(databases)
  const health = new Health(databases.worker, { checksDurability: !overrides.durabilityUnchecked, masterKey })
  metrics.observeHealth(health)
  closing.working(() => health.drain())
  closing.opened(() => health.stop())
  const notDurable = await health.start()
  if (notDurable.length > 0) throw new CannotStart(notDurable)

  const databaseClock = overrides.clock ? null : new DatabaseClock()
  if (databaseClock) closing.opened(await keepTime(databaseClock, databases.lease))
  const clock = overrides.clock ?? databaseClock ?? new DatabaseClock()
  const ofCall = { timeoutMs: SETTINGS_MS_MAX * patience, readOnly: true }
  const environments = new Environments(
    (environment) => databases.worker.transaction(ofCall, (tx) => readEnvironment(tx, environment)),
    clock,
  )
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
    pace: new Pace(),
    closing,
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
