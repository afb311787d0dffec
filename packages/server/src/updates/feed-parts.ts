import type { Logger } from 'pino'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Wake } from '#src/events/accept.ts'
import type { Transactions } from '#src/population/work.ts'
import type { RecordIds } from '#src/producers/record-ids.ts'
import { chicagoDay } from './calendar.ts'
import type { NiprFeed } from './feed/feed.ts'
import type { Feed } from './feed-store.ts'
import type { LocalDate } from './local-date.ts'
import type { Pace } from './pace.ts'
import type { RenewalRules } from './renewal-rules.ts'
import type { Calendar } from './schedule.ts'

/** What a feed is wanted for. */
export type Purpose = 'run' | 'load'

/** How a feed is reached; null while that is not configured. */
export type Connect = (feed: Feed, purpose: Purpose) => Promise<NiprFeed | null>

/** What works on feeds: runs and first loads. */
export type FeedParts = {
  database: Queryable & Transactions // of role `updates`
  clock: Clock
  ids: IdSource
  recordIds: RecordIds
  random: () => number
  connect: Connect
  calendarOf: (feed: Feed) => Calendar
  renewalRules: RenewalRules
  wake: Wake
  pace: Pace
  log: Pick<Logger, 'info' | 'warn' | 'error'>
}

/** Resolves after a time by the clock, or when `signal` aborts. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>

/** The time of a feed. */
export function feedNow({ clock }: { clock: Clock }, feed: Pick<Feed, 'clockAheadMs'>): Date {
  return addMs(clock.now(), feed.clockAheadMs)
}

export function feedToday(parts: { clock: Clock }, feed: Pick<Feed, 'clockAheadMs'>): LocalDate {
  return chicagoDay(feedNow(parts, feed))
}
