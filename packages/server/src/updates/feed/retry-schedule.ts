import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { FeedFailure } from './feed.ts'

/** Attempts of one call, the first included. */
export const ATTEMPTS_MAX = 5
const WAITS_MS = [2_000, 10_000, 30_000, 120_000]
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

/**
 * Makes a call, again on the schedule while it fails, and gives its last answer. For calls that may take minutes; who has
 * other work meanwhile waits by `retryDelayMs`. @throws what the call throws, or the reason of `signal` while waiting
 */
export async function attemptOnSchedule<T extends { kind: string }>(
  call: () => Promise<T | FeedFailure>,
  time: { clock: Clock; random: () => number },
  signal: AbortSignal,
): Promise<T | FeedFailure> {
  for (let attempts = 1; ; attempts += 1) {
    const answer = await call()
    const waitMs = isFailure(answer) ? retryDelayMs(answer, attempts, time.random()) : undefined
    if (waitMs === undefined) return answer
    await waitUntil(time.clock, addMs(time.clock.now(), waitMs), signal)
  }
}

function isFailure(answer: { kind: string }): answer is FeedFailure {
  return answer.kind === 'failed'
}

function waitUntil(clock: Clock, at: Date, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const onAbort = () => {
      alarm.cancel()
      reject(signal.reason)
    }
    const alarm = clock.alarm(at, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
