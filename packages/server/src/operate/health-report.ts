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

type Problem = { part: string; text: string; advice: string }

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
  return [
    ...(dead === 0
      ? []
      : [problem('workers', `${dead} worker(s) died.`, 'Others take their work over within 10 s; start another one.')]),
    ...(free === 0
      ? []
      : [
          problem(
            'shards',
            `Nobody delivers ${free} of ${shards.total} shards.`,
            'Start a process with the role worker.',
          ),
        ]),
    ...(shards.careful === 0
      ? []
      : [
          problem(
            'shards',
            `${shards.careful} shard(s) go one by one.`,
            'Their workers died again and again: see the log.',
          ),
        ]),
  ]
}

function laneProblems(lanes: readonly Lane[]): Problem[] {
  return lanes
    .filter(({ lane, lagMs }) => lane === 'first' && lagMs !== null && lagMs > LAG_MS_MAX)
    .map(() =>
      problem('lanes', 'First attempts wait for more than a minute.', 'Failing or slow endpoints, or too few workers.'),
    )
}

function jobProblems(jobs: readonly Job[]): Problem[] {
  return jobs
    .filter(({ failed }) => failed > 0)
    .map(({ kind, failed }) => problem('jobs', `${failed} of ${kind} failed within a day.`, 'The job says why.'))
}

function databaseProblems({ shown }: DatabaseState, missing: readonly string[], durable: boolean): Problem[] {
  const { connections, connectionsMax } = shown
  return [
    ...(durable
      ? []
      : [problem('database', 'It may lose what it acknowledges.', 'Switch fsync and synchronous_commit on.')]),
    ...(connections < connectionsMax * 0.9
      ? []
      : [problem('database', 'Nearly all connections are in use.', 'Raise max_connections, or run fewer processes.')]),
    ...(missing.length === 0
      ? []
      : [problem('migrations', 'The schema is older than this release.', 'Run admin migrate.')]),
  ]
}

function problem(part: string, text: string, advice: string): Problem {
  return { part, text, advice }
}
