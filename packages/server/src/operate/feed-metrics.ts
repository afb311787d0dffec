import { Gauge, type Registry } from 'prom-client'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { addDays, chicagoDay } from '#src/updates/calendar.ts'
import { type Feed, PRODUCTION_FEED, readFeed } from '#src/updates/feed-store.ts'
import { RUN_STATES } from '#src/updates/run.ts'
import { type Calendar, latestBusinessDay, noReportAt } from '#src/updates/schedule.ts'

/** First loads and jobs are counted up to this many. */
const SHOWN_MAX = 100_000
/** So long after a publication every receiver has had time to confirm. */
const SIGNAL_MS_MAX = 3_600_000

type Figures = {
  state: string | null
  published_at: Date | null
  published_date: string | null
  seconds: number | null
  changed: number | null
  first_loads: number
  jobs: number
  undelivered: number
}

/** What operators watch of production's runs; `ops/prometheus/rules.yml` says when to look. Read when it is asked for. */
export function observeFeed(
  registry: Registry,
  parts: { database: Queryable; clock: Clock; calendar: Calendar },
): void {
  const registers = [registry]
  let reading: Promise<Shown | undefined> | undefined
  // one reading for all that one scrape shows
  const read = () => {
    reading ??= readShown(parts)
      .catch(() => undefined)
      .finally(() => {
        reading = undefined
      })
    return reading
  }
  const gauge = (name: string, help: string, figureOf: (shown: Shown) => number | null) => {
    const collect = async function collect(this: Gauge) {
      const shown = await read()
      const value = shown && figureOf(shown)
      if (typeof value === 'number') this.set(value)
    }
    new Gauge({ name: `psapi_${name}`, help, registers, collect })
  }
  gauge('run_published_timestamp_seconds', 'When the last run was published; 0 before the first', ({ figures }) =>
    figures.published_at ? figures.published_at.getTime() / 1000 : 0,
  )
  gauge('run_overdue', '1: a business day is over at 20:00 and no run has been published for it', (shown) =>
    shown.isOverdue ? 1 : 0,
  )
  gauge('run_days_lost', 'Days that no run has covered within 14 days', ({ feed }) => feed.lostDays.length)
  gauge('run_seconds', 'From start to publication of the last published run', ({ figures }) => figures.seconds)
  gauge('run_records_changed', 'Records that the last published run has written', ({ figures }) => figures.changed)
  gauge(
    'first_loads_waiting',
    `First loads that are wanted; counted up to ${SHOWN_MAX}`,
    ({ figures }) => figures.first_loads,
  )
  gauge(
    'population_jobs_open',
    `Population jobs that have not ended; counted up to ${SHOWN_MAX}`,
    ({ figures }) => figures.jobs,
  )
  gauge(
    'signal_undelivered_accounts',
    `Accounts to which updates_available of the last published run is still being delivered an hour after; counted up to ${SHOWN_MAX}`,
    ({ figures }) => figures.undelivered,
  )
  new Gauge({
    name: 'psapi_run_state',
    help: 'State of the newest run: 1 for the state that it is in',
    labelNames: ['state'],
    registers,
    async collect() {
      const shown = await read()
      if (shown) for (const state of RUN_STATES) this.set({ state }, shown.figures.state === state ? 1 : 0)
    },
  })
}

type Shown = { feed: Feed; figures: Figures; isOverdue: boolean }

/** How production's feed stands; undefined before the first start. @param parts  `database`: role `updates` */
export async function readShown(parts: {
  database: Queryable
  clock: Clock
  calendar: Calendar
}): Promise<Shown | undefined> {
  const { database, clock, calendar } = parts
  const feed = await readFeed(database, PRODUCTION_FEED)
  if (!feed) return undefined
  const now = addMs(clock.now(), feed.clockAheadMs)
  const figures = await readFigures(database, now)
  if (!figures) return undefined
  const today = chicagoDay(now)
  const over = latestBusinessDay(noReportAt(today, calendar) <= now ? today : addDays(today, -1), calendar)
  const isOwed = feed.kind !== 'none' && over >= feed.owedFrom
  return { feed, figures, isOverdue: isOwed && (figures.published_date ?? '') < over }
}

async function readFigures(database: Queryable, now: Date): Promise<Figures | undefined> {
  const [row] = await database.query<Figures>`
    select (select state from nipr_run where feed_id = ${PRODUCTION_FEED} order by scheduled_at desc limit 1) as state,
           last.published_at, last.run_date as published_date,
           extract(epoch from last.published_at - last.started_at)::float8 as seconds,
           ((last.counts->>'inserted')::int + (last.counts->>'updated')::int + (last.counts->>'deleted')::int) as changed,
           (select count(*) from (select from nipr_target where load_due_at is not null limit ${SHOWN_MAX}) as l) as first_loads,
           (select count(*) from (select from population_job where finished_at is null limit ${SHOWN_MAX}) as j) as jobs,
           (select count(*)
              from (select from nipr_announcement a
                     where a.run_id = last.id and last.published_at < ${addMs(now, -SIGNAL_MS_MAX)}
                       and exists (select from pending p where p.account_id = a.account_id and p.event_id = a.event_id)
                     limit ${SHOWN_MAX}) as u) as undelivered
      from (select) as one
      left join lateral (select id, published_at, started_at, run_date, counts from nipr_run
                          where feed_id = ${PRODUCTION_FEED} and state = 'published'
                          order by published_at desc limit 1) as last on true`
  return row
}
