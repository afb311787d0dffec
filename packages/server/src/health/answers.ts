import { failureOut } from '#src/attempts/answers.ts'
import { titleOf } from '#src/delivery/failure-classes.ts'
import { type AttemptCounts, sumCounts } from '#src/statistics/attempt-counts.ts'
import { responseTime } from '#src/tally/response-times.ts'
import { dayOf, type EndpointHealth } from './endpoint-health.ts'
import type { Summary } from './summary.ts'
import { CHECKLIST_STEPS, ENDPOINT_STATES } from './words.ts'

/** What answers need beside what was read. `timeoutMs`: of attempts at endpoints that have no limit of their own. */
export type AnswerContext = { docsUrl: string; timeoutMs: number; now: Date }

const ATTENTION_MAX = 20
/** Kinds of what needs attention, most urgent first. */
const URGENT = ['disabled', 'failing', 'paused', 'degraded'] as const

function countsOut({ delivered, failed }: Pick<AttemptCounts, 'delivered' | 'failed'>) {
  return { ok: delivered, failed }
}

function timesOut({ times }: Pick<AttemptCounts, 'times'>) {
  const p50Ms = responseTime(times, 0.5)
  return { p50Ms, p95Ms: responseTime(times, 0.95), maxMs: p50Ms === null ? null : times.maxMs }
}

function standingOut(health: EndpointHealth, context: AnswerContext) {
  const { facts, disabledReason, certificateEndsAt } = health.endpoint
  return {
    state: health.state,
    since: health.since,
    failure: failureOf(health, context),
    pausedUntil: health.state === 'paused' ? facts.pausedUntil : null,
    disabledReason,
    disablesAt: health.disablesAt,
    lastSuccessAt: health.lastSuccessAt,
    waiting: health.waiting,
    certificateExpiresAt: certificateEndsAt,
  }
}

function failureOf({ failure, endpoint }: EndpointHealth, { docsUrl, timeoutMs }: AnswerContext) {
  const limitMs = endpoint.timeoutMs ?? timeoutMs
  return failure && failureOut(failure, { url: endpoint.url, durationMs: limitMs, limitMs, statusCode: null }, docsUrl)
}

export function healthRowOut(health: EndpointHealth, context: AnswerContext) {
  const { endpoint, hours } = health
  const day = dayOf(health)
  return {
    endpointId: endpoint.id,
    uid: endpoint.uid,
    url: endpoint.url,
    description: endpoint.description,
    eventTypes: endpoint.eventTypes,
    createdAt: endpoint.facts.createdAt,
    ...standingOut(health, context),
    ...countsOut(day),
    p95Ms: timesOut(day).p95Ms,
    hours: hours.map((counts) => countsOut(counts ?? NOTHING)),
  }
}

/** @param bounds  of the buckets, one more than there are · `counts`: by the numbers of the buckets · `waits`: of its retries, in seconds */
export function endpointHealthOut(
  health: EndpointHealth,
  {
    bounds,
    bucket,
    counts,
    waits,
  }: {
    bounds: readonly Date[]
    bucket: string
    counts: ReadonlyMap<number, AttemptCounts>
    waits: readonly number[]
  },
  context: AnswerContext,
) {
  const all = sumCounts([...counts.values()])
  const classes = [...all.classes].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1))
  return {
    endpointId: health.endpoint.id,
    ...standingOut(health, context),
    nextAttempt: health.nextAt,
    limitMs: health.endpoint.timeoutMs ?? context.timeoutMs,
    retrySchedule: waits,
    from: bounds[0],
    to: bounds.at(-1),
    bucket,
    ...countsOut(all),
    ...timesOut(all),
    classes: classes.map(([name, count]) => ({ class: name, title: titleOf(name, null), count })),
    buckets: bounds.slice(0, -1).map((at, number) => {
      const one = counts.get(number) ?? NOTHING
      return { at, ...countsOut(one), ...timesOut(one), classes: Object.fromEntries(one.classes) }
    }),
  }
}

export function summaryOut({ endpoints, day, planned, signal, steps }: Summary, context: AnswerContext) {
  const { now, timeoutMs } = context
  const counted = ENDPOINT_STATES.map((state) => [state, endpoints.filter((one) => one.state === state).length])
  const failing = endpoints.flatMap(({ state, since }) => (state === 'failing' ? since.getTime() : []))
  const done: Record<(typeof CHECKLIST_STEPS)[number], boolean> = {
    producers: steps.producers,
    endpoint: steps.endpoint,
    test_answered: steps.testAnswered,
    signature_checked: steps.signatureChecked,
    first_event: steps.firstEvent,
  }
  const isDone = CHECKLIST_STEPS.every((step) => done[step])
  return {
    at: now,
    endpoints: { total: endpoints.length, ...Object.fromEntries(counted) },
    failingSince: failing.length > 0 ? new Date(Math.min(...failing)) : null,
    from: new Date(Math.floor(now.getTime() / HOUR_MS - 23) * HOUR_MS),
    deliveries: {
      delivered: day.delivered,
      exhausted: day.exhausted,
      retrying: planned.retrying,
      waiting: planned.waiting,
      of: day.delivered + day.exhausted + planned.retrying,
      nextAttempt: planned.nextAt,
    },
    responseTime: {
      p95Ms: timesOut(day).p95Ms,
      limitMs: Math.min(...endpoints.map(({ endpoint }) => endpoint.timeoutMs ?? timeoutMs), timeoutMs),
    },
    signal,
    attention: attentionOut(endpoints, signal.lateSince, context),
    checklist: isDone ? [] : CHECKLIST_STEPS.map((step) => ({ step, done: done[step] })),
  }
}

function attentionOut(endpoints: readonly EndpointHealth[], lateSince: Date | null, context: AnswerContext) {
  const late = lateSince
    ? [{ ...OF_NO_ENDPOINT, kind: 'signal_late', since: lateSince, failure: null, disablesAt: null }]
    : []
  const urgent = URGENT.flatMap((state) =>
    endpoints
      .filter((one) => one.state === state && one.endpoint.disabledReason !== 'manual')
      .sort((one, other) => one.since.getTime() - other.since.getTime())
      .map((one) => ({
        kind: `endpoint_${state}`,
        since: one.since,
        endpointId: one.endpoint.id,
        url: one.endpoint.url,
        description: one.endpoint.description,
        failure: failureOf(one, context),
        disablesAt: one.disablesAt,
      })),
  )
  return [...late, ...urgent].slice(0, ATTENTION_MAX)
}

const OF_NO_ENDPOINT = { endpointId: null, url: null, description: null }
const HOUR_MS = 3_600_000
const NOTHING = sumCounts([])
