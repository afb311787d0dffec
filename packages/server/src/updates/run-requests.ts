import { randomUUID } from 'node:crypto'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { isUniqueViolation, type Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import type { Transactions } from '#src/population/work.ts'
import { addDays, chicagoDay, chicagoMoment, isBusinessDay } from './calendar.ts'
import { callFeed, type Feed, holdFeed, moveClock } from './feed-store.ts'
import type { LocalDate } from './local-date.ts'
import type { RunScenario } from './run.ts'
import {
  countSandboxRuns,
  endUnpublished,
  holdOpenRun,
  insertRun,
  type NewRun,
  readLastPublished,
  releaseRun,
} from './run-store.ts'
import { type Calendar, dueDay, nextBusinessDay, runMoment } from './schedule.ts'

/** What people ask of feeds and runs. */
export type RequestParts = {
  updates: Transactions // of role `updates`; who may ask is settled before
  clock: Clock
  calendarOf: (feed: Feed) => Calendar
}

/** The clock of a sandbox goes no further than this at a time, and no run is asked for beyond. */
const AHEAD_DAYS_MAX = 14
const SANDBOX_RUNS_PER_HOUR = 60
const HOUR_MS = 3_600_000
/** Where the reports of a late day can be had, on the next morning. */
const LATE_MINUTES = 3 * 60

/**
 * Starts a run of a sandbox feed at once, and moves its clock to where that run is due. Source: producersync-api 13.
 * @returns the run's id
 * @throws DomainError unreadable_query (no such day), conflict (a run is in progress), rate_limited
 */
export async function requestSandboxRun(
  parts: RequestParts,
  feedId: string,
  wanted: { runDate?: LocalDate; scenario?: RunScenario },
): Promise<string> {
  return await parts.updates.transaction({}, async (tx) => {
    const feed = await heldFeed(tx, feedId)
    const calendar = parts.calendarOf(feed)
    const now = parts.clock.now()
    const feedTime = addMs(now, feed.clockAheadMs)
    const last = await readLastPublished(tx, feedId)
    const runDate = wanted.runDate ?? defaultDay(last?.runDate, chicagoDay(feedTime), calendar)
    if (!isBusinessDay(runDate, calendar.holidays)) throw refused('runDate', `${runDate} is not a business day`)
    if (last && runDate < last.runDate) throw refused('runDate', `${runDate} is before the last run, ${last.runDate}`)
    if (runDate > addDays(chicagoDay(feedTime), AHEAD_DAYS_MAX)) {
      throw refused('runDate', `${runDate} is more than ${AHEAD_DAYS_MAX} days ahead`)
    }
    const recent = await countSandboxRuns(tx, feedId, addMs(now, -HOUR_MS))
    if (recent.count >= SANDBOX_RUNS_PER_HOUR) throw tooManyRuns(recent.oldestAt ?? now, now)
    const scenario = wanted.scenario ?? 'normal'
    const dueAt = scenario === 'late' ? chicagoMoment(addDays(runDate, 1), LATE_MINUTES) : runMoment(runDate, calendar)
    const run = { id: randomUUID(), feedId, runDate, trigger: 'sandbox', scenario, fullRefresh: false } as const
    await insertOnly(tx, run, now)
    await moveClock(tx, feedId, Math.max(feed.clockAheadMs, dueAt.getTime() - now.getTime()), now)
    return run.id
  })
}

function defaultDay(last: LocalDate | undefined, today: LocalDate, calendar: Calendar): LocalDate {
  return nextBusinessDay(last ?? addDays(today, -1), calendar)
}

function tooManyRuns(oldestAt: Date, now: Date): DomainError {
  const waitMs = addMs(oldestAt, HOUR_MS).getTime() - now.getTime()
  return new DomainError('rate_limited', `At most ${SANDBOX_RUNS_PER_HOUR} runs an hour.`, {
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  })
}

/**
 * Sets the clock of a sandbox feed.
 * @returns its time
 * @throws DomainError unreadable_query: backwards, or too far
 */
export async function setSandboxClock(parts: RequestParts, feedId: string, to: Date): Promise<Date> {
  return await parts.updates.transaction({}, async (tx) => {
    const feed = await heldFeed(tx, feedId)
    const now = parts.clock.now()
    const feedTime = addMs(now, feed.clockAheadMs)
    if (to < feedTime) throw refused('now', 'the clock is not set back')
    if (to > addMs(feedTime, AHEAD_DAYS_MAX * 24 * HOUR_MS)) {
      throw refused('now', `the clock goes at most ${AHEAD_DAYS_MAX} days forward at a time`)
    }
    await moveClock(tx, feedId, to.getTime() - now.getTime(), now)
    return to
  })
}

/**
 * Starts a run of any feed, as an operator wants it.
 * @throws DomainError unreadable_query, conflict
 */
export async function requestRun(
  parts: RequestParts,
  wanted: { feedId: string; runDate?: LocalDate; fullRefresh: boolean },
): Promise<string> {
  return await parts.updates.transaction({}, async (tx) => {
    const feed = await heldFeed(tx, wanted.feedId)
    if (feed.kind === 'none') throw new DomainError('conflict', 'The feed is not configured.')
    const calendar = parts.calendarOf(feed)
    const now = parts.clock.now()
    const due = dueDay(addMs(now, feed.clockAheadMs), calendar)
    const runDate = wanted.runDate ?? due
    if (!isBusinessDay(runDate, calendar.holidays)) throw refused('runDate', `${runDate} is not a business day`)
    if (runDate > due) throw refused('runDate', `${runDate} is not due yet`)
    const last = await readLastPublished(tx, feed.id)
    if (last && runDate < last.runDate) throw refused('runDate', `${runDate} is before the last run, ${last.runDate}`)
    const { fullRefresh } = wanted
    const run = {
      id: randomUUID(),
      feedId: feed.id,
      runDate,
      trigger: 'operator',
      scenario: 'normal',
      fullRefresh,
    } as const
    await insertOnly(tx, run, now)
    await callFeed(tx, feed.id, now)
    return run.id
  })
}

/** Lets a held run publish. @throws DomainError conflict: it is not held */
export async function requestRelease(parts: RequestParts, run: { id: string; feedId: string }): Promise<void> {
  await parts.updates.transaction({}, async (tx) => {
    const held = await holdOpenRun(tx, run.id)
    if (held?.state !== 'held') throw new DomainError('conflict', 'The run is not held.')
    const now = parts.clock.now()
    await releaseRun(tx, run.id, now)
    await callFeed(tx, run.feedId, now)
  })
}

/** Ends a run that does not publish yet: it leaves no trace but its row. @throws DomainError conflict */
export async function requestCancel(parts: RequestParts, run: { id: string; feedId: string }): Promise<void> {
  await parts.updates.transaction({ timeoutMs: CANCEL_MS_MAX }, async (tx) => {
    const open = await holdOpenRun(tx, run.id)
    if (!open || open.state === 'publishing')
      throw new DomainError('conflict', 'The run has ended, or is being published.')
    const now = parts.clock.now()
    await endUnpublished(tx, run.id, { state: 'failed', message: 'Cancelled by an operator' }, now)
    await callFeed(tx, run.feedId, now)
  })
}

/** Forgetting what a large run has staged takes its time. */
const CANCEL_MS_MAX = 60_000

async function heldFeed(tx: Queryable, feedId: string): Promise<Feed> {
  const feed = await holdFeed(tx, feedId)
  if (!feed) throw notFound()
  return feed
}

async function insertOnly(tx: Queryable, run: NewRun, now: Date): Promise<void> {
  try {
    await insertRun(tx, run, now)
  } catch (error) {
    if (isUniqueViolation(error)) throw new DomainError('conflict', 'A run is in progress.')
    throw error
  }
}

function refused(name: string, what: string): DomainError {
  return new DomainError('unreadable_query', `${name}: ${what}`)
}
