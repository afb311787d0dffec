import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { AttemptOut, FailureOut } from '#src/attempts/answer-schemas.ts'
import { DEAD_REASONS } from '#src/delivery/delivery.ts'
import { DELIVERY_STATES, TRIGGERS } from './query.ts'
import { SKIP_REASONS } from './skipped.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const ms = (description: string) => nullable(Type.Integer({ minimum: 0, description }))

/** An event, as a line names it. */
const eventFields = {
  msgId: idText('msg_'),
  evtId: Type.String({ pattern: '^evt_[0-9A-Za-z]{27}$', description: 'The id in the body: the same 27 characters.' }),
  eventId: nullable(Type.String({ description: 'As it was given with the message.' })),
  eventType: Type.String(),
  npn: nullable(Type.String({ description: 'The producer that it is about.' })),
  runDate: nullable(Type.String({ format: 'date', description: 'The daily run that it is about.' })),
  test: Type.Boolean({ description: 'A test request: bound to one endpoint.' }),
  occurredAt: momentText(),
}

/** An endpoint, as a line names it. Deleted ones stay readable. */
const endpoint = Type.Object(
  {
    id: idText('ep_'),
    uid: nullable(Type.String()),
    url: Type.String({ format: 'uri' }),
    description: Type.String(),
    disabled: Type.Boolean(),
    deleted: Type.Boolean(),
  },
  { title: 'DeliveryEndpointOut' },
)

/** An attempt, as a line shows it. */
const attemptLine = Type.Object(
  {
    id: idText('atmpt_'),
    attemptNumber: count('1, 2, …; 0 for an attempt on request.'),
    trigger: oneOf(TRIGGERS),
    startedAt: momentText(),
    responseStatusCode: count('0: no response.'),
    responseDurationMs: count('From the start to the last byte.'),
    outcome: AttemptOut.properties.outcome,
    failure: nullable(FailureOut),
  },
  { title: 'DeliveryAttemptOut' },
)

const standing = {
  nextAttempt: nullable(momentText()),
  attemptsMade: count('Of the schedule.'),
  attemptsMax: count('As the schedule of the endpoint is now; 1 for an attempt on request.'),
}

const DeliveryOut = Type.Object(
  {
    id: Type.String({ pattern: '^msg_[0-9A-Za-z]{27}:ep_[0-9A-Za-z]{27}$', description: 'Also the iterator.' }),
    ...eventFields,
    endpoint,
    state: oneOf(DELIVERY_STATES),
    ...standing,
    lastAttempt: nullable(attemptLine),
  },
  { title: 'DeliveryOut', description: 'An event with an endpoint, and its last attempt.' },
)
export const DeliveryPage = pageOf('DeliveryOut', DeliveryOut)

export const DeliveryCountOut = Type.Object(
  {
    count: count('Exact unless `capped`.'),
    capped: Type.Boolean({
      description: 'There are more than 10,000, or so many are planned that not all were looked at.',
    }),
  },
  { title: 'DeliveryCountOut' },
)

const neighbour = nullable(Type.Object(eventFields, { title: 'NeighbourOut' }))

export const TimelineOut = Type.Object(
  {
    ...eventFields,
    channels: nullable(Type.Array(Type.String())),
    tags: nullable(Type.Array(Type.String())),
    deliverAt: nullable(momentText()),
    payloadBytes: nullable(Type.Integer({ minimum: 0, description: 'null: expired or erased.' })),
    payloadSha256: nullable(Type.String({ description: 'Of the bytes that are sent, in hex.' })),
    previous: neighbour,
    next: neighbour,
    endpoints: Type.Array(
      Type.Object(
        {
          endpoint,
          state: oneOf([...DELIVERY_STATES, 'skipped']),
          skipped: nullable(
            Type.Object(
              {
                reason: oneOf(SKIP_REASONS),
                text: Type.String(),
                changedAt: nullable(
                  Type.String({
                    format: 'date-time',
                    description: 'The endpoint was changed after the event: the reason is judged by what it is now.',
                  }),
                ),
              },
              { title: 'SkippedOut' },
            ),
          ),
          ...standing,
          attempts: Type.Array(attemptLine, { description: 'Newest first, at most 100.' }),
          attemptsCapped: Type.Boolean(),
        },
        { title: 'TimelineEndpointOut' },
      ),
      { description: 'Those that it went to or is to go to first; at most 250.' },
    ),
    endpointsCapped: Type.Boolean(),
  },
  { title: 'TimelineOut', description: 'An event and what became of it at every endpoint.' },
)

const { response: _, msg: __, ...attemptFields } = AttemptOut.properties
const headers = Type.Array(Type.Array(Type.String(), { minItems: 2, maxItems: 2 }), {
  description: 'Names and values.',
})
const sensitive = Type.Array(Type.String(), { description: 'Names of headers whose values are not shown.' })

export const AttemptDetailOut = Type.Object(
  {
    ...attemptFields,
    evtId: eventFields.evtId,
    eventType: Type.String(),
    trigger: oneOf(TRIGGERS),
    attemptsMax: standing.attemptsMax,
    requestedBy: nullable(
      Type.String({
        description:
          'Who asked for it, where somebody did and it is known: what they are and what they are called, as `person Ada`.',
      }),
    ),
    taskId: nullable(Type.String({ description: 'The background task that planned it.' })),
    timings: Type.Object(
      {
        queueMs: ms('From when it was due to its start.'),
        dnsMs: ms('null: no name to look up, or not reached.'),
        connectMs: ms('null: on a connection that was open, or not reached.'),
        tlsMs: ms('null: as `connectMs`, or no TLS.'),
        firstByteMs: ms('From the request to the first byte of the answer.'),
        totalMs: count('From the start to the last byte.'),
        limitMs: ms('The endpoint’s time limit on that attempt.'),
      },
      { title: 'AttemptTimingsOut' },
    ),
    timedOutIn: nullable(oneOf(['dns', 'connect', 'tls', 'headers'])),
    connection: Type.Object(
      {
        address: nullable(Type.String({ description: 'That was connected to. null: none was, or it is not shown.' })),
        tlsVersion: nullable(Type.String()),
        certificateExpiresAt: nullable(momentText()),
      },
      { title: 'AttemptConnectionOut' },
    ),
    decision: Type.Object(
      {
        state: oneOf(['retry', 'delivered', 'exhausted', 'canceled']),
        reason: nullable(oneOf(DEAD_REASONS)),
        nextAttempt: nullable(Type.String({ format: 'date-time', description: 'As it was decided then.' })),
      },
      { title: 'AttemptDecisionOut' },
    ),
    request: Type.Object(
      {
        method: Type.Literal('POST'),
        url: Type.String({ format: 'uri' }),
        headers,
        sensitive,
        bodyBytes: nullable(Type.Integer({ minimum: 0 })),
      },
      { title: 'AttemptRequestOut' },
    ),
    responseHead: nullable(
      Type.Object(
        { statusCode: Type.Integer(), headers: nullable(headers), sensitive },
        { title: 'AttemptResponseHeadOut', description: 'null: there was no response.' },
      ),
    ),
    responseBody: nullable(
      Type.Object(
        {
          text: Type.String({ description: 'The first 16 KiB.' }),
          encoding: oneOf(['utf-8', 'base64']),
          bytes: Type.Integer({ minimum: 0, maximum: 16_384, description: 'That were kept.' }),
        },
        { title: 'AttemptResponseBodyOut', description: 'null: there was no response. `EXPUNGED`: it was erased.' },
      ),
    ),
    previousAttemptId: nullable(idText('atmpt_')),
    nextAttemptId: nullable(idText('atmpt_')),
  },
  { title: 'AttemptDetailOut' },
)
