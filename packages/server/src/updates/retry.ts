import type { FeedFailure } from './feed/feed.ts'
import type { RunTrigger } from './run.ts'

/** Waits before the second to fifth attempt of a request to NIPR. Source: producersync-api 11, "Retries". */
const WAITS_MS = [2_000, 10_000, 30_000, 120_000]
/** Somebody waits for a run of the sandbox. */
const SANDBOX_WAITS_MS = [100, 200, 400, 800]
const SPREAD = 0.2

export const ATTEMPTS_MAX = WAITS_MS.length + 1

/**
 * How long to wait before an attempt, or null when there is to be none.
 * @param attempt  2 to 5 have a wait · @param random  0 to 1
 */
export function waitBefore(
  attempt: number,
  failure: FeedFailure,
  trigger: RunTrigger,
  random: number,
): number | null {
  const waitMs = (trigger === 'sandbox' ? SANDBOX_WAITS_MS : WAITS_MS)[attempt - 2]
  if (!failure.retry || waitMs === undefined) return null
  return Math.max(waitMs * (1 - SPREAD + 2 * SPREAD * random), failure.retryAfterMs ?? 0)
}
