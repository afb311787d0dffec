import type { Clock } from '#src/adapters/clock.ts'
import { addMs } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { AddressPolicy, Outgoing, PostResult, Timings } from '#src/adapters/outgoing/outgoing.ts'
import { type Headers, isSensitiveHeader } from '#src/endpoints/headers.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { AttemptRecord } from './attempt-store.ts'
import type { Reach } from './breaker.ts'
import { decide, type Met } from './decide.ts'
import {
  ATTEMPT_ID_PREFIX,
  type AttemptOutcome,
  type CancelReason,
  type Delivery,
  ignoresDisabled,
  isSingleAttempt,
  parseReceiverWishes,
} from './delivery.ts'
import type { Failpoint } from './failpoint.ts'
import { classify } from './failure-classes.ts'
import { requestHeaders, type Signer, timestampHeaders } from './request.ts'

/** How long ago a test was signed that receivers are to refuse for its age: twice what the specification lets pass. */
const OLD_MS = 600_000

/** An attempt that met an outcome, with what was decided. */
export type Attempted = {
  kind: 'attempted'
  met: Met
  reach: Reach
  endedAt: Date
  record: Omit<AttemptRecord, 'epoch' | 'announcements'>
}

/** `deferred`: a limit of the destination; `stopped`: this process may not send any more. Nothing counts as sent. */
export type AttemptEnd = Attempted | { kind: 'deferred'; waitMs: number } | { kind: 'stopped' }

export type AttemptParts = {
  delivery: Delivery
  target: Target
  outgoing: Outgoing
  policy: AddressPolicy
  clock: Clock
  ids: IdSource
  random: number
  failpoint: Failpoint
  mayWrite: () => boolean
  signal: AbortSignal
}

/** What was seen of the receiver. */
type Seen = Pick<
  AttemptRecord,
  'durationMs' | 'timingsMs' | 'address' | 'security' | 'response' | 'responseHeaders' | 'sentHeaders'
>
const NOTHING_SEEN: Omit<Seen, 'durationMs'> = {
  timingsMs: null,
  address: null,
  security: null,
  response: null,
  responseHeaders: null,
  sentHeaders: null,
}

type DecisionParts = Pick<AttemptParts, 'delivery' | 'target' | 'clock' | 'ids' | 'random'>

/** Signs, sends and decides: one HTTP request of a delivery. Records nothing. */
export async function attemptDelivery(parts: AttemptParts, signer: Signer): Promise<AttemptEnd> {
  const { delivery, target, clock, failpoint } = parts
  const { payload } = delivery
  if (payload === null) throw new TypeError('a delivery without payload is canceled, not sent')
  const startedAt = clock.now()
  const signedAt = delivery.signing === 'old' ? addMs(startedAt, -OLD_MS) : startedAt
  const id = attemptId(parts.ids, startedAt)
  await failpoint('send.before_write')
  const result = await parts.outgoing.post({
    url: target.url,
    headers: requestHeaders({ ...delivery, payload }, target.headers, signer, signedAt),
    body: payload,
    timeoutMs: target.timeoutMs,
    connectionKey: delivery.endpointId,
    resolutionKey: delivery.accountId,
    policy: parts.policy,
    mayWrite: parts.mayWrite,
    signal: parts.signal,
  })
  await failpoint('send.after_response')
  if (result.kind === 'deferred') return result
  if (result.outcome.kind === 'interrupted') return { kind: 'stopped' }
  const endedAt = laterOf(clock.now(), addMs(startedAt, result.durationMs))
  const met: Met = { outcome: result.outcome, wishes: parseReceiverWishes(headerOf(result, 'webhook-delivery')) }
  return decided(parts, met, id, startedAt, endedAt, {
    durationMs: result.durationMs,
    timingsMs: timingsOf(result.timings, startedAt, parts),
    address: result.address,
    security: result.security,
    ...(result.outcome.kind === 'responded'
      ? { response: result.responseBody, responseHeaders: result.responseHeaders }
      : { response: null, responseHeaders: null }),
    sentHeaders: sentHeadersOf(target.headers, signedAt === startedAt ? [] : timestampHeaders(signedAt)),
  })
}

/** An attempt that a bug of ours broke: it counts as failed, so that one poisoned event backs off and stops nobody. */
export function brokenAttempt(parts: DecisionParts): Attempted {
  const now = parts.clock.now()
  const met: Met = { outcome: { kind: 'interrupted' }, wishes: new Set() }
  return decided(parts, met, attemptId(parts.ids, now), now, now, {
    durationMs: 0,
    ...NOTHING_SEEN,
  })
}

function decided(
  { delivery, target, random }: DecisionParts,
  met: Met,
  id: string,
  startedAt: Date,
  endedAt: Date,
  seen: Seen,
): Attempted {
  const attempt = delivery.attemptsMade + 1
  const single = isSingleAttempt(delivery.cause)
  const state = decide(met, { cause: delivery.cause, attempt }, target.retrySchedule, endedAt, random)
  return {
    kind: 'attempted',
    met,
    reach: reachOf(met.outcome),
    endedAt,
    record: {
      delivery,
      id,
      number: single ? 0 : attempt,
      url: target.url,
      ...describe(met.outcome),
      ...seen,
      startedAt,
      state,
      endsPlanned: single && delivery.cause !== 'test' && state.status === 'delivered',
    },
  }
}

/** The record of a delivery that is canceled before its next attempt. */
export function canceledAttempt(
  delivery: Delivery,
  target: Target,
  at: Date,
  ids: IdSource,
): Omit<AttemptRecord, 'epoch' | 'announcements'> {
  return {
    delivery,
    id: attemptId(ids, at),
    number: isSingleAttempt(delivery.cause) ? 0 : delivery.attemptsMade + 1,
    url: target.url,
    ...describe({ kind: 'canceled', why: whyCanceled(delivery, target) }),
    durationMs: 0,
    ...NOTHING_SEEN,
    startedAt: at,
    state: { status: 'canceled', canceledAt: at },
    endsPlanned: false,
  }
}

/** The rows of a mark are read without their payloads: only where no mark explains it, the payload is what was missing. */
function whyCanceled({ cause, createdAt }: Delivery, { deletedAt, disabled, canceledBefore }: Target): CancelReason {
  if (deletedAt !== null) return 'endpoint_deleted'
  if (ignoresDisabled(cause)) return 'payload_expired'
  if (disabled) return 'endpoint_disabled'
  return canceledBefore !== null && createdAt < canceledBefore ? 'canceled' : 'payload_expired'
}

/** Its time is that of the attempt's start. */
function attemptId(ids: IdSource, startedAt: Date): string {
  return `${ATTEMPT_ID_PREFIX}${ids.next(startedAt).ksuid}`
}

function reachOf({ kind }: AttemptOutcome): Reach {
  if (kind === 'responded') return 'answered'
  return kind === 'blocked' || kind === 'interrupted' ? 'unsent' : 'silent'
}

function describe(outcome: AttemptOutcome): Pick<AttemptRecord, 'outcome' | 'failureClass' | 'phase' | 'statusCode'> {
  return {
    outcome: outcome.kind === 'unreachable' ? outcome.cause : outcome.kind,
    failureClass: classify(outcome),
    phase: outcome.kind === 'timed_out' ? outcome.phase : null,
    statusCode: outcome.kind === 'responded' ? outcome.status : 0,
  }
}

/** `AttemptRecord.timingsMs` */
function timingsOf(
  { dnsMs, connectMs, tlsMs, firstByteMs }: Timings,
  startedAt: Date,
  { delivery, target }: Pick<AttemptParts, 'delivery' | 'target'>,
): (number | null)[] {
  const queueMs = Math.min(Math.max(0, startedAt.getTime() - delivery.dueAt.getTime()), MS_MAX)
  return [dnsMs ?? null, connectMs ?? null, tlsMs ?? null, firstByteMs ?? null, queueMs, target.timeoutMs]
}

/** The largest that the column holds: nearly 25 days. */
const MS_MAX = 2 ** 31 - 1

/**
 * The endpoint's own headers as sent, without the values that nobody may read again.
 * @param others  those of ours that do not follow from the attempt's row
 */
function sentHeadersOf(headers: Headers, others: readonly [string, string][]): Record<string, string> | null {
  if (headers.size === 0 && others.length === 0) return null
  const own = [...headers].map(([name, value]): [string, string] => [name, isSensitiveHeader(name) ? '' : value])
  return Object.fromEntries([...own, ...others])
}

function headerOf(result: PostResult & { kind: 'attempted' }, name: string): string | undefined {
  const value = result.headers[name]
  return typeof value === 'string' ? value : value?.join(',')
}

function laterOf(a: Date, b: Date): Date {
  return a > b ? a : b
}

/** What the log says of an attempt or a cancellation: nothing of a payload, a header or a URL. */
export function attemptedLine(record: Attempted['record']): object {
  const { delivery } = record
  return {
    event: 'delivery.attempted',
    eventId: delivery.eventId,
    endpointId: delivery.endpointId,
    deliveryId: delivery.deliveryId,
    attemptId: record.id,
    attempt: delivery.attemptsMade + 1,
    cause: delivery.cause,
    outcome: record.outcome,
    status: record.statusCode,
    decision: record.state.status,
    durationMs: Math.round(record.durationMs),
    lagMs: record.startedAt.getTime() - delivery.dueAt.getTime(),
  }
}
