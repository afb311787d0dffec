import type { Environment } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { SIGNAL_DAYS, type SignalFeed, type SignalRun, signalOf } from '#src/health/signal.ts'
import { addDays, chicagoDay } from '#src/updates/calendar.ts'
import type { LocalDate } from '#src/updates/local-date.ts'
import type { Calendar } from '#src/updates/schedule.ts'

/** The signal of a day that all accounts of a feed wait for. `at`: since when it is late. */
export type LateSignal = { feedId: string; runDate: LocalDate; at: Date }

type FeedRow = SignalFeed & { id: string; environment: Environment }

/**
 * Signals that are late now, of the feeds of which somebody wants to hear that.
 * @param db  of role `worker`
 */
export async function readLateSignals(
  db: Queryable,
  calendarOf: (feed: { environment: Environment }) => Calendar,
  now: Date,
): Promise<LateSignal[]> {
  const feeds = await db.query<FeedRow>`
    select id, environment, kind, owed_from as "owedFrom", clock_ahead_ms as "clockAheadMs" from nipr_feed
     where kind <> 'none'
       and id in (select a.feed_id from notification_channel c join account a on a.id = c.account_id
                   where c.enabled and 'daily_signal_late' = any (c.rules) and a.deleted_at is null)`
  if (feeds.length === 0) return []
  const runs = await db.query<SignalRun & { feedId: string }>`
    select r.feed_id as "feedId", r.run_date as "runDate", r.state, r.late, r.covers, r.published_at as "publishedAt"
      from unnest(${feeds.map(({ id }) => id)}::text[], ${feeds.map((feed) => firstDay(feed, now))}::date[]) as f (id, day)
      join nipr_run r on r.feed_id = f.id and r.run_date >= f.day
     order by r.run_date desc, r.scheduled_at desc`
  const runsOf = Map.groupBy(runs, ({ feedId }) => feedId)
  return feeds.flatMap((feed) => {
    const { lateSince } = signalOf(runsOf.get(feed.id) ?? [], feed, calendarOf(feed), now)
    if (!lateSince) return []
    return { feedId: feed.id, runDate: chicagoDay(addMs(lateSince, feed.clockAheadMs)), at: lateSince }
  })
}

function firstDay({ clockAheadMs }: SignalFeed, now: Date): LocalDate {
  return addDays(chicagoDay(addMs(now, clockAheadMs)), 1 - SIGNAL_DAYS)
}
