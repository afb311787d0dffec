import type { Outcome } from '#src/adapters/outgoing/outcome.ts'
import type { Bundle, Signing } from '#src/events/accept.ts'

export const ATTEMPT_ID_PREFIX = 'atmpt_'

/** First attempts, retries and replays wait apart and have budgets of their own. The numbers are stored. */
export const QUEUES = ['first', 'retry', 'replay'] as const
export type Queue = (typeof QUEUES)[number]

/**
 * Why a delivery exists. `event`: planned when its event was accepted. `replay`: planned later, for an endpoint that
 * had missed it. Both follow the retry schedule. The others are one attempt on somebody's request: a `test`, a `resend`
 * of one message, a `recover` of all that failed.
 */
export type Cause = 'event' | 'replay' | 'test' | 'resend' | 'recover'

/** One event on its way to one endpoint, not finished. */
export type Delivery = {
  accountId: string
  eventId: string
  deliveryId: string
  endpointId: string
  shard: number
  queue: Queue
  cause: Cause
  attemptsMade: number
  createdAt: Date
  dueAt: Date
  payload: Buffer | null // null: erased or expired meanwhile
  contentType: string | null // null: application/json
  signing: Signing | null // null: by all secrets that are valid, now
  /** The background task that planned it, and who asked for it, where somebody did. */
  taskId: string | null
  requestedBy: string | null
  bundle: Bundle | null // null: it has a row of `pending`
}

export const DEAD_REASONS = ['schedule_exhausted', 'endpoint_gone', 'aborted_by_receiver', 'blocked'] as const
export type DeadReason = (typeof DEAD_REASONS)[number]

/** Where a delivery stands after an attempt: `pending → delivered | dead_letter | canceled`, and never back. */
export type DeliveryState =
  | { status: 'pending'; attemptsMade: number; nextAttemptAt: Date }
  | { status: 'delivered'; deliveredAt: Date }
  | { status: 'dead_letter'; reason: DeadReason; diedAt: Date }
  | { status: 'canceled'; canceledAt: Date } // endpoint disabled or deleted, cancel-msgs, payload erased

/** Why a delivery ended without an attempt; `canceled`: somebody said so. */
export type CancelReason = 'canceled' | 'endpoint_disabled' | 'endpoint_deleted' | 'payload_expired'

/** What an attempt met, or that none was made because the delivery was canceled before. */
export type AttemptOutcome = Outcome | { kind: 'canceled'; why: CancelReason }

/** One attempt only, on request; it neither follows a schedule nor starts the endpoint's failure clock. */
export function isSingleAttempt(cause: Cause): boolean {
  return cause !== 'event' && cause !== 'replay'
}

/** Goes out also to a disabled endpoint: that is how a repair is checked. */
export function ignoresDisabled(cause: Cause): boolean {
  return cause === 'resend' || cause === 'test'
}

export function isSuccess(outcome: AttemptOutcome): boolean {
  return outcome.kind === 'responded' && outcome.status >= 200 && outcome.status <= 299
}

/** What a receiver can ask for in its `webhook-delivery` header (comma list, any case, any status). */
export type ReceiverWish = 'abort-message' | 'disable'

export function parseReceiverWishes(header: string | undefined): ReadonlySet<ReceiverWish> {
  const words = (header ?? '')
    .toLowerCase()
    .split(',')
    .map((word) => word.trim())
  return new Set(words.filter((word): word is ReceiverWish => word === 'abort-message' || word === 'disable'))
}

/** In which queue a delivery waits for its next attempt: a replay's retries stay within the budget of replays. */
export function nextQueueOf(delivery: { queue: Queue }): Queue {
  return delivery.queue === 'replay' ? 'replay' : 'retry'
}
