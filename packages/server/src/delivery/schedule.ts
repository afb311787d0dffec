/**
 * Waits after each failed attempt, in seconds: 10 attempts over 75 h 35 min 5 s.
 * @see Standard Webhooks 1.0.0, "Deliverability and reliability"
 */
export const DEFAULT_RETRY_SCHEDULE: readonly number[] = [
  5,
  5 * 60,
  30 * 60,
  2 * 3600,
  5 * 3600,
  10 * 3600,
  14 * 3600,
  20 * 3600,
  24 * 3600,
]

/** A receiver's `Retry-After` is obeyed up to this long. */
export const RETRY_AFTER_MS_MAX = 24 * 3_600_000

const JITTER_SHARE_MAX = 0.1

/**
 * How long to wait after failed attempt number `attempt` (1, 2, …).
 * Jitter is only added, 0 to 10 % of the wait; `Retry-After` lengthens the wait and never shortens it.
 * @param random  0 ≤ random < 1
 * @returns milliseconds, or undefined when the schedule has no further attempt
 */
export function retryDelayMs(
  attempt: number,
  scheduleSeconds: readonly number[],
  retryAfterMs: number | undefined,
  random: number,
): number | undefined {
  const waitSeconds = scheduleSeconds[attempt - 1]
  if (waitSeconds === undefined) return undefined
  const waitMs = waitSeconds * 1000
  const jitteredMs = waitMs + waitMs * JITTER_SHARE_MAX * random
  return Math.ceil(Math.max(jitteredMs, Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX)))
}
