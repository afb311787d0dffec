/**
 * Where a reader stands in the stream of changes: everything that `seen` sees has been read. A reader that stopped in the middle of
 * what is new between two snapshots has also read, of that, all up to `after`.
 */
export type Position = { seen: Snapshot; within: { until: Snapshot; after: string } | null }

/** What PostgreSQL's `pg_snapshot` is as text: `xmin:xmax:` and the transactions between them that had not ended. */
export type Snapshot = string & { readonly [snapshot]: true }
declare const snapshot: unique symbol

/** Before everything: nobody who stands there has seen what is there now. */
export const NOWHERE: Position = { seen: '1:1:' as Snapshot, within: null }

const SNAPSHOT = /^[1-9]\d{0,18}:[1-9]\d{0,18}:(?:[1-9]\d{0,18}(?:,[1-9]\d{0,18})*)?$/
const AFTER = /^[\w.]{1,64}$/
const LENGTH_MAX = 12_000

/** Reads a snapshot; undefined for a text that PostgreSQL would not take. */
export function parseSnapshot(text: string): Snapshot | undefined {
  if (!SNAPSHOT.test(text)) return undefined
  const [xmin = '', xmax = '', running = ''] = text.split(':')
  let least = BigInt(xmin)
  const end = BigInt(xmax)
  if (least > end) return undefined
  for (const xid of running === '' ? [] : running.split(',').map(BigInt)) {
    if (xid < least || xid >= end) return undefined
    least = xid + 1n
  }
  return text as Snapshot
}

/** As it stands in `id` of a message, and comes back in `Last-Event-ID`. */
export function positionText({ seen, within }: Position): string {
  return within === null ? seen : `${seen}~${within.until}~${within.after}`
}

/** @returns undefined for a text that is no position */
export function parsePosition(text: string): Position | undefined {
  if (text.length > LENGTH_MAX) return undefined
  const [seenText = '', untilText, after, ...more] = text.split('~')
  const seen = parseSnapshot(seenText)
  if (!seen || more.length > 0) return undefined
  if (untilText === undefined) return { seen, within: null }
  const until = parseSnapshot(untilText)
  return until && after !== undefined && AFTER.test(after) ? { seen, within: { until, after } } : undefined
}
