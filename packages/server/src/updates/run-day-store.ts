import type { Page } from '#src/adapters/http/pages.ts'
import { ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { Standing } from '#src/attempts/attempt.ts'
import { listDestinations } from '#src/attempts/standing-store.ts'
import type { RecordKind } from '#src/producers/record.ts'
import type { LocalDate } from './local-date.ts'
import type { KnownRuns } from './run-day.ts'
import { type RunRow, runColumns, toRun } from './run-store.ts'

/** A day is made up for within so many. */
const COVERED_LATER_DAYS_MAX = 31

/** Runs of the days `from` to `until`: of several of one day the published one, else the newest. */
export async function readRunsOfDays(
  tx: Queryable,
  feedId: string,
  { from, until }: { from: LocalDate; until: LocalDate },
): Promise<KnownRuns> {
  const rows = await tx.run<RunRow>(sql`
    select distinct on (run_date) ${runColumns} from nipr_run
     where feed_id = ${feedId} and run_date between ${from}::date and ${until}::date
     order by run_date, state = 'published' desc, scheduled_at desc`)
  const covering = await tx.query<{ runDate: LocalDate; covers: LocalDate[] }>`
    select run_date as "runDate", covers from nipr_run
     where feed_id = ${feedId} and state = 'published'
       and run_date between ${from}::date and ${until}::date + ${COVERED_LATER_DAYS_MAX}::int
     order by run_date`
  return { ofDay: new Map(rows.map(toRun).map((run) => [run.runDate, run])), covering }
}

/** What an account was told of a run, and what the run has changed for it. */
export type Told = {
  eventId: string
  at: Date
  producersChanged: number
  recordsByKind: Partial<Record<RecordKind, number>>
}

type ToldRow = {
  run_id: string
  event_id: string
  created_at: Date | null
  producers_changed: number
  records_changed: Told['recordsByKind']
}

/** By the run's id. */
export async function readTold(
  tx: Queryable,
  accountId: string,
  runIds: readonly string[],
): Promise<Map<string, Told>> {
  const rows = await tx.query<ToldRow>`
    select t.run_id, t.event_id, e.created_at, t.producers_changed, t.records_changed
      from nipr_announcement t left join event e on e.account_id = t.account_id and e.id = t.event_id
     where t.account_id = ${accountId} and t.run_id = any (${runIds}::uuid[])`
  return new Map(rows.map((row) => [row.run_id, toTold(row)]))
}

function toTold(row: ToldRow): Told {
  return {
    eventId: row.event_id,
    at: row.created_at ?? ksuidTime(row.event_id.replace(/^msg_/, '')), // the event has had its time
    producersChanged: row.producers_changed,
    recordsByKind: row.records_changed,
  }
}

const ALL: Page = { limit: 1_000, above: null, below: null, read: 'ascending', show: 'ascending' }

/** How an event stands with each endpoint that it goes to. */
export async function readStandings(tx: Queryable, accountId: string, eventId: string): Promise<Standing[]> {
  const destinations = await listDestinations(tx, accountId, eventId, ALL)
  return destinations.map(({ standing }) => standing)
}
