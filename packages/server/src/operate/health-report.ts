import type { Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { migrationNames } from '#src/adapters/postgres/migrate.ts'
import type { Health } from './health.ts'
import {
  type DatabaseState,
  type Job,
  type Lane,
  readDatabase,
  readFailing,
  readJobs,
  readLanes,
  readPopulationJobs,
  readSlowest,
  readWorkers,
  type Workers,
} from './health-store.ts'

export type HealthReportParts = {
  /** Role `worker`. */
  worker: Database
  /** Role `updates`. */
  updates: Database
  health: Pick<Health, 'durabilityFaults'>
  clock: Clock
  version: string
  /** Of the worker in this process, where it has one. */
  load: () => { breakersOpen: number } | undefined
}

/** Waiting for longer than this is worth a look: nothing waits so long while workers keep up. */
const LAG_MS_MAX = 60_000

type Problem = { part: string; text: string; advice: string; alert: string | null; runbook: string | null }

/** How the service is, for the operator's staff. */
export class HealthReport {
  readonly #parts: HealthReportParts
  readonly #migrations: readonly string[] = migrationNames()

  constructor(parts: HealthReportParts) {
    this.#parts = parts
  }

  /** What concerns the environment, and what all of them share. @throws what the database throws */
  async of(environment: Environment): Promise<object> {
    const { worker, updates, health, clock, version, load } = this.#parts
    const now = clock.now()
    // one after the other: a report must not take the connections of those who deliver
    const workers = await readWorkers(worker)
    const lanes = await readLanes(worker, environment, now)
    const slowestEndpoints = await readSlowest(worker, environment, now)
    const breakers = { ...(await readFailing(worker, environment)), openHere: load()?.breakersOpen ?? null }
    const jobs = [
      ...(await readJobs(worker, environment, now)),
      ...(await readPopulationJobs(updates, environment, now)),
    ]
    const state = await readDatabase(worker)
    const migrations = {
      applied: state.migrations,
      missing: this.#migrations.filter((name) => !state.migrations.includes(name)),
    }
    const durable = health.durabilityFaults.length === 0
    const problems = [
      ...workerProblems(workers),
      ...laneProblems(lanes),
      ...jobProblems(jobs),
      ...databaseProblems(state, migrations.missing, durable),
    ]
    const isDown = workers.shards.owned === 0 || !durable
    return {
      at: now,
      version,
      status: isDown ? 'down' : problems.length > 0 ? 'degraded' : 'ok',
      problems,
      ...workers,
      lanes,
      slowestEndpoints,
      breakers,
      jobs,
      database: { ...state.shown, durable },
      migrations,
    }
  }
}

function workerProblems({ workers, shards }: Workers): Problem[] {
  const dead = workers.filter(({ state }) => state === 'dead').length
  const free = shards.total - shards.owned
  const { careful, total } = shards
  return [
    ...when(dead > 0, 'workers', `${dead} worker(s) died.`, 'Others take over within 10 s.', 'WorkersMissing'),
    ...when(free > 0, 'shards', `Nobody delivers ${free} of ${total} shards.`, 'Start a worker.', 'ShardsUnowned'),
    ...when(
      careful > 0,
      'shards',
      `${careful} shard(s) go one by one.`,
      'Their workers died again and again: see the log.',
    ),
  ]
}

function laneProblems(lanes: readonly Lane[]): Problem[] {
  const isLate = lanes.some(({ lane, lagMs }) => lane === 'first' && lagMs !== null && lagMs > LAG_MS_MAX)
  const advice = 'Endpoints fail or are slow, or there are too few workers.'
  return when(isLate, 'lanes', 'First attempts wait for more than a minute.', advice, 'DeliveryLagHigh')
}

function jobProblems(jobs: readonly Job[]): Problem[] {
  return jobs.flatMap(({ kind, failed }) =>
    when(failed > 0, 'jobs', `${failed} of ${kind} failed within a day.`, 'The job says why.'),
  )
}

function databaseProblems({ shown }: DatabaseState, missing: readonly string[], durable: boolean): Problem[] {
  const isFull = shown.connections >= shown.connectionsMax * 0.9
  return [
    ...when(!durable, 'database', 'It may lose what it acknowledges.', 'Switch fsync on.', 'DatabaseNotDurable'),
    ...when(isFull, 'database', 'Nearly all connections are in use.', 'Run fewer processes.', 'PoolExhausted'),
    ...when(missing.length > 0, 'migrations', 'The schema is older than this release.', 'Run admin migrate.'),
  ]
}

/** @param alert  of ops/prometheus/rules.yml, which rings for it; its runbook has the same name */
function when(isSo: boolean, part: string, text: string, advice: string, alert: string | null = null): Problem[] {
  if (!isSo) return []
  const name = alert?.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase()
  return [{ part, text, advice, alert, runbook: name === undefined ? null : `docs/runbooks/${name}.md` }]
}
