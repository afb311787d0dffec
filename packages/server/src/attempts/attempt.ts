import type { Cause } from '#src/delivery/delivery.ts'
import { FAILURE_CLASSES, type FailureClass } from '#src/delivery/failure-classes.ts'
import type { StoredEvent } from '#src/events/message-out.ts'

/** How one attempt ended. `canceled`: its delivery was canceled before it, and nothing was sent. */
export type Ending = 'delivered' | 'failed' | 'canceled'

/** An attempt, or a cancellation, as lists show it. */
export type Attempt = {
  id: string // atmpt_…
  eventId: string
  endpointId: string
  cause: Cause
  number: number // 1, 2, …; 0 for a single attempt on request
  url: string
  outcome: string
  ending: Ending
  failureClass: FailureClass | null
  statusCode: number // 0 without a response
  durationMs: number
  limitMs: number | null // the endpoint's on that attempt; null: not known, or none was made
  response: Buffer | null
  startedAt: Date
  /** When the next attempt of its delivery is due; null also when that has been made, or will not be made any more. */
  nextAt: Date | null
  event: StoredEvent | null // where it was asked for
}

/** The headers of one attempt, as they were kept. */
export type AttemptHeaders = {
  eventId: string
  cause: Cause
  outcome: string
  startedAt: Date
  contentType: string | null
  sent: Record<string, string> | null // the endpoint's own; values of sensitive ones were not kept
  received: [string, string][] | null
}

/** How an event stands with an endpoint, all its attempts and what is still planned taken together. */
export type Standing = 'delivered' | 'waiting' | 'failed' | 'retrying' | 'canceled'

/** What is known of one event and one endpoint. */
export type Facts = {
  latest: Ending | null // of the latest attempt or cancellation; null: none
  attempted: boolean
  nextAt: Date | null // of the first attempt that is planned
  canceling: boolean // a delivery is canceled whose row has not followed yet
}

/** @returns null when the event has nothing to do with the endpoint */
export function standingOf({ latest, attempted, nextAt, canceling }: Facts): Standing | null {
  if (nextAt !== null) return attempted ? 'retrying' : 'waiting'
  return canceling ? 'canceled' : latest
}

export function parseFailureClass(text: string | null): FailureClass | null {
  return text !== null && isFailureClass(text) ? text : null
}

function isFailureClass(text: string): text is FailureClass {
  return Object.hasOwn(FAILURE_CLASSES, text)
}
