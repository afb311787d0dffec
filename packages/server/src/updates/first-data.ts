import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { acceptIn, EVENTS_PER_STATEMENT_MAX, type NewEvent, type PlannedDelivery } from '#src/events/accept.ts'
import { saveOccurrences } from '#src/population/history-store.ts'
import type { Npn } from '#src/population/npn.ts'
import { DATA_READY, npnEvents } from '#src/population/npn-events.ts'
import { occurrenceOf } from '#src/population/work.ts'
import { type BecameReady, saveLastEvents, settleWaiting } from './first-data-store.ts'
import type { LocalDate } from './local-date.ts'

/**
 * Lets the accounts that wait for NPNs read them, and tells those that asked to be told, in the transaction that has
 * written the records. Call it under `holdWaiting`.
 * @returns the planned deliveries, for `Wake`
 */
export async function announceFirstData(
  tx: Queryable,
  { clock, ids }: { clock: Clock; ids: IdSource },
  feedId: string,
  npns: { found: readonly Npn[]; unknown: readonly Npn[] },
  today: LocalDate,
): Promise<PlannedDelivery[]> {
  if (npns.found.length + npns.unknown.length === 0) return []
  const became = await settleWaiting(tx, feedId, npns, today)
  const wanted = became.filter(({ isWanted }) => isWanted)
  if (wanted.length === 0) return []
  const now = clock.now()
  const events = npnEvents(
    { clock, ids },
    DATA_READY,
    wanted.map((row) => toFact(row, now)),
    now,
  )
  await saveLastEvents(tx, events)
  await saveOccurrences(tx, events.map(occurrenceOf('data_ready')))
  return await acceptAll(tx, events)
}

function toFact({ accountId, environment, npn, noLicenses, changedAt }: BecameReady, now: Date) {
  const next = addMs(changedAt, 1)
  return { accountId, environment, npn, notBefore: next > now ? next : now, about: { noLicenses } }
}

/** As `acceptIn`, however many they are. */
export async function acceptAll(tx: Queryable, events: readonly NewEvent[]): Promise<PlannedDelivery[]> {
  const planned: PlannedDelivery[] = []
  for (let start = 0; start < events.length; start += EVENTS_PER_STATEMENT_MAX) {
    planned.push(...(await acceptIn(tx, events.slice(start, start + EVENTS_PER_STATEMENT_MAX))))
  }
  return planned
}
