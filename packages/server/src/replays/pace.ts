import { addMs } from '#src/adapters/clock.ts'

/** Deliveries are planned this far ahead of their due times: little enough to stop a replay soon. */
const LEAD_MS = 4_000
const REFILL_MS = LEAD_MS / 2
export const PLANNED_PER_STEP_MAX = 500
/** Due times come in slices of this, so that a lane is not read for each delivery. */
const SLICE_MS = 200

/** How many deliveries a replay may plan now, the first of them due at `start`; or when it may plan again. */
export type Room = { start: Date; count: number } | { again: Date }

/**
 * Spreads what a replay plans over time, `rate` deliveries a second.
 * @param pacedUntil  up to which it has planned; null: nothing yet
 */
export function roomOf(pacedUntil: Date | null, now: Date, rate: number): Room {
  const start = pacedUntil !== null && pacedUntil > now ? pacedUntil : now
  const aheadMs = start.getTime() - now.getTime()
  if (aheadMs > REFILL_MS) return { again: addMs(start, -REFILL_MS) }
  const count = Math.floor(((LEAD_MS - aheadMs) * rate) / 1000)
  return { start, count: Math.min(PLANNED_PER_STEP_MAX, Math.max(1, count)) }
}

/** When each of `count` deliveries is due, and up to when they take. */
export function spread(start: Date, count: number, rate: number): { dueAts: Date[]; pacedUntil: Date } {
  const everyMs = 1000 / rate
  const dueAts = Array.from({ length: count }, (_, index) =>
    addMs(start, Math.floor((index * everyMs) / SLICE_MS) * SLICE_MS),
  )
  return { dueAts, pacedUntil: addMs(start, Math.ceil(count * everyMs)) }
}
