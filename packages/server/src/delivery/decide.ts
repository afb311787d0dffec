import { addMs } from '#src/adapters/clock.ts'
import {
  type AttemptOutcome,
  type Cause,
  type DeadReason,
  type DeliveryState,
  isSingleAttempt,
  isSuccess,
  type ReceiverWish,
} from './delivery.ts'
import { retryDelayMs } from './schedule.ts'

/** What an attempt met: the outcome, and what the receiver asked for in its answer. */
export type Met = { outcome: AttemptOutcome; wishes: ReadonlySet<ReceiverWish> }

/**
 * The policy of delivery, whole: what becomes of a delivery after its attempt number `attempt` (1, 2, …).
 * @param scheduleSeconds  waits after each failure; of no matter for a single attempt on request
 * @param endedAt          when the attempt ended: a wait counts from then
 */
export function decide(
  met: Met,
  delivery: { cause: Cause; attempt: number },
  scheduleSeconds: readonly number[],
  endedAt: Date,
  random: number,
): DeliveryState {
  const { outcome, wishes } = met
  if (outcome.kind === 'canceled') return { status: 'canceled', canceledAt: endedAt }
  if (isSuccess(outcome)) return { status: 'delivered', deliveredAt: endedAt }
  const reason = endsAtOnce(outcome, wishes)
  if (reason) return { status: 'dead_letter', reason, diedAt: endedAt }
  const schedule = isSingleAttempt(delivery.cause) ? [] : scheduleSeconds
  const retryAfterMs = outcome.kind === 'responded' ? outcome.retryAfterMs : undefined
  const delayMs = retryDelayMs(delivery.attempt, schedule, retryAfterMs, random)
  if (delayMs === undefined) return { status: 'dead_letter', reason: 'schedule_exhausted', diedAt: endedAt }
  return { status: 'pending', attemptsMade: delivery.attempt, nextAttemptAt: addMs(endedAt, delayMs) }
}

/** 410, the receiver's stop word, or an address that may not be called: trying again would be wrong. */
function endsAtOnce(outcome: AttemptOutcome, wishes: ReadonlySet<ReceiverWish>): DeadReason | undefined {
  if (outcome.kind === 'blocked') return 'blocked'
  if (outcome.kind === 'responded' && outcome.status === 410) return 'endpoint_gone'
  if (wishes.has('abort-message')) return 'aborted_by_receiver'
  return undefined
}
