import { Gauge, type Registry } from 'prom-client'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { addDays, chicagoDay } from '#src/updates/calendar.ts'
import { PRODUCTION_FEED, readFeed } from '#src/updates/feed-store.ts'
import { RUN_STATES } from '#src/updates/run.ts'
import { type Calendar, latestBusinessDay, noReportAt } from '#src/updates/schedule.ts'

/** First loads and jobs are counted up to this many. */
const SHOWN_MAX = 100_000

type Figures = {
  state: string | null
  published_at: Date | null
  published_date: string | null
  seconds: number | null
  changed: number | null
  first_loads: number
  jobs: number
}

/** What operators watch of production's runs; `ops/prometheus-alerts.yml` says when to look. Read when it is asked for. */
export function observeFeed(
  registry: Registry,
  parts: { database: Queryable; clock: Clock; calendar: Calendar },
): void {
  const { database, clock, calendar } = parts
  const registers = [registry]
  const gauge = (name: string, help: string) => new Gauge({ name: `psapi_${name}`, help, registers })
  const published = gauge('run_published_timestamp_seconds', 'When the last run was published; absent before the first')
  const overdue = gauge('run_overdue', '1: a business day is over at 20:00 and no run has been published for it')
  const lost = gauge('run_days_lost', 'Days that no run has covered within 14 days')
  const seconds = gauge('run_seconds', 'From start to publication of the last published run')
  const changed = gauge('run_records_changed', 'Records that the last published run has written')
  const loads = gauge('first_loads_waiting', `First loads that are wanted; counted up to ${SHOWN_MAX}`)
  const jobs = gauge('population_jobs_open', `Population jobs that have not ended; counted up to ${SHOWN_MAX}`)
  new Gauge({
    name: 'psapi_run_state',
    help: 'State of the newest run: 1 for the state that it is in',
    labelNames: ['state'],
    registers,
    async collect() {
      const feed = await readFeed(database, PRODUCTION_FEED).catch(() => undefined)
      const figures = await readFigures(database).catch(() => undefined)
      if (!feed || !figures) return
      for (const state of RUN_STATES) this.set({ state }, figures.state === state ? 1 : 0)
      if (figures.published_at) published.set(figures.published_at.getTime() / 1000)
      const now = addMs(clock.now(), feed.clockAheadMs)
      const today = chicagoDay(now)
      const over = latestBusinessDay(noReportAt(today, calendar) <= now ? today : addDays(today, -1), calendar)
      const isOwed = feed.kind !== 'none' && over >= feed.owedFrom
      overdue.set(isOwed && (figures.published_date ?? '') < over ? 1 : 0)
      lost.set(feed.lostDays.length)
      seconds.set(figures.seconds ?? 0)
      changed.set(figures.changed ?? 0)
      loads.set(figures.first_loads)
      jobs.set(figures.jobs)
    },
  })
}

async function readFigures(database: Queryable): Promise<Figures | undefined> {
  const [row] = await database.query<Figures>`
    select (select state from nipr_run where feed_id = ${PRODUCTION_FEED} order by scheduled_at desc limit 1) as state,
           last.published_at, last.run_date as published_date,
           extract(epoch from last.published_at - last.started_at)::float8 as seconds,
           ((last.counts->>'inserted')::int + (last.counts->>'updated')::int + (last.counts->>'deleted')::int) as changed,
           (select count(*) from (select from nipr_target where load_due_at is not null limit ${SHOWN_MAX}) as l) as first_loads,
           (select count(*) from (select from population_job where finished_at is null limit ${SHOWN_MAX}) as j) as jobs
      from (select) as one
      left join lateral (select published_at, started_at, run_date, counts from nipr_run
                          where feed_id = ${PRODUCTION_FEED} and state = 'published'
                          order by published_at desc limit 1) as last on true`
  return row
}
