import { randomUUID } from 'node:crypto'
import type { PlannedDelivery } from '#src/events/accept.ts'
import { writeRecords } from '#src/producers/record-store.ts'
import { compareReports } from './compare.ts'
import type { ProducerReport } from './feed/feed.ts'
import { type FeedParts, feedToday } from './feed-parts.ts'
import type { Feed } from './feed-store.ts'
import { announceFirstData } from './first-data.ts'
import { holdWaiting } from './first-data-store.ts'
import { type DueLoad, endLoads, holdLoads } from './load-store.ts'

/** A first load whose report has come; null: NIPR does not know the NPN. */
export type Loaded = { load: DueLoad; producer: ProducerReport | null }

/**
 * Makes first data readable, with its `data_ready` events, in one transaction for the producers that came together. What a run
 * or another load has written since the report was asked for is not written over: it is left to be loaded again.
 */
export async function storeLoads(parts: FeedParts, feed: Feed, loaded: readonly Loaded[]): Promise<void> {
  let planned: PlannedDelivery[] = []
  await parts.database.transaction({}, async (tx) => {
    const loads = loaded.map(({ load }) => load)
    const npns = loads.map(({ npn }) => npn)
    await holdWaiting(tx, feed.id, npns)
    const writable = await holdLoads(tx, feed.id, loads)
    await holdWaiting(tx, feed.id, npns) // of accounts, too, that the targets' locks have waited for
    const mine = loaded.filter(({ load }) => writable.has(load.npn))
    const reports = mine.flatMap(({ producer }) => producer ?? [])
    const writes = await compareReports(tx, parts, feed.id, reports)
    const today = feedToday(parts, feed)
    await writeRecords(tx, feed.id, [...writes.values()].flat(), { day: today, transactionId: randomUUID() })
    const results = {
      found: reports.map(({ npn }) => npn),
      unknown: mine.filter(({ producer }) => producer === null).map(({ load }) => load.npn),
    }
    await endLoads(tx, feed.id, results, { now: parts.clock.now(), today })
    planned = await announceFirstData(tx, parts, feed.id, results, today)
  })
  if (planned.length > 0) parts.wake(planned)
}
