import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { FailureOut } from '#src/attempts/answer-schemas.ts'
import { FAILURE_CLASSES, type FailureClass } from '#src/delivery/failure-classes.ts'
import { PERIODS } from '#src/statistics/periods.ts'
import { CHECKLIST_STEPS, ENDPOINT_STATES, SIGNAL_STATES } from './words.ts'

const count = (description?: string) => Type.Integer({ minimum: 0, ...(description && { description }) })
const ms = (description: string) => nullable(Type.Integer({ minimum: 0, description }))
const moment = (description: string) => nullable(Type.String({ format: 'date-time', description }))
const failureClass = oneOf(Object.keys(FAILURE_CLASSES) as FailureClass[])
const date = Type.String({ format: 'date', description: 'A day in US Central time.' })

const responseTimes = {
  p50Ms: ms('Half of the attempts took no longer; null without one. From a histogram, to about a tenth.'),
  p95Ms: ms('19 of 20 attempts took no longer; as p50Ms.'),
  maxMs: ms('The longest attempt, exactly.'),
}
const counts = {
  ok: count('Attempts that were answered with 2xx; test requests are left out.'),
  failed: count('Attempts that were not; cancellations are neither.'),
}

/** How an endpoint stands: the same in lists, on its own page and in the summary. */
const standing = {
  state: oneOf(ENDPOINT_STATES),
  since: Type.String({ format: 'date-time', description: 'Since when it is in this state.' }),
  failure: nullable(FailureOut),
  pausedUntil: moment('While paused: when the next attempt is let through to see whether it answers again.'),
  disabledReason: nullable(oneOf(['manual', 'failures', 'gone', 'receiver_request'])),
  disablesAt: moment('When it is disabled unless a delivery succeeds before; null while that is not to come.'),
  lastSuccessAt: moment('The latest 2xx within 90 days, test requests included.'),
  waiting: count('Deliveries that are planned, those to be retried included; no further than 1,000.'),
  certificateExpiresAt: moment(
    'End of the certificate that the receiver has shown; null without https, or while none has been seen.',
  ),
}

export const EndpointHealthOut = Type.Object(
  {
    endpointId: idText('ep_'),
    ...standing,
    nextAttempt: moment('When the first of the planned deliveries is due.'),
    limitMs: Type.Integer({ minimum: 1, description: 'The time limit of an attempt: the line in a chart.' }),
    retrySchedule: Type.Array(Type.Integer({ minimum: 1 }), {
      description: 'Waits in seconds that hold for it: its own, else those of the environment.',
    }),
    from: momentText(),
    to: momentText(),
    bucket: oneOf(PERIODS),
    ...counts,
    ...responseTimes,
    classes: Type.Array(
      Type.Object({ class: failureClass, title: Type.String(), count: count() }, { title: 'FailureCountOut' }),
      { description: 'Failures of the whole time by class, most frequent first.' },
    ),
    buckets: Type.Array(
      Type.Object(
        {
          at: momentText(),
          ...counts,
          ...responseTimes,
          classes: Type.Unsafe<Record<string, number>>({
            type: 'object',
            additionalProperties: { type: 'integer', minimum: 1 },
            description: 'Failures by class; none is left out but those without any.',
          }),
        },
        { title: 'HealthBucketOut' },
      ),
      { description: 'One after the other without gaps, oldest first; the last may not be over yet.' },
    ),
  },
  { title: 'EndpointHealthOut' },
)

export const EndpointHealthPage = pageOf(
  'EndpointHealthRowOut',
  Type.Object(
    {
      endpointId: idText('ep_'),
      uid: nullable(Type.String()),
      url: Type.String({ format: 'uri' }),
      description: Type.String(),
      eventTypes: nullable(Type.Array(Type.String())),
      createdAt: momentText(),
      ...standing,
      ...counts,
      p95Ms: responseTimes.p95Ms,
      hours: Type.Array(Type.Object(counts, { title: 'HealthHourOut' }), {
        minItems: 24,
        maxItems: 24,
        description:
          'The last 24 hours by the clock, oldest first: the last is the one under way. `ok` and `failed` are their sums.',
      }),
    },
    { title: 'EndpointHealthRowOut' },
  ),
)

export const SummaryOut = Type.Object(
  {
    at: momentText(),
    endpoints: Type.Object(
      { total: count(), ...Object.fromEntries(ENDPOINT_STATES.map((state) => [state, count()])) },
      { title: 'EndpointStatesOut', description: 'How many endpoints are in each state.' },
    ),
    failingSince: moment('Since when an endpoint fails, the one that has done so longest; null without one.'),
    from: momentText(),
    deliveries: Type.Object(
      {
        delivered: count('Successful attempts since `from`, test requests left out.'),
        exhausted: count('Deliveries given up since `from`.'),
        retrying: count('Deliveries that have failed so far and are to be tried again, now; no further than 10,000.'),
        waiting: count('Deliveries not attempted yet, now; no further than 10,000.'),
        of: count('The sum of `delivered`, `exhausted` and `retrying`: what the percentage is of.'),
        nextAttempt: moment('When the next retry is due.'),
      },
      { title: 'DeliverySummaryOut' },
    ),
    responseTime: Type.Object(
      {
        p95Ms: responseTimes.p95Ms,
        limitMs: Type.Integer({
          minimum: 1,
          description: 'The time limit of an attempt; the shortest where endpoints differ.',
        }),
      },
      { title: 'ResponseTimeOut', description: 'Of all attempts since `from`.' },
    ),
    signal: Type.Object(
      {
        last: nullable(
          Type.Object(
            {
              runDate: date,
              publishedAt: momentText(),
              late: Type.Boolean(),
              msgId: nullable(idText('msg_')),
              delivered: count('Endpoints that have answered with 2xx.'),
              of: count('Endpoints that it went or goes to.'),
            },
            { title: 'SignalOut' },
          ),
        ),
        dueAt: moment('When the signal of the current business day is late; null on a day without a run.'),
        lateSince: moment('Since when the signal of the current business day is overdue; null while it is not.'),
        days: Type.Array(
          Type.Object(
            { day: date, state: oneOf(SIGNAL_STATES), publishedAt: nullable(momentText()) },
            { title: 'SignalDayOut' },
          ),
          {
            maxItems: 14,
            description: '14 days, oldest first; the last is today in US Central time. None without a feed.',
          },
        ),
      },
      { title: 'DailySignalOut' },
    ),
    attention: Type.Array(
      Type.Object(
        {
          kind: oneOf(['signal_late', 'endpoint_disabled', 'endpoint_failing', 'endpoint_paused', 'endpoint_degraded']),
          since: momentText(),
          endpointId: nullable(idText('ep_')),
          url: nullable(Type.String({ format: 'uri' })),
          description: nullable(Type.String({ description: 'Of the endpoint.' })),
          failure: standing.failure,
          disablesAt: standing.disablesAt,
        },
        { title: 'AttentionOut' },
      ),
      { maxItems: 20, description: 'Most urgent first; endpoints that a person has disabled are not among them.' },
    ),
    checklist: Type.Array(
      Type.Object({ step: oneOf(CHECKLIST_STEPS), done: Type.Boolean() }, { title: 'ChecklistStepOut' }),
      { description: 'The way to the first real event, in its order; empty once all of it is done.' },
    ),
  },
  { title: 'AccountSummaryOut' },
)
