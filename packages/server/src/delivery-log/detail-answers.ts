import { attemptOut, decoded, shownHeaders } from '#src/attempts/answers.ts'
import type { Attempt, AttemptHeaders } from '#src/attempts/attempt.ts'
import type { DeliveryState } from '#src/delivery/delivery.ts'
import { attemptsMaxOf, evtIdOf, type Shown } from './answers.ts'
import type { AttemptDetail } from './detail-store.ts'
import { triggerOf } from './query.ts'

/** What was decided, in the words of the log. */
const DECISIONS: Readonly<Record<DeliveryState['status'], string>> = {
  pending: 'retry',
  delivered: 'delivered',
  dead_letter: 'exhausted',
  canceled: 'canceled',
}

/** Everything that is known of an attempt (AttemptDetailOut). */
export function attemptDetailOut(attempt: Attempt, headers: AttemptHeaders, detail: AttemptDetail, view: Shown) {
  const { sent, received } = shownHeaders(headers)
  const { response: _, ...shown } = attemptOut(attempt, view.docsUrl, { expanded: true, withContent: true })
  return {
    ...shown,
    evtId: evtIdOf(attempt.eventId),
    eventType: detail.eventType,
    trigger: triggerOf(attempt.cause),
    attemptsMax: attemptsMaxOf({ cause: attempt.cause, waits: detail.waits }, view),
    requestedBy: detail.requestedBy,
    taskId: detail.taskId,
    timings: {
      queueMs: detail.queueMs,
      dnsMs: detail.dnsMs,
      connectMs: detail.connectMs,
      tlsMs: detail.tlsMs,
      firstByteMs: detail.firstByteMs,
      totalMs: attempt.durationMs,
      limitMs: attempt.limitMs,
    },
    timedOutIn: detail.phase,
    connection: {
      address: detail.address,
      tlsVersion: detail.tlsVersion,
      certificateExpiresAt: detail.certificateExpiresAt,
    },
    decision: { state: DECISIONS[detail.state], reason: detail.deadReason, nextAttempt: detail.nextAttemptAt },
    request: {
      method: 'POST',
      url: attempt.url,
      headers: sent.open,
      sensitive: sent.withheld,
      bodyBytes: detail.payloadBytes,
    },
    responseHead:
      attempt.outcome === 'responded'
        ? { statusCode: attempt.statusCode, headers: received?.open ?? null, sensitive: received?.withheld ?? [] }
        : null,
    responseBody: attempt.response && { ...decoded(attempt.response), bytes: attempt.response.length },
    previousAttemptId: detail.previousId,
    nextAttemptId: detail.nextId,
  }
}
