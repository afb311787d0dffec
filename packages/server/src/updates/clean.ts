import { addMs } from '#src/adapters/clock.ts'
import { addDays, chicagoMoment } from './calendar.ts'
import {
  beginRemoval,
  deleteOldRuns,
  deletePartOf,
  deleteUnmonitored,
  endRemoval,
  findDeadFeed,
  readRemoving,
} from './clean-store.ts'
import type { NiprFeed } from './feed/feed.ts'
import type { FeedParts } from './feed-parts.ts'
import { type Feed, saveCleaned } from './feed-store.ts'
import type { LocalDate } from './local-date.ts'

const TARGETS_PER_CALL = 1_000
const PRODUCERS_PER_TRANSACTION = 200
const RECORDS_KEPT_DAYS = 30
const RUNS_KEPT_DAYS = 400

/**
 * What is done at 02:00: NPNs that nobody has monitored since before midnight stop being NIPR targets, and what has been
 * kept of others for 30 days is deleted. Any part may be repeated. Source: producersync-api 9.
 */
export async function cleanFeed(
  parts: FeedParts,
  { feed, owner }: { feed: Feed; owner: string },
  nipr: NiprFeed,
  day: LocalDate,
  signal: AbortSignal,
): Promise<void> {
  const { database, log } = parts
  // the feed's clock has decided the day; rows carry the database's time
  const momentOf = (each: LocalDate) => addMs(chicagoMoment(each, 0), -feed.clockAheadMs)
  const whileFull = async (step: () => Promise<number>, size: number) => {
    while (!signal.aborted && (await step()) === size);
  }
  await whileFull(
    () => database.transaction({}, (tx) => beginRemoval(tx, feed.id, momentOf(day), TARGETS_PER_CALL)),
    TARGETS_PER_CALL,
  )
  while (!signal.aborted) {
    const npns = await readRemoving(database, feed.id, TARGETS_PER_CALL)
    if (npns.length === 0) break
    const answer = await nipr.changeTargets('remove', npns, signal)
    if (answer.kind === 'failed') {
      log.warn({ event: 'targets.removal_failed', feedId: feed.id, cause: answer.cause }) // tomorrow again
      break
    }
    await endRemoval(database, feed.id, npns)
  }
  const keptFrom = momentOf(addDays(day, -RECORDS_KEPT_DAYS))
  await whileFull(
    () => database.transaction({}, (tx) => deleteUnmonitored(tx, feed.id, keptFrom, PRODUCERS_PER_TRANSACTION)),
    PRODUCERS_PER_TRANSACTION,
  )
  await deleteOldRuns(database, feed.id, addDays(day, -RUNS_KEPT_DAYS))
  if (!signal.aborted) await saveCleaned(database, feed.id, owner, day)
}

/** Deletes the feeds of deleted sandbox accounts, with all that they hold. */
export async function removeDeadFeeds({ database }: Pick<FeedParts, 'database'>, signal: AbortSignal): Promise<void> {
  for (let feedId = await findDeadFeed(database); feedId !== undefined; feedId = await findDeadFeed(database)) {
    const id = feedId
    if (signal.aborted) return
    await database.transaction({}, (tx) => deletePartOf(tx, id, PRODUCERS_PER_TRANSACTION))
  }
}
