import type { Clock } from '#src/adapters/clock.ts'
import type { Transactions } from '#src/population/work.ts'
import { type Feed, PRODUCTION_FEED, reconfigureFeed, saveFeed } from './feed-store.ts'
import type { LocalDate } from './local-date.ts'
import { SANDBOX_CALENDAR } from './sandbox-feed.ts'
import { type Calendar, cleaningDay, firstOwedDay, STANDARD_CALENDAR } from './schedule.ts'

/** What an operator has set of production's feed. `calendar.…At`: minutes after midnight in Chicago. */
export type ProductionSettings = {
  feed: { kind: 'nipr' } | { kind: 'simulator'; seed: string } | null
  calendar: { runAt: number; signalDueAt: number; holidays: readonly LocalDate[] }
}

/** The calendar of any feed. */
export function calendarsOf({ calendar }: ProductionSettings): (feed: Pick<Feed, 'environment'>) => Calendar {
  const production = { ...STANDARD_CALENDAR, ...calendar, holidays: new Set(calendar.holidays) }
  return (feed) => (feed.environment === 'production' ? production : SANDBOX_CALENDAR)
}

/** Brings the feed of production to what is set now. A feed that begins now owes no day before. */
export async function configureProduction(
  updates: Transactions,
  clock: Clock,
  settings: ProductionSettings,
): Promise<void> {
  const now = clock.now()
  const calendar = calendarsOf(settings)({ environment: 'production' })
  const feed = {
    id: PRODUCTION_FEED,
    environment: 'production',
    accountId: null,
    kind: settings.feed?.kind ?? 'none',
    seed: settings.feed?.kind === 'simulator' ? settings.feed.seed : '',
    owedFrom: firstOwedDay(now, calendar),
    cleanedOn: cleaningDay(now, calendar),
  } as const
  await updates.transaction({}, async (tx) => {
    await tx.query`select pg_advisory_xact_lock(hashtextextended('psapi.production-feed', 0))`
    if (!(await reconfigureFeed(tx, feed, now))) await saveFeed(tx, feed, now)
  })
}
