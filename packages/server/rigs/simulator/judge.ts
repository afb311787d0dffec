import { type Breach, check, type Evidence, isOf, type Rule, type Verdict } from '../chaos/check.ts'
import { type Delivery, joinDeliveries } from '../chaos/deliveries.ts'
import type { Line } from '../chaos/ledger.ts'
import type { Turned } from './switches.ts'

/** When the database's clock is set, P6 and P7 hold but for the jump (F23), and requests and records cannot be matched by it. */
const RULES_OF_TIME: readonly Rule[] = ['early', 'late', 'overlaps', 'unexcused', 'repeated']
/** What may not be broken for a moment either; the rest is judged when all has come to its end. */
const HELD_ALWAYS: readonly Rule[] = [
  'lost',
  'doubledEvents',
  'foreign',
  'early',
  'overlaps',
  'staleWrites',
  'badSignatures',
  'bodyMismatches',
]

/** When all faults are over: the longest look for lost hints, and the lag of P7, and some. */
const FIRST_ATTEMPT_MS_MAX = 15_000

/** A changed endpoint is obeyed by every attempt that starts later than this after the change. */
const OBEYED_WITHIN_MS = 1_000
/** From its id to its statement: what holds calls of the database up lasts so long at most. */
const ACCEPTING_MS_MAX = 12_000

type Moment = {
  /** All has come to its end; before that, only what may not be broken for a moment is judged. */
  atEnd: boolean
  clocksWereSet: boolean
  /** Events that nobody has acknowledged yet. */
  unacknowledged: number
  turned: readonly Turned[]
  /** What clocks of processes and the database's may be apart. */
  clocksApartMs: number
  /** The endpoint that gets one event at a time. */
  fifo: number | null
}

/** P1–P7 over everything so far, by the checker of the chaos rig. */
export function judge(evidence: Evidence, moment: Moment): { verdict: Verdict; violations: string[] } {
  const { atEnd, clocksWereSet, unacknowledged, fifo } = moment
  const deliveries = joinDeliveries(evidence)
  const verdict = check(evidence, deliveries)
  const breaches = verdict.breaches.filter(
    (breach) =>
      (atEnd || HELD_ALWAYS.includes(breach.rule)) &&
      !(clocksWereSet && RULES_OF_TIME.includes(breach.rule)) &&
      !wasNotPlanned(breach, moment) &&
      !(breach.rule === 'late' && breach.delivery?.endpoint === fifo), // P7 excepts what waits for others
  )
  const violations = breaches.map(({ rule, subject, detail }) => `${rule}: ${subject}: ${detail}`)
  if (!clocksWereSet)
    violations.push(...disobeyed(deliveries, evidence, moment), ...disordered(deliveries, evidence, moment))
  if (!atEnd) return { verdict, violations }
  if (verdict.duplicates > verdict.duplicatesBound && !clocksWereSet)
    violations.push(`P4: ${verdict.duplicates} duplicates, bound ${verdict.duplicatesBound}`)
  violations.push(...forgotten(evidence, verdict, fifo))
  if (verdict.pending > 0 || unacknowledged > 0)
    violations.push(`P2: ${verdict.pending} deliveries are pending, ${unacknowledged} events not acknowledged`)
  return { verdict, violations }
}

/** However much a fault excuses: what has been accepted is begun soon after it is over. */
function forgotten({ faults }: Evidence, { lateInFault }: Verdict, fifo: number | null): string[] {
  const overMs = Math.max(0, ...faults.map(({ untilMs }) => untilMs))
  return lateInFault.flatMap(({ delivery: { uid, endpoint, createdAtMs, requests } }) => {
    const [first] = requests
    const waitedMs = first && createdAtMs !== null ? first.line.beginMs - Math.max(overMs, createdAtMs) : 0
    return waitedMs > FIRST_ATTEMPT_MS_MAX && endpoint !== fifo
      ? [`P5: ${uid} at endpoint ${endpoint} is begun ${Math.round(waitedMs)} ms after the last fault`]
      : []
  })
}

/** An event that comes while an endpoint is disabled is not for it. */
function wasNotPlanned({ rule, delivery }: Breach, { turned, clocksApartMs, clocksWereSet }: Moment): boolean {
  if (rule !== 'lost' || !delivery || delivery.rows.length > 0 || delivery.requests.length > 0) return false
  const createdAtMs = delivery.createdAtMs ?? 0
  return turned.some(
    ({ endpoint, disabledAtMs, enabledAtMs }) =>
      endpoint === delivery.endpoint &&
      (clocksWereSet || (createdAtMs > disabledAtMs - ACCEPTING_MS_MAX && createdAtMs < enabledAtMs + clocksApartMs)),
  )
}

/**
 * What disabling an endpoint means (webhook-api 10.4): nothing starts later than 1 s after it, nor what was accepted before it
 * when the endpoint is enabled again; and nothing is canceled that was accepted after that.
 */
function disobeyed(deliveries: readonly Delivery[], evidence: Evidence, { turned, clocksApartMs }: Moment): string[] {
  if (turned.length === 0) return []
  return deliveries.flatMap((delivery) => {
    const { endpoint, createdAtMs, requests, rows, messageId } = delivery
    const ofEndpoint = turned.filter((other) => other.endpoint === endpoint)
    if (createdAtMs === null) return []
    const tooLate = requests.some(({ line }) =>
      ofEndpoint.some(
        ({ disabledAtMs, enabledAtMs }) =>
          line.beginMs > disabledAtMs + OBEYED_WITHIN_MS &&
          (line.beginMs < enabledAtMs || createdAtMs < disabledAtMs - clocksApartMs) &&
          !wasFrozen(evidence, line, disabledAtMs),
      ),
    )
    const wrongly = rows.some(
      ({ outcome }) =>
        outcome === 'canceled' && !ofEndpoint.some(({ enabledAtMs }) => createdAtMs < enabledAtMs + clocksApartMs),
    )
    return [
      ...(tooLate ? [`10.4: ${messageId} at endpoint ${endpoint} is sent although that canceled it`] : []),
      ...(wrongly
        ? [`10.4: ${messageId} at endpoint ${endpoint} is canceled, and was accepted after it was enabled`]
        : []),
    ]
  })
}

/**
 * What `fifo` means (webhook-api 10): nothing begins before what has begun has ended, nor before what had been acknowledged when
 * it was sent to the service.
 */
function disordered(deliveries: readonly Delivery[], evidence: Evidence, { fifo }: Moment): string[] {
  if (fifo === null) return []
  const publications = new Map([...evidence.publications].map((publication) => [publication.uid, publication]))
  const begun = deliveries
    .filter(({ endpoint, requests }) => endpoint === fifo && requests.length > 0)
    .toSorted((a, b) => beginOf(a) - beginOf(b))
  return begun.flatMap((delivery, index) => {
    const beginMs = beginOf(delivery)
    const sentAtMs = publications.get(delivery.uid ?? '')?.sentAtMs ?? 0
    const open = begun
      .slice(0, index)
      .find(({ requests }) => requests.some(({ line }) => line.beginMs > beginMs && !wasFrozen(evidence, line, 0)))
    const overtaken = begun
      .slice(index + 1)
      .find(({ uid }) => (publications.get(uid ?? '')?.acknowledgedAs[0]?.atMs ?? Number.POSITIVE_INFINITY) < sentAtMs)
    return [
      ...(open ? [`fifo: ${delivery.uid} at endpoint ${fifo} is begun before ${open.uid} has ended`] : []),
      ...(overtaken
        ? [`fifo: ${delivery.uid} at endpoint ${fifo} is begun before ${overtaken.uid}, which came first`]
        : []),
    ]
  })
}

function beginOf({ requests }: Delivery): number {
  return requests[0]?.line.beginMs ?? 0
}

/** A process that was frozen since then may write what it was about to. */
function wasFrozen({ faults }: Evidence, line: Line, sinceMs: number): boolean {
  return faults.some(
    ({ kind, victim, atMs, untilMs }) =>
      kind === 'stop' && isOf(line, victim) && atMs < line.beginMs && untilMs > sinceMs,
  )
}
