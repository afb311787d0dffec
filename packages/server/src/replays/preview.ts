import { ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sought, scanReplay } from './scan.ts'
import type { ScannedRow } from './store.ts'

/** What a dry run has counted. `capped`: there may be more. */
export type Counted = {
  count: number
  capped: boolean
  oldest: Date | null
  newest: Date | null
  excluded: { delivered: number; payloadGone: number; planned: number }
}

/** A dry run is exact up to here. */
export const COUNT_MAX = 100_000
/** A statement of it: little enough to be well within a call's time. */
const ROWS_PER_LOOK = 5_000

export function nothingCounted(capped: boolean): Counted {
  const excluded = { delivered: 0, payloadGone: 0, planned: 0 }
  return { count: 0, capped, oldest: null, newest: null, excluded }
}

/**
 * Counts what a replay would do by looking for it as its task will, up to `countMax` or until the time is over.
 * @param within  runs work in a read-only transaction
 * @param until   of `performance.now()`
 */
export async function countReplay(
  within: <T>(work: (tx: Queryable) => Promise<T>) => Promise<T>,
  sought: Sought,
  { now, countMax, until }: { now: Date; countMax: number; until: number },
): Promise<Counted> {
  const counted = nothingCounted(false)
  const { excluded } = counted
  let after: string | null = null
  for (;;) {
    if (counted.count >= countMax || performance.now() >= until) return { ...counted, capped: true }
    const place = { after, limit: ROWS_PER_LOOK, now }
    const rows: ScannedRow[] = await within((tx) => scanReplay(tx, sought, place))
    for (const { verdict, eventId, position } of rows) {
      after = position
      if (verdict === 'delivered') excluded.delivered += 1
      if (verdict === 'gone') excluded.payloadGone += 1
      if (verdict === 'planned') excluded.planned += 1
      if (verdict !== 'wanted' || counted.count === countMax) continue
      counted.count += 1
      include(counted, ksuidTime(eventId.slice('msg_'.length)))
    }
    if (rows.length < ROWS_PER_LOOK) return counted
  }
}

function include(counted: Counted, at: Date): void {
  if (counted.oldest === null || at < counted.oldest) counted.oldest = at
  if (counted.newest === null || at > counted.newest) counted.newest = at
}

/** Several endpoints' counts as one. */
export function sumOf(all: readonly Counted[]): Counted {
  const sum = nothingCounted(false)
  for (const { count, capped, oldest, newest, excluded } of all) {
    sum.count += count
    sum.capped ||= capped
    if (oldest) include(sum, oldest)
    if (newest) include(sum, newest)
    sum.excluded.delivered += excluded.delivered
    sum.excluded.payloadGone += excluded.payloadGone
    sum.excluded.planned += excluded.planned
  }
  return sum
}
