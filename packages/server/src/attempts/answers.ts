import type { PageAnswer } from '#src/adapters/http/pages.ts'
import { ksuidTime } from '#src/adapters/ids.ts'
import { ATTEMPT_ID_PREFIX, isSingleAttempt } from '#src/delivery/delivery.ts'
import { FAILURE_CLASSES, type FailureClass, titleOf } from '#src/delivery/failure-classes.ts'
import { requestHeaders } from '#src/delivery/request.ts'
import { isSensitiveHeader } from '#src/endpoints/headers.ts'
import { jsonArray, messageOut, type StoredEvent } from '#src/events/message-out.ts'
import type { Counts } from '#src/tally/store.ts'
import type { Attempt, AttemptHeaders, Ending, Standing } from './attempt.ts'
import type { Destination, EventStanding } from './standing-store.ts'

/** What a request wants to see. `expanded`: cancellations as such; else they count as success. */
export type View = { expanded: boolean; withContent: boolean }

/** Numbers and words of the API, in its order. Source: webhook-api 7. */
export const STATUS_TEXTS = ['success', 'pending', 'fail', 'sending', 'canceled'] as const
const STANDINGS: readonly Standing[] = ['delivered', 'waiting', 'failed', 'retrying', 'canceled']
const NUMBER_OF: Readonly<Record<Ending, number>> = { delivered: 0, failed: 2, canceled: 4 }

/** The standing, or how an attempt ended, that a `status` of the API names. */
export function standingOfStatus(status: number): Standing {
  const standing = STANDINGS[status]
  if (!standing) throw new RangeError('no such status')
  return standing
}

/** @returns undefined for what no attempt can be: pending, sending */
export function endingOfStatus(status: number): Ending | undefined {
  const standing = standingOfStatus(status)
  return standing === 'waiting' || standing === 'retrying' ? undefined : standing
}

function statusOut(number: number, expanded: boolean) {
  const status = number === NUMBER_OF.canceled && !expanded ? NUMBER_OF.delivered : number
  return { status, statusText: STATUS_TEXTS[status] }
}

function standingOut({ standing, nextAt }: { standing: Standing; nextAt: Date | null }, expanded: boolean) {
  const isPlanned = standing === 'waiting' || standing === 'retrying'
  return {
    ...statusOut(STANDINGS.indexOf(standing), expanded),
    ...(isPlanned && nextAt !== null ? { nextAttempt: nextAt } : {}),
  }
}

/** What stands for the response of an attempt that got none. No phrase tells an address. */
const WITHOUT_RESPONSE: Readonly<Record<string, string>> = {
  timed_out: 'No answer within the time limit',
  dns: 'Host name not found',
  refused: 'Could not connect',
  reset: 'Connection broken',
  tls: 'No secure connection',
  blocked: 'Address not allowed',
  invalid_response: 'Not a valid HTTP answer',
  interrupted: 'Stopped on our side',
  canceled: 'Cancelled before it was sent',
}

/**
 * An attempt in the words of the API (MessageAttemptOut), with what is added to it. Source: webhook-api 8.2.
 * @param docsUrl  where the classes of failures are explained
 */
export function attemptOut(attempt: Attempt, docsUrl: string, { expanded, withContent }: View) {
  const { id, eventId, endpointId, url, cause, startedAt } = attempt
  const idTime = ksuidTime(id.slice(ATTEMPT_ID_PREFIX.length))
  return {
    id,
    msgId: eventId,
    endpointId,
    url,
    response: withContent ? responseOut(attempt) : '{}',
    responseStatusCode: attempt.statusCode,
    responseDurationMs: attempt.durationMs,
    ...statusOut(NUMBER_OF[attempt.ending], expanded),
    triggerType: isSingleAttempt(cause) ? 1 : 0,
    // an id made late carries a later time than its attempt's: lists are cut by the ids, so theirs is shown
    timestamp: idTime > startedAt ? idTime : startedAt,
    attemptNumber: attempt.number,
    nextAttempt: attempt.nextAt,
    outcome: attempt.outcome,
    failure: attempt.failureClass && failureOut(attempt.failureClass, attempt, docsUrl),
    ...(attempt.event ? { msg: withoutPayload(attempt.event) } : {}),
  }
}

function withoutPayload(event: StoredEvent): unknown {
  return JSON.parse(messageOut(event, false).toString())
}

/** What went wrong and what to do about it. @param  `statusCode` null: of several attempts. Source: portal 5 */
export function failureOut(
  name: FailureClass,
  {
    url,
    durationMs,
    limitMs,
    statusCode,
  }: Pick<Attempt, 'url' | 'durationMs' | 'limitMs'> & { statusCode: number | null },
  docsUrl: string,
) {
  const { advice, retried } = FAILURE_CLASSES[name]
  const title = titleOf(name, statusCode)
  const values: Readonly<Record<string, string>> = {
    HOST: new URL(url).hostname,
    LIMIT: `${Math.round((limitMs ?? durationMs) / 1000)} s`,
  }
  const fill = (text: string) => text.replaceAll(/HOST|LIMIT/g, (word) => values[word] ?? word)
  return { class: name, title: fill(title), advice: fill(advice), retried, docsUrl: `${docsUrl}#${name}` }
}

function responseOut({ outcome, response }: Attempt): string {
  // the answer of an attempt that got none can have been erased too
  return response === null ? (WITHOUT_RESPONSE[outcome] ?? '') : decoded(response).text
}

/** The start of a body as text when it is UTF-8, its last character left out where it was cut; else as Base64. */
export function decoded(bytes: Buffer): { text: string; encoding: 'utf-8' | 'base64' } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true })
    return { text, encoding: 'utf-8' }
  } catch {
    return { text: bytes.toString('base64'), encoding: 'base64' }
  }
}

const SIGNATURES = new Set(['webhook-signature', 'svix-signature'])

/** The headers sent on an attempt and received with its answer, without the values that nobody may read again. */
export function attemptHeadersOut(attempt: AttemptHeaders) {
  const { sent, received } = shownHeaders(attempt)
  return {
    sentHeaders: Object.fromEntries(sent.open),
    responseHeaders: received?.open ?? null,
    sensitive: [...new Set([...sent.withheld, ...(received?.withheld ?? [])])],
  }
}

/** Headers that may be read again, and the names of those that may not. */
export function shownHeaders(attempt: AttemptHeaders) {
  return { sent: shown(pairsOf(sentOf(attempt))), received: attempt.received && shown(attempt.received) }
}

function sentOf({ eventId, cause, outcome, startedAt, contentType, sent }: AttemptHeaders): string[] {
  if (outcome === 'canceled' || outcome === 'blocked') return [] // nothing was sent
  const own = new Map(Object.entries(sent ?? {}))
  return requestHeaders({ eventId, cause, contentType, payload: NO_BYTES }, own, () => '', startedAt)
}

const NO_BYTES = Buffer.alloc(0)

function pairsOf(namesAndValues: readonly string[]): [string, string][] {
  return namesAndValues.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, namesAndValues[index + 1] ?? '']] : [],
  )
}

function shown(headers: readonly [string, string][]): { open: [string, string][]; withheld: string[] } {
  const isWithheld = ([name]: [string, string]) =>
    isSensitiveHeader(name) || SIGNATURES.has(name.toLowerCase()) || name.toLowerCase() === 'set-cookie'
  return {
    open: headers.filter((header) => !isWithheld(header)),
    withheld: headers.filter(isWithheld).map(([name]) => name),
  }
}

/** An endpoint to which an event went or is to go (MessageEndpointOut). */
export function destinationOut({ endpoint, ...standing }: Destination, expanded: boolean) {
  return {
    ...endpoint,
    filterTypes: endpoint.eventTypes,
    rateLimit: endpoint.throttleRate,
    version: 1,
    ...standingOut(standing, expanded),
  }
}

/** An event as it stands with an endpoint (EndpointMessageOut), as JSON text: its payload is in it as it was accepted. */
export function eventStandingOut({ event, ...standing }: EventStanding, { expanded, withContent }: View): Buffer {
  return messageOut(event, withContent, standingOut(standing, expanded))
}

/** A page of JSON texts, as JSON text. */
export function pageOut({ data, ...rest }: PageAnswer<Buffer>): Buffer {
  const tail = JSON.stringify(rest).replace('{', ',')
  return Buffer.concat([Buffer.from('{"data":'), jsonArray(data), Buffer.from(tail)])
}

/** EndpointStats. */
export function endpointCountsOut(made: Counts, planned: { waiting: number; retrying: number }) {
  const { success, failure, canceled } = made
  return { success, pending: planned.waiting, sending: planned.retrying, fail: failure, canceled }
}
