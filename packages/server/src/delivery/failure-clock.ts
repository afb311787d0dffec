import { type AttemptOutcome, type Cause, isSuccess, type ReceiverWish } from './delivery.ts'

/** An endpoint's streak of failures, as the database keeps it. */
export type FailureClock = {
  failingSince: Date | null
  failures: number
  lastAttemptAt: Date | null
  /** The last of `WARNING_PERCENTS` that this streak was warned at; 0: none. */
  warnedPercent: number
}

export type DisabledReason = 'failures' | 'gone' | 'receiver_request'

export type FailurePolicy = { disableFailing: boolean; disableAfterDays: number }

export const NO_FAILURES: FailureClock = { failingSince: null, failures: 0, lastAttemptAt: null, warnedPercent: 0 }

/** Of the time after which a failing endpoint is disabled. */
const WARNING_PERCENTS: readonly number[] = [50, 70, 90]

/** A failure this long after the one before begins a new streak: the endpoint may have worked in between. */
const STREAK_GAP_MS_MAX = 48 * 3_600_000
const FAILURES_MIN = 10
/** So many failures, over such a time, and an endpoint is failing. */
const FAILING_MIN = 3
const FAILING_MS_MIN = 600_000
const DAY_MS = 24 * 3_600_000

/** Has an endpoint failed for some time, and no success come between? Source: portal 5, endpoint states. */
export function isFailing(
  { failingSince, failures }: Pick<FailureClock, 'failingSince' | 'failures'>,
  at: Date,
): boolean {
  return failingSince !== null && failures >= FAILING_MIN && at.getTime() - failingSince.getTime() >= FAILING_MS_MIN
}

/**
 * Moves an endpoint's failure clock by one attempt, and says whether the endpoint is to be disabled for it, and which warnings
 * have become due: each is given once per streak, also where nothing is disabled for failing.
 * Any success clears the clock. Only attempts that follow a schedule, or recover what had failed, let it run: tests,
 * examples and resends are somebody trying things.
 */
export function moveFailureClock(
  clock: FailureClock,
  attempt: { outcome: AttemptOutcome; wishes: ReadonlySet<ReceiverWish>; cause: Cause; endedAt: Date },
  policy: FailurePolicy,
): { clock: FailureClock; disable: DisabledReason | null; warnings: readonly number[] } {
  const { outcome, wishes, cause, endedAt } = attempt
  const warnings: readonly number[] = []
  if (outcome.kind === 'canceled' || outcome.kind === 'interrupted') return { clock, disable: null, warnings }
  const asked: DisabledReason | null = wishes.has('disable') ? 'receiver_request' : null
  if (isSuccess(outcome)) return { clock: NO_FAILURES, disable: asked, warnings }
  if (outcome.kind === 'responded' && outcome.status === 410) return { clock, disable: 'gone', warnings }
  if (cause === 'test' || cause === 'resend') return { clock, disable: asked, warnings }

  const runs =
    clock.failingSince !== null &&
    clock.lastAttemptAt !== null &&
    endedAt.getTime() - clock.lastAttemptAt.getTime() <= STREAK_GAP_MS_MAX
  const since = (runs && clock.failingSince) || endedAt
  const warned = runs ? clock.warnedPercent : 0
  const percent = ((endedAt.getTime() - since.getTime()) / (policy.disableAfterDays * DAY_MS)) * 100
  const due = WARNING_PERCENTS.filter((warning) => warning > warned && percent >= warning)
  const moved: FailureClock = {
    failingSince: since,
    failures: runs ? clock.failures + 1 : 1,
    lastAttemptAt: endedAt,
    warnedPercent: due.at(-1) ?? warned,
  }
  const tooLong = policy.disableFailing && moved.failures >= FAILURES_MIN && percent >= 100
  return { clock: moved, disable: asked ?? (tooLong ? 'failures' : null), warnings: due }
}
