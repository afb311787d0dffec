import { environments } from '#src/accounts/environments.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import type { Config } from '#src/config.ts'
import { readShown } from '#src/operate/feed-metrics.ts'
import { readJobs, readLanes, readPopulationJobs, readWorkers, type Workers } from '#src/operate/health-store.ts'
import { calendarsOf } from '#src/updates/production-feed.ts'
import { type Check, failed, ok, PAGES, skipped, type Verdict, warning } from './finding.ts'

const LAG_WARN_MS = 60_000
const LAG_FAIL_MS = 600_000

export type WorkParts = {
  /** Role `worker`. */
  database: Database
  /** Role `updates`. */
  updates: Database
  clock: Clock
  config: Config
}

/** Whether what was accepted is being worked on. */
export function workChecks(parts: WorkParts): Check[] {
  return [
    { check: 'workers', page: PAGES.runbook('shards-unowned'), look: () => workers(parts) },
    { check: 'backlog', page: PAGES.runbook('delivery-lag-high'), look: () => backlog(parts) },
    { check: 'jobs', page: PAGES.watch, look: () => jobs(parts) },
    { check: 'daily-run', page: PAGES.daily, look: () => dailyRun(parts) },
  ]
}

async function workers({ database }: WorkParts): Promise<Verdict> {
  const state = await readWorkers(database)
  const [row] = await database.query<{ waiting: boolean }>`
    select exists (select from pending) or exists (select from packed_delivery) as waiting`
  return workersVerdict(state, row?.waiting ?? false)
}

/** @param isWaiting  a delivery is planned: it matters that nobody would do it */
export function workersVerdict({ workers: known, shards }: Workers, isWaiting: boolean): Verdict {
  const alive = known.filter(({ state }) => state === 'alive').length
  const free = shards.total - shards.owned
  if (free === 0 && shards.total > 0) return ok(`${alive} worker(s) hold all ${shards.total} shards`)
  const text = `Nobody delivers for ${free} of ${shards.total} shards; ${alive} worker(s) are alive.`
  const remedy = 'Start a process with the role worker; one that has died is replaced by the others within 10 s.'
  return isWaiting ? failed(text, remedy) : warning(text, remedy)
}

/** What should have been attempted by now, in any environment. */
async function backlog({ database, clock }: WorkParts): Promise<Verdict> {
  const now = clock.now()
  const lanes = []
  for (const environment of environments) lanes.push(...(await readLanes(database, environment, now)))
  const lagMs = Math.max(0, ...lanes.map((lane) => lane.lagMs ?? 0))
  const waiting = lanes.reduce((sum, lane) => sum + lane.waiting.count, 0)
  const text = `${waiting} deliveries are planned, and the oldest that is due has waited for ${Math.round(lagMs / 1000)} s`
  const remedy = 'See whether workers are there, then which endpoints hold it up: Health in the portal of staff.'
  if (lagMs > LAG_FAIL_MS) return failed(`${text}.`, remedy)
  return lagMs > LAG_WARN_MS ? warning(`${text}.`, remedy) : ok(text)
}

async function jobs({ database, updates, clock }: WorkParts): Promise<Verdict> {
  const found = []
  for (const environment of environments) {
    found.push(...(await readJobs(database, environment, clock.now())))
    found.push(...(await readPopulationJobs(updates, environment, clock.now())))
  }
  const failures = found.filter((job) => job.failed > 0)
  if (failures.length === 0) return ok('No job has failed within a day')
  const text = failures.map(({ kind, failed: count }) => `${count} of ${kind}`).join(', ')
  return warning(`Jobs have failed within a day: ${text}.`, 'Each says why: Background tasks in the portal of staff.')
}

async function dailyRun({ updates, clock, config }: WorkParts): Promise<Verdict> {
  if (config.feed === null) return skipped('NIPR_FEED is none: production has no daily run.')
  const calendar = calendarsOf(config)({ environment: 'production' })
  const shown = await readShown({ database: updates, clock, calendar })
  if (!shown) return skipped('No process with the role updates has been started yet.')
  const { figures, feed, isOverdue } = shown
  const last = figures.published_date === null ? 'none yet' : `the last one is of ${figures.published_date}`
  const remedy = `Follow ${PAGES.runbook('run-late')}; the newest run is ${figures.state ?? 'not begun'}.`
  if (isOverdue) return failed(`No run has been published for the last business day: ${last}.`, remedy)
  if (feed.lostDays.length > 0) return warning(`Days that no run covers: ${feed.lostDays.join(', ')}.`, remedy)
  return ok(`Runs are published: ${last}`)
}
