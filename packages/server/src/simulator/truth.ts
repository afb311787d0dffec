import type { Npn } from '#src/population/npn.ts'
import type { AlertKind } from '../updates/feed/feed.ts'
import type { LocalDate } from '../updates/local-date.ts'
import { baseProducer } from './base-producer.ts'
import {
  type Days,
  hasChanges,
  lastWeekdayIndex,
  nextBusinessDay,
  scenarioOf,
  weekdayOfIndex,
} from './business-days.ts'
import { applyBulkExpiry, applyChange, bulkState, changeIndexes, kindOfChange } from './changes.ts'
import { JOE, joe, STILL_FIRM, stillFirm } from './known-producers.ts'
import { odditiesOf } from './oddities.ts'
import type { Producer, World } from './world.ts'

/** Never known to NIPR, besides those that end with 000. */
const UNKNOWN = '1234567890'

export function isUnknown(npn: Npn): boolean {
  return npn === UNKNOWN || npn.endsWith('000')
}

/** A producer at the end of a day, or undefined for one that NIPR does not know: a function of its arguments alone. */
export function producerAt(world: World, days: Days, npn: Npn, day: LocalDate): Producer | undefined {
  if (isUnknown(npn)) return undefined
  if (npn === JOE) return joe(npn, nextBusinessDay(days, lastChangeDay(days, day), -1))
  if (npn === STILL_FIRM) return stillFirm(npn)
  const producer = baseProducer(world, npn)
  if (neverChanges(npn)) return producer
  const odd = odditiesOf(world, npn)
  const bulkDays = bulkDaysUntil(days, day)
  let bulk = 0
  let changes = 0
  for (const changeDay of changeDays(world, days, npn, day)) {
    for (; (bulkDays[bulk] ?? changeDay) < changeDay; bulk += 1) applyBulkExpiry(producer, world, bulkDays[bulk] ?? day)
    if (!changesEveryDay(npn)) applyChange(producer, world, changeDay, odd)
    changes += 1
  }
  for (const bulkDay of bulkDays.slice(bulk)) applyBulkExpiry(producer, world, bulkDay)
  // a license that vanishes with every other change, and comes back with the next
  if (npn.endsWith('005') && changes % 2 === 1) producer.licenses.splice(1, 1)
  return producer
}

/** Does the alert report of this kind and day name this producer? It does when its detail report has changed so. */
export function isNamed(world: World, days: Days, npn: Npn, day: LocalDate, kind: AlertKind): boolean {
  if (neverChanges(npn) || !hasChanges(days, day)) return false
  if (changeOn(world, npn, day) === kind) return true
  if (kind !== 'LICENSING' || scenarioOf(days, day) !== 'bulk_expiry') return false
  const state = bulkState(world, day)
  return producerAt(world, days, npn, day)?.licenses.some(({ forState }) => forState === state) ?? false
}

function neverChanges(npn: Npn): boolean {
  // nobody can see those that end with 004: their reports fail
  return isUnknown(npn) || npn === STILL_FIRM || npn.endsWith('004')
}

function changesEveryDay(npn: Npn): boolean {
  return npn === JOE || npn.endsWith('005')
}

/** The kind of the producer's own change on a business day. */
function changeOn(world: World, npn: Npn, day: LocalDate): AlertKind | undefined {
  if (changesEveryDay(npn)) return 'LICENSING'
  const last = lastWeekdayIndex(day)
  for (const index of changeIndexes(world, npn)) {
    if (index === last) return kindOfChange(world, npn, day)
    if (index > last) return undefined
  }
  return undefined
}

/** The days until this one on which the producer itself has changed. */
function* changeDays(world: World, days: Days, npn: Npn, until: LocalDate): Generator<LocalDate, void, void> {
  const last = lastWeekdayIndex(until)
  for (const index of changesEveryDay(npn) ? indexesFrom(0) : changeIndexes(world, npn)) {
    if (index > last) return
    const day = weekdayOfIndex(index)
    if (hasChanges(days, day)) yield day
  }
}

function* indexesFrom(first: number): Generator<number, void, void> {
  for (let index = first; ; index += 1) yield index
}

function lastChangeDay(days: Days, until: LocalDate): LocalDate {
  let index = lastWeekdayIndex(until)
  while (index > 0 && !hasChanges(days, weekdayOfIndex(index))) index -= 1
  return weekdayOfIndex(Math.max(index, 0))
}

function bulkDaysUntil(days: Days, until: LocalDate): LocalDate[] {
  const bulkDays = [...days.scenarios].flatMap(([day, scenario]) =>
    scenario === 'bulk_expiry' && day <= until ? [day] : [],
  )
  return bulkDays.filter((day) => hasChanges(days, day)).sort()
}
