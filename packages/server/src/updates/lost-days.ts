import type { Queryable } from '#src/adapters/postgres/database.ts'
import { addDays } from './calendar.ts'
import { ALERT_KINDS } from './feed/feed.ts'
import type { FeedParts } from './feed-parts.ts'
import { type Feed, saveLostDays } from './feed-store.ts'
import type { LocalDate } from './local-date.ts'
import { readReports } from './run-store.ts'
import { lostDays, OWED_DAYS_MAX } from './schedule.ts'

/** Notes the days that the run of a day can no longer make up for. Source: producersync-api 9. */
export async function noteLostDays(tx: Queryable, parts: FeedParts, feed: Feed, runDate: LocalDate): Promise<void> {
  const owedFrom = addDays(runDate, -OWED_DAYS_MAX)
  if (feed.owedFrom >= owedFrom) return
  const known = await readReports(tx, feed.id, feed.owedFrom)
  const lost = lostDays(ALERT_KINDS, runDate, feed.owedFrom, known, parts.calendarOf(feed))
  await saveLostDays(tx, feed.id, lost, owedFrom)
  if (lost.length > 0) parts.log.error({ event: 'run.days_lost', feedId: feed.id, days: lost })
}
