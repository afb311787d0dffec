import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Npn, parseNpn } from '#src/population/npn.ts'
import { insertPreloaded } from '#src/population/store.ts'
import { RecordIds } from '#src/producers/record-ids.ts'
import { insertRecords, type RecordWrite } from '#src/producers/record-store.ts'
import { dataDay } from '#src/simulator/business-days.ts'
import { parseFeedDefinition } from '#src/simulator/feed-definition.ts'
import { producerAt } from '#src/simulator/truth.ts'
import { chicagoDay } from './calendar.ts'
import { differences } from './diff.ts'
import { saveFeed } from './feed-store.ts'
import { insertCurrentTargets } from './load-store.ts'
import { recordsOf } from './reported-records.ts'
import { SANDBOX_CALENDAR, sandboxDefinition } from './sandbox-feed.ts'
import { cleaningDay, firstOwedDay } from './schedule.ts'

/** The NPNs that a new sandbox account starts with. Source: producersync-api 1. */
const preloadedNpns = ['15645555', '19855109'].flatMap((text) => parseNpn(text) ?? [])
const RECORDS_MAX = 1_000

/**
 * Gives a new sandbox account its feed and its first population, loaded and without events, in the transaction that creates
 * it. The data is what the simulator would answer: the same function makes it here.
 */
export async function preload(tx: Queryable, account: { id: string; createdAt: Date }): Promise<void> {
  const { id, createdAt: now } = account
  const today = chicagoDay(now)
  const feed = {
    id,
    environment: 'sandbox',
    accountId: id,
    kind: 'simulator',
    seed: id,
    owedFrom: firstOwedDay(now, SANDBOX_CALENDAR),
    cleanedOn: cleaningDay(now, SANDBOX_CALENDAR),
  } as const
  await saveFeed(tx, feed, now)
  const nextId = await new RecordIds().take(tx, RECORDS_MAX)
  const writes = preloadedNpns.flatMap((npn) => firstRecords(npn, id, now, nextId))
  await insertRecords(tx, id, writes, { day: today, transactionId: crypto.randomUUID() })
  await insertCurrentTargets(tx, id, preloadedNpns, now)
  await insertPreloaded(tx, id, preloadedNpns, { now, freshOn: today })
}

function firstRecords(npn: Npn, seed: string, now: Date, nextId: () => number): RecordWrite[] {
  const simulated = parseFeedDefinition(sandboxDefinition({ seed, password: 'none', scenarios: {} }))
  const producer = simulated && producerAt(simulated.world, simulated.days, npn, dataDay(simulated.days, now))
  if (!producer) throw new Error('a preloaded NPN is known to every simulator')
  const records = recordsOf({ ...producer, warnings: 0 })
  return differences([], records, nextId).map((change) => ({ npn, ...change }))
}
