import { createHash } from 'node:crypto'
import type { StoredEvent } from '#src/events/message-out.ts'
import { attemptLineOut, endpointOut, eventOut, planOut, type Shown } from './answers.ts'
import { SKIPPED, skipReason } from './skipped.ts'
import type { DeliveryLine } from './store.ts'
import { TIMELINE_ATTEMPTS_MAX, TIMELINE_ENDPOINTS_MAX, type Timeline, type Unreached } from './timeline-store.ts'

/** An event and what became of it at every endpoint (TimelineOut). */
export function timelineOut(timeline: Timeline, { channels, tags, deliverAt, payload }: StoredEvent, shown: Shown) {
  const { event, previous, next, deliveries, attempts, unreached } = timeline
  const endpoints = [
    ...deliveries.map((delivery) => reachedOut(delivery, attempts, shown)),
    ...unreached.map((endpoint) => unreachedOut(endpoint, event.createdAt, shown)),
  ]
  return {
    ...eventOut(event),
    channels,
    tags,
    deliverAt,
    payloadBytes: payload?.length ?? null,
    payloadSha256: payload && createHash('sha256').update(payload).digest('hex'),
    previous: previous && eventOut(previous),
    next: next && eventOut(next),
    endpoints: endpoints.slice(0, TIMELINE_ENDPOINTS_MAX),
    endpointsCapped: endpoints.length > TIMELINE_ENDPOINTS_MAX,
  }
}

function reachedOut(delivery: DeliveryLine, attemptsOf: Timeline['attempts'], shown: Shown) {
  const attempts = attemptsOf.get(delivery.endpoint.id) ?? []
  return {
    endpoint: endpointOut(delivery.endpoint),
    state: delivery.state,
    skipped: null,
    ...planOut(delivery.plan, shown),
    attempts: attempts.slice(0, TIMELINE_ATTEMPTS_MAX).map((attempt) => attemptLineOut(attempt, shown)),
    attemptsCapped: attempts.length > TIMELINE_ATTEMPTS_MAX,
  }
}

function unreachedOut(unreached: Unreached, eventAt: Date, { waits }: Shown) {
  const reason = skipReason(unreached, eventAt)
  const isSure = reason === 'other_endpoint' || reason === 'created_later'
  return {
    endpoint: endpointOut(unreached.endpoint),
    state: 'skipped',
    skipped: {
      reason,
      text: SKIPPED[reason],
      changedAt: !isSure && unreached.updatedAt > eventAt ? unreached.updatedAt : null,
    },
    nextAttempt: null,
    attemptsMade: 0,
    attemptsMax: (unreached.waits ?? waits) + 1,
    attempts: [],
    attemptsCapped: false,
  }
}
