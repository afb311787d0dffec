import { addMs } from '#src/adapters/clock.ts'
import type { PlannedDelivery } from '#src/events/accept.ts'
import { envelope } from '#src/events/envelope.ts'
import { UPDATES_AVAILABLE } from '#src/events/producersync-types.ts'
import { chicagoDay } from './calendar.ts'
import { type FeedParts, feedNow } from './feed-parts.ts'
import type { Feed } from './feed-store.ts'
import { acceptAll, announceFirstData } from './first-data.ts'
import {
  advanceVersions,
  applyChanges,
  holdAccounts,
  markPublished,
  moveFresh,
  readAccountChanges,
  readAccounts,
  readMissing,
  saveAnnouncements,
} from './publish-store.ts'
import { NO_COUNTS, type Run, type RunCounts } from './run.ts'
import { forgetWork, holdRun, isDayPublished, readCounts } from './run-store.ts'

/** The longest that a publication may take: a million changed records. */
const PUBLISH_MS_MAX = 900_000
const PAYLOAD_KEPT_MS = 90 * 86_400_000

/** Somebody has written a producer since the run compared it: nothing was published, and it is to be read again. */
export class MovedMeanwhile extends Error {}

export type Published = { counts: RunCounts; late: boolean }

/**
 * Makes a run readable and announces it, in exactly one transaction: before its commit no reader sees any of the run, with
 * it all of it, and each account of the feed is told once. A day that was published before, and of which nothing has
 * changed, is written nowhere and announced to nobody. Source: producersync-api 10, step 6.
 * @returns undefined when the run is no longer this owner's
 * @throws MovedMeanwhile
 */
export async function publish(
  parts: FeedParts,
  { feed, run: { id }, owner }: { feed: Feed; run: Run; owner: string },
): Promise<Published | undefined> {
  let planned: PlannedDelivery[] = []
  const published = await parts.database.transaction({ timeoutMs: PUBLISH_MS_MAX }, async (tx) => {
    const run = await holdRun(tx, id, owner)
    if (run?.state !== 'publishing') return undefined
    const now = feedNow(parts, feed)
    const late = chicagoDay(now) > run.runDate
    const counts = await readCounts(tx, id)
    const missing = await readMissing(tx, run)
    const isRepeat = counts.changedNpns === 0 && missing.found.length === 0 && (await isDayPublished(tx, run))
    if (isRepeat) {
      await forgetWork(tx, id)
      await markPublished(tx, run, {
        late,
        counts: { ...NO_COUNTS, deferred: counts.deferred },
        now: parts.clock.now(),
      })
      return { counts: NO_COUNTS, late }
    }
    await applyChanges(tx, run)
    await holdAccounts(tx, run, [...missing.found, ...missing.unknown])
    await moveFresh(tx, run)
    planned = await announceFirstData(tx, parts, feed.id, missing, chicagoDay(now))
    if (!(await advanceVersions(tx, run))) throw new MovedMeanwhile()
    const accounts = await readAccounts(tx, feed.id)
    const changes = await readAccountChanges(tx, run)
    await forgetWork(tx, id)
    const all = { ...counts, accounts: accounts.length }
    const at = parts.clock.now()
    await markPublished(tx, run, { late, counts: all, now: at })
    const events = accounts.map(({ id: accountId, environment }) => {
      const { id, createdAt, payload } = envelope(UPDATES_AVAILABLE, { runDate: run.runDate }, at, parts.ids)
      const payloadExpiresAt = addMs(createdAt, PAYLOAD_KEPT_MS)
      return {
        accountId,
        environment,
        id,
        createdAt,
        type: UPDATES_AVAILABLE,
        payload,
        payloadExpiresAt,
        cause: 'event' as const,
      }
    })
    await saveAnnouncements(tx, run.id, events, changes)
    planned.push(...(await acceptAll(tx, events)))
    return { counts: all, late }
  })
  if (planned.length > 0) parts.wake(planned)
  return published
}
