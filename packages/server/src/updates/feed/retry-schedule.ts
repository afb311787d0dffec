import type { FeedFailure } from './feed.ts'

const WAITS_MS = [2_000, 10_000, 30_000, 120_000]
/** Attempts of one call, the first included. */
export const ATTEMPTS_MAX = WAITS_MS.length + 1
/** Waits differ by this much either way, so that what failed together does not come again together. */
const SPREAD = 0.2

/**
 * How long to wait before the next attempt after `attemptsMade` that failed, in ms; undefined when there is none.
 * @param random from 0 (inclusive) to 1. Source: producersync-api 11, "Retries"
 */
export function retryDelayMs(failure: FeedFailure, attemptsMade: number, random: number): number | undefined {
  const waitMs = WAITS_MS[attemptsMade - 1]
  if (!failure.retry || waitMs === undefined) return undefined
  return Math.max(Math.round(waitMs * (1 + SPREAD * (2 * random - 1))), failure.retryAfterMs ?? 0)
}
