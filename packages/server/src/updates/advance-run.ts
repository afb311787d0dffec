import { addMs } from '#src/adapters/clock.ts'
import { addDays } from './calendar.ts'
import type { NiprFeed } from './feed/feed.ts'
import { type FeedParts, feedNow, type Pause } from './feed-parts.ts'
import type { Feed } from './feed-store.ts'
import { MovedMeanwhile, publish } from './publish.ts'
import { readAlerts } from './read-alerts.ts'
import { readDetails } from './read-details.ts'
import { DETAILS_MS_MAX, deferredMax, GUARD_RECORDS_MIN, isSuspicious, type Losses, type Run } from './run.ts'
import {
  completeWork,
  countDeferred,
  endUnpublished,
  holdRun,
  readLastPublished,
  retryDeferred,
  saveRun,
} from './run-store.ts'
import { givenUpAt, noReportAt } from './schedule.ts'
import { readLosses, returnMoved } from './staging-store.ts'

/** A feed that this process alone works on, and its run. */
export type Job = { feed: Feed; run: Run; owner: string }

/** What NIPR does not know is asked for again for so long. */
const ASKED_AGAIN_DAYS = 30
const TOO_MANY_DEFERRED_WAIT_MS = 15 * 60_000

/**
 * Brings a run as far as it can come now. All that it has done is stored step by step, so whoever goes on with it repeats at
 * most the step at hand. Source: producersync-api 10.
 */
export async function advanceRun(
  parts: FeedParts,
  job: Job,
  nipr: NiprFeed,
  pause: Pause,
  signal: AbortSignal,
): Promise<void> {
  const { run } = job
  switch (run.state) {
    case 'scheduled':
      return await save(parts, job, { state: 'collecting', startedAt: parts.clock.now() })
    case 'collecting':
      if (run.detailsAt === null) return await collectAlerts(parts, job, nipr, pause, signal)
      return await collectDetails(parts, job, run.detailsAt, nipr, pause, signal)
    case 'held':
      return await lookAtHeld(parts, job)
    case 'publishing':
      return await publishOrReturn(parts, job)
    case 'published':
    case 'no_report':
    case 'failed':
      throw new Error(`a run that is ${run.state} cannot be advanced`)
  }
}

async function save(parts: FeedParts, { run, owner }: Job, change: Parameters<typeof saveRun>[2]): Promise<void> {
  await parts.database.transaction({}, async (tx) => {
    if (await holdRun(tx, run.id, owner)) await saveRun(tx, run.id, change)
  })
}

async function end(
  parts: FeedParts,
  { run, owner }: Job,
  state: 'no_report' | 'failed',
  message: string,
): Promise<void> {
  const ended = await parts.database.transaction({ timeoutMs: END_MS_MAX }, async (tx) => {
    if (!(await holdRun(tx, run.id, owner))) return false
    await endUnpublished(tx, run.id, { state, message }, parts.clock.now())
    return true
  })
  if (ended)
    parts.log.error({ event: `run.${state}`, runId: run.id, feedId: run.feedId, runDate: run.runDate, message })
}

/** Forgetting what a large run has staged takes its time. */
const END_MS_MAX = 300_000

async function collectAlerts(
  parts: FeedParts,
  job: Job,
  nipr: NiprFeed,
  pause: Pause,
  signal: AbortSignal,
): Promise<void> {
  const { feed, run } = job
  const calendar = parts.calendarOf(feed)
  const read = await readAlerts(parts, job, nipr, pause, signal)
  const now = feedNow(parts, feed)
  const nextTry = (until: Date) => ({
    nextTryAt: addMs(parts.clock.now(), Math.min(calendar.repeatEvery * 60_000, until.getTime() - now.getTime())),
  })
  switch (read.kind) {
    case 'lost':
      return
    case 'failing':
      if (read.refused) return await end(parts, job, 'failed', `NIPR refused the credentials (${read.cause})`)
      if (run.trigger === 'sandbox' || now >= givenUpAt(run.runDate, calendar)) {
        return await end(parts, job, 'failed', `NIPR failed (${read.cause})`)
      }
      return await save(parts, job, {
        ...nextTry(givenUpAt(run.runDate, calendar)),
        message: `NIPR fails (${read.cause})`,
      })
    case 'no_report':
      if (run.trigger === 'sandbox' || now >= noReportAt(run.runDate, calendar)) {
        return await end(parts, job, 'no_report', 'NIPR has no report for this day')
      }
      return await save(parts, job, {
        ...nextTry(noReportAt(run.runDate, calendar)),
        message: 'NIPR has not delivered yet',
      })
    case 'complete':
      await parts.database.transaction({ timeoutMs: LIST_MS_MAX }, async (tx) => {
        if (!(await holdRun(tx, run.id, job.owner))) return
        const last = await readLastPublished(tx, feed.id)
        await completeWork(tx, run, last, addDays(run.runDate, -ASKED_AGAIN_DAYS))
        await saveRun(tx, run.id, {
          covers: read.covers,
          detailsAt: parts.clock.now(),
          message: 'Reading detail reports',
        })
      })
  }
}

/** A full refresh lists every target. */
const LIST_MS_MAX = 120_000

async function collectDetails(
  parts: FeedParts,
  job: Job,
  detailsAt: Date,
  nipr: NiprFeed,
  pause: Pause,
  signal: AbortSignal,
): Promise<void> {
  const { run, owner } = job
  const read = await readDetails(parts, job, nipr, pause, signal)
  if (read.kind === 'lost') return
  if (read.kind === 'refused') return await end(parts, job, 'failed', `NIPR refused the credentials (${read.cause})`)
  const { listed, deferred } = await countDeferred(parts.database, run.id)
  const now = parts.clock.now()
  if (deferred > deferredMax(listed)) {
    const message = `${deferred} of ${listed} detail reports fail`
    if (run.trigger === 'sandbox' || now >= addMs(detailsAt, DETAILS_MS_MAX))
      return await end(parts, job, 'failed', message)
    return await parts.database.transaction({}, async (tx) => {
      if (!(await holdRun(tx, run.id, owner))) return
      await retryDeferred(tx, run.id)
      await saveRun(tx, run.id, { nextTryAt: addMs(now, TOO_MANY_DEFERRED_WAIT_MS), message })
    })
  }
  await guard(parts, job, now)
}

/** Source: producersync-api 10, step 5. */
async function guard(parts: FeedParts, job: Job, now: Date): Promise<void> {
  const losses = job.run.released ? [] : await readLosses(parts.database, job.run, GUARD_RECORDS_MIN)
  const suspicious = losses.filter(isSuspicious)
  if (suspicious.length === 0) {
    return await save(parts, job, { state: 'publishing', collectedAt: now, message: 'Publishing' })
  }
  const message = `Held: ${suspicious.map(describe).join(', ')} would vanish`
  await save(parts, job, { state: 'held', collectedAt: now, message, nextTryAt: now })
  parts.log.error({ event: 'run.held', runId: job.run.id, feedId: job.feed.id, runDate: job.run.runDate, message })
}

function describe({ kind, vanishing, served }: Losses): string {
  return `${vanishing} of ${served} rows of ${kind}`
}

async function lookAtHeld(parts: FeedParts, job: Job): Promise<void> {
  const { run } = job
  if (run.released)
    return await save(parts, job, { state: 'publishing', message: 'Publishing: released by an operator' })
  const endsAt = addMs(run.detailsAt ?? run.scheduledAt, DETAILS_MS_MAX)
  if (parts.clock.now() >= endsAt)
    return await end(parts, job, 'failed', `${run.message ?? 'Held'}; nobody released it in time`)
  await save(parts, job, { nextTryAt: endsAt })
}

async function publishOrReturn(parts: FeedParts, job: Job): Promise<void> {
  const { feed, run, owner } = job
  const toReadAgain = await parts.database.transaction({ timeoutMs: LIST_MS_MAX }, async (tx) => {
    if (!(await holdRun(tx, run.id, owner))) return null
    const moved = await returnMoved(tx, run)
    if (moved > 0) await saveRun(tx, run.id, { state: 'collecting', message: 'Reading detail reports again' })
    return moved
  })
  if (toReadAgain !== 0) return
  try {
    const published = await publish(parts, job)
    if (!published) return
    const { counts, late } = published
    parts.log.info({ event: 'run.published', runId: run.id, feedId: feed.id, runDate: run.runDate, late, counts })
  } catch (error) {
    if (!(error instanceof MovedMeanwhile)) throw error // else the next step finds what has moved
  }
}
