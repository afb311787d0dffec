import { DEFAULT_HOLIDAYS } from '#src/simulator/business-days.ts'
import type { FeedDefinition } from '#src/simulator/feed-definition.ts'
import { type Calendar, STANDARD_CALENDAR } from './schedule.ts'

/** When runs of sandbox feeds are due: as in production, less the simulator's holidays. */
export const SANDBOX_CALENDAR: Calendar = { ...STANDARD_CALENDAR, holidays: DEFAULT_HOLIDAYS }

/** A feed of the sandbox as the simulator is told of it. */
export function sandboxDefinition(feed: Pick<FeedDefinition, 'seed' | 'password' | 'scenarios'>): FeedDefinition {
  return feed
}
