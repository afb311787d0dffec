import { addMs } from '#src/adapters/clock.ts'
import { isFailing } from '#src/delivery/failure-clock.ts'
import { type AttemptCounts, sumCounts } from '#src/statistics/attempt-counts.ts'
import { FIVE_MS } from '#src/tally/covered.ts'
import { responseTime } from '#src/tally/response-times.ts'
import type { EndpointState } from './words.ts'

/** What an endpoint's row says of how it is doing. */
export type EndpointFacts = {
  createdAt: Date
  urlSetAt: Date | null
  disabledAt: Date | null // null: not disabled
  provenAt: Date | null // first 2xx since the URL was set
  recoveredAt: Date | null
  failingSince: Date | null
  failures: number
  lastFailureAt: Date | null
  pausedSince: Date | null
  pausedUntil: Date | null
}

export type StateSince = { state: EndpointState; since: Date }

/** A breaker's moment passes a little before the next attempt has an end. */
const PROBE_MS = 30_000
const FIRST_OK_SHARE = 0.95
const P95_MS_MAX = 3_000
const STEPS_PER_HOUR = 12
const DAY_MS = 86_400_000
/** After such a gap the next failure begins a new streak. */
const STREAK_GAP_MS = 48 * 3_600_000

/**
 * How an endpoint is doing, by the first of these that is so: disabled, paused, failing, unverified, degraded, healthy.
 * @param lately  its attempts in steps of five minutes, oldest first, the last one under way; null where there were none. At least
 *                an hour; the more, the further back a degradation is followed
 * Source: portal 5
 */
export function stateOf(facts: EndpointFacts, lately: readonly (AttemptCounts | null)[], now: Date): StateSince {
  const { disabledAt, pausedUntil, pausedSince, failingSince, provenAt, recoveredAt } = facts
  if (disabledAt) return { state: 'disabled', since: disabledAt }
  if (pausedUntil && addMs(pausedUntil, PROBE_MS) > now) return { state: 'paused', since: pausedSince ?? pausedUntil }
  if (failingSince && isFailing(facts, now)) return { state: 'failing', since: failingSince }
  if (!provenAt) return { state: 'unverified', since: facts.urlSetAt ?? facts.createdAt }
  const degradedSince = degradation(lately, now)
  if (degradedSince) return { state: 'degraded', since: laterOf(degradedSince, provenAt) }
  return { state: 'healthy', since: recoveredAt ? laterOf(recoveredAt, provenAt) : provenAt }
}

/** When a failing endpoint is disabled unless a delivery succeeds before; null where it is not, or has stopped failing. */
export function disablesAt(
  { failingSince, lastFailureAt, disabledAt }: EndpointFacts,
  { disableFailing, disableAfterDays }: { disableFailing: boolean; disableAfterDays: number },
  now: Date,
): Date | null {
  if (disabledAt || !failingSince || !disableFailing) return null
  if (lastFailureAt && now.getTime() - lastFailureAt.getTime() > STREAK_GAP_MS) return null
  return addMs(failingSince, disableAfterDays * DAY_MS)
}

function isDegraded(hour: AttemptCounts): boolean {
  if (hour.firstAttempts > 0 && hour.firstDelivered / hour.firstAttempts < FIRST_OK_SHARE) return true
  return (responseTime(hour.times, 0.95) ?? 0) > P95_MS_MAX
}

/** Since when each hour up to now has been a bad one; to five minutes. */
function degradation(lately: readonly (AttemptCounts | null)[], now: Date): Date | null {
  let steps = 0
  for (let end = lately.length; end >= STEPS_PER_HOUR; end -= 1) {
    const hour = lately.slice(end - STEPS_PER_HOUR, end).flatMap((counts) => counts ?? [])
    if (!isDegraded(sumCounts(hour))) break
    steps += 1
  }
  return steps === 0 ? null : addMs(now, -(steps - 1) * FIVE_MS)
}

function laterOf(one: Date, other: Date): Date {
  return one > other ? one : other
}
