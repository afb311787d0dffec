import { addMs } from '#src/adapters/clock.ts'
import { type AttemptOutcome, type Cause, isSuccess, type ReceiverWish } from './delivery.ts'

/** An endpoint's streak of failures, as the database keeps it. */
export type FailureClock = { failingSince: Date | null; failures: number; lastAttemptAt: Date | null }

export type DisabledReason = 'failures' | 'gone' | 'receiver_request'

export type FailurePolicy = { disableFailing: boolean; disableAfterDays: number }

export const NO_FAILURES: FailureClock = { failingSince: null, failures: 0, lastAttemptAt: null }

/** A failure this long after the one before begins a new streak: the endpoint may have worked in between. */
const STREAK_GAP_MS_MAX = 48 * 3_600_000
const FAILURES_MIN = 10
const DAY_MS = 24 * 3_600_000

/**
 * Moves an endpoint's failure clock by one attempt, and says whether the endpoint is to be disabled for it.
 * Any success clears the clock. Only attempts that follow a schedule, or recover what had failed, let it run: tests,
 * examples and resends are somebody trying things.
 */
export function moveFailureClock(
  clock: FailureClock,
  attempt: { outcome: AttemptOutcome; wishes: ReadonlySet<ReceiverWish>; cause: Cause; endedAt: Date },
  policy: FailurePolicy,
): { clock: FailureClock; disable: DisabledReason | null } {
  const { outcome, wishes, cause, endedAt } = attempt
  if (outcome.kind === 'canceled' || outcome.kind === 'interrupted') return { clock, disable: null }
  const asked: DisabledReason | null = wishes.has('disable') ? 'receiver_request' : null
  if (isSuccess(outcome)) return { clock: NO_FAILURES, disable: asked }
  if (outcome.kind === 'responded' && outcome.status === 410) return { clock, disable: 'gone' }
  if (cause === 'test' || cause === 'resend') return { clock, disable: asked }

  const runs =
    clock.failingSince !== null &&
    clock.lastAttemptAt !== null &&
    endedAt.getTime() - clock.lastAttemptAt.getTime() <= STREAK_GAP_MS_MAX
  const moved: FailureClock = runs
    ? { failingSince: clock.failingSince, failures: clock.failures + 1, lastAttemptAt: endedAt }
    : { failingSince: endedAt, failures: 1, lastAttemptAt: endedAt }
  const tooLong =
    policy.disableFailing &&
    moved.failures >= FAILURES_MIN &&
    moved.failingSince !== null &&
    endedAt >= addMs(moved.failingSince, policy.disableAfterDays * DAY_MS)
  return { clock: moved, disable: asked ?? (tooLong ? 'failures' : null) }
}
