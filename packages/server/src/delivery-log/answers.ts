import { csvLine } from '#src/adapters/http/csv.ts'
import { failureOut } from '#src/attempts/answers.ts'
import { isSingleAttempt } from '#src/delivery/delivery.ts'
import type { Pair } from './found-filter.ts'
import { triggerOf } from './query.ts'
import type { AttemptLine, DeliveryLine, EndpointLine, EventLine, Plan } from './store.ts'

/** What answers need to know of the service: where classes of failures are explained, and an environment's schedule. */
export type Shown = { docsUrl: string; waits: number }

/** A delivery's key: what its page is asked for by, and its id in answers. */
export function keyOf({ eventId, endpointId }: Pair): string {
  return `${eventId}:${endpointId}`
}

/** The id in the body of an event: the same 27 characters. */
export function evtIdOf(msgId: string): string {
  return msgId.replace('msg_', 'evt_')
}

export function eventOut({ id, uid, type, npn, payload, isTest, createdAt }: EventLine) {
  return {
    msgId: id,
    evtId: evtIdOf(id),
    eventId: uid,
    eventType: type,
    npn,
    runDate: payload && runDateOf(payload),
    test: isTest,
    occurredAt: createdAt,
  }
}

/** Of an event about a daily run. Anybody may post one of that type: what is no such body has none. */
function runDateOf(payload: Buffer): string | null {
  try {
    const { data }: { data?: { runDate?: unknown } } = JSON.parse(payload.toString())
    const runDate = data?.runDate
    return typeof runDate === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(runDate) ? runDate : null
  } catch {
    return null
  }
}

export function endpointOut({ id, uid, url, description, isDisabled, isDeleted }: EndpointLine) {
  return { id, uid, url, description, disabled: isDisabled, deleted: isDeleted }
}

export function attemptLineOut(attempt: AttemptLine, { docsUrl }: Shown) {
  return {
    id: attempt.id,
    attemptNumber: attempt.number,
    trigger: triggerOf(attempt.cause),
    startedAt: attempt.startedAt,
    responseStatusCode: attempt.statusCode,
    responseDurationMs: attempt.durationMs,
    outcome: attempt.outcome,
    failure: attempt.failureClass && failureOut(attempt.failureClass, attempt, docsUrl),
  }
}

export function planOut({ nextAt, made, cause, waits }: Plan, shown: Shown) {
  return { nextAttempt: nextAt, attemptsMade: made, attemptsMax: attemptsMaxOf({ cause, waits }, shown) }
}

/** How many attempts the schedule of an endpoint makes, as it is now. */
export function attemptsMaxOf({ cause, waits }: Pick<Plan, 'cause' | 'waits'>, shown: Pick<Shown, 'waits'>): number {
  return isSingleAttempt(cause) ? 1 : (waits ?? shown.waits) + 1
}

export function deliveryOut(line: DeliveryLine, shown: Shown) {
  return {
    id: keyOf({ eventId: line.event.id, endpointId: line.endpoint.id }),
    ...eventOut(line.event),
    endpoint: endpointOut(line.endpoint),
    state: line.state,
    ...planOut(line.plan, shown),
    lastAttempt: line.lastAttempt && attemptLineOut(line.lastAttempt, shown),
  }
}

/** The columns of an export as CSV: a first line, and a line for each delivery. */
export const CSV_HEAD = csvLine([
  'state',
  'eventType',
  'msgId',
  'eventId',
  'npn',
  'runDate',
  'test',
  'occurredAt',
  'endpointId',
  'endpointUrl',
  'endpointDescription',
  'result',
  'responseStatusCode',
  'attemptsMade',
  'attemptsMax',
  'lastAttemptAt',
  'nextAttempt',
])

export function deliveryCsv(line: DeliveryLine, shown: Shown): string {
  const { endpoint, lastAttempt, ...row } = deliveryOut(line, shown)
  return csvLine([
    row.state,
    row.eventType,
    row.msgId,
    row.eventId,
    row.npn,
    row.runDate,
    String(row.test),
    row.occurredAt.toISOString(),
    endpoint.id,
    endpoint.url,
    endpoint.description,
    lastAttempt && (lastAttempt.failure?.class ?? 'delivered'),
    lastAttempt && String(lastAttempt.responseStatusCode),
    String(row.attemptsMade),
    String(row.attemptsMax),
    lastAttempt?.startedAt.toISOString() ?? null,
    row.nextAttempt?.toISOString() ?? null,
  ])
}
