import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, mapOf, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { FAILURE_CLASSES, type FailureClass } from '#src/delivery/failure-classes.ts'
import { destinationFields } from '#src/endpoints/answer-schemas.ts'
import { MessageOut, messageFields } from '#src/events/answer-schemas.ts'
import { STATUS_TEXTS } from './answers.ts'

const status = Type.Integer({ minimum: 0, maximum: 4, description: STATUS_TEXTS.join(', ') })
const statusText = oneOf(STATUS_TEXTS)
const standing = { status, statusText, nextAttempt: Type.Optional(momentText()) }

export const FailureOut = Type.Object(
  {
    class: oneOf(Object.keys(FAILURE_CLASSES) as FailureClass[]),
    title: Type.String(),
    advice: Type.String(),
    retried: Type.Boolean(),
    docsUrl: Type.String({ format: 'uri' }),
  },
  { title: 'FailureOut' },
)

export const AttemptOut = Type.Object(
  {
    id: idText('atmpt_'),
    msgId: idText('msg_'),
    endpointId: idText('ep_'),
    url: Type.String({ format: 'uri' }),
    response: Type.String(),
    responseStatusCode: Type.Integer({ description: '0: no response.' }),
    responseDurationMs: Type.Integer({ minimum: 0 }),
    status,
    statusText,
    triggerType: Type.Integer({ minimum: 0, maximum: 1, description: '0: by schedule, 1: on request.' }),
    timestamp: momentText(),
    attemptNumber: Type.Integer({ minimum: 0, description: '1, 2, …; 0 for an attempt on request.' }),
    nextAttempt: nullable(momentText()),
    outcome: oneOf([
      'responded',
      'timed_out',
      'dns',
      'refused',
      'reset',
      'tls',
      'blocked',
      'invalid_response',
      'interrupted',
      'canceled',
    ]),
    failure: nullable(FailureOut),
    msg: Type.Optional(MessageOut),
  },
  { title: 'MessageAttemptOut' },
)
export const AttemptPage = pageOf('MessageAttemptOut', AttemptOut)

export const AttemptHeadersOut = Type.Object(
  {
    sentHeaders: mapOf(Type.String()),
    responseHeaders: nullable(Type.Array(Type.Array(Type.String(), { minItems: 2, maxItems: 2 }))),
    sensitive: Type.Array(Type.String(), { description: 'Names of headers whose values are not shown.' }),
  },
  { title: 'MessageAttemptHeadersOut' },
)

export const DestinationPage = pageOf(
  'MessageEndpointOut',
  Type.Object({ ...destinationFields, ...standing }, { title: 'MessageEndpointOut' }),
)
export const StandingPage = pageOf(
  'EndpointMessageOut',
  Type.Object({ ...messageFields, ...standing }, { title: 'EndpointMessageOut' }),
)

const count = Type.Integer({ minimum: 0 })
export const EndpointStatsOut = Type.Object(
  { success: count, pending: count, sending: count, fail: count, canceled: count },
  { title: 'EndpointStats' },
)

export const SignedAgainOut = Type.Object(
  {
    url: Type.String(),
    headers: Type.Object({
      'webhook-id': Type.String(),
      'webhook-timestamp': Type.String({ description: 'Unix seconds.' }),
      'webhook-signature': Type.String({ description: 'By every secret that signs now, with blanks between.' }),
    }),
  },
  { title: 'SignedAgainOut' },
)
