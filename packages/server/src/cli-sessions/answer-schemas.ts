import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { anyObject, idText, listOf, mapOf, momentText, nullable, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { FAILURE_CLASSES, type FailureClass } from '#src/delivery/failure-classes.ts'
import { CLI_SESSION_ID_PREFIX, LATEST_MAX } from './cli-session.ts'

const failureClass = nullable(oneOf(Object.keys(FAILURE_CLASSES) as FailureClass[]))

export const CliSessionIn = Type.Object(
  {
    device: plainText(64, 16),
    eventTypes: Type.Optional(nullable(listOf(plainText(256, 1), 100, 1))),
    endpointId: Type.Optional(nullable(plainText(256, 1))),
    latest: Type.Optional(Type.Integer({ minimum: 0, maximum: LATEST_MAX })),
    forwardTo: Type.Optional(nullable(plainText(2_048))),
  },
  {
    title: 'CliSessionIn',
    description:
      '`device`: a random text that the client keeps; sessions of one device get the same secret. `eventTypes`: types and groups; ' +
      '`endpointId`: what this endpoint wants. `latest`: begin with so many that have been accepted before. `forwardTo`: for people to see.',
  },
)

/** The secret is shown here alone. */
export const CliSessionCreatedOut = Type.Object(
  {
    id: idText(CLI_SESSION_ID_PREFIX),
    secret: Type.String({ description: '`whsec_…`: what the stream signs with.' }),
    expiresAt: momentText(),
  },
  { title: 'CliSessionCreatedOut' },
)

const CliResultOut = Type.Object(
  {
    msgId: idText('msg_'),
    eventType: Type.String(),
    responseStatusCode: Type.Integer({ minimum: 0, maximum: 999, description: '0: no response.' }),
    durationMs: Type.Integer({ minimum: 0 }),
    failureClass,
    at: momentText(),
  },
  { title: 'CliResultOut', description: 'What the local server answered, as its CLI says.' },
)

export const CliSessionOut = Type.Object(
  {
    id: idText(CLI_SESSION_ID_PREFIX),
    connected: Type.Boolean({ description: 'Its stream is open, or was within the last 30 s.' }),
    eventTypes: nullable(Type.Array(Type.String())),
    endpointId: nullable(idText('ep_')),
    forwardTo: nullable(Type.String()),
    createdAt: momentText(),
    lastSeenAt: momentText(),
    expiresAt: momentText(),
    results: Type.Array(CliResultOut, { description: 'The newest ten, newest first.' }),
  },
  { title: 'CliSessionOut' },
)
export const CliSessionPage = pageOf('CliSessionOut', CliSessionOut)
export const CliResultPage = pageOf('CliResultOut', CliResultOut)

export const CliResultIn = Type.Object(
  {
    eventId: plainText(64, 1),
    responseStatusCode: Type.Integer({ minimum: 0, maximum: 999 }),
    durationMs: Type.Integer({ minimum: 0, maximum: 3_600_000 }),
    failureClass: Type.Optional(failureClass),
  },
  { title: 'CliResultIn', description: '`eventId`: `msg_…` or `evt_…`. Of one event the last result counts.' },
)

export const CliTestEventIn = Type.Object(
  {
    eventType: plainText(256, 1),
    payload: Type.Optional(anyObject("Sent byte for byte; absent: the type's example in a fresh envelope.")),
  },
  { title: 'CliTestEventIn', description: 'Goes to this session and nowhere else.' },
)

/** Messages of `GET …/stream` by their `event`; each is the JSON in `data`. */
export const cliStreamMessages = {
  /** The stream is live: what is accepted from now on will come. Sent once on each connection. */
  ready: Type.Object({ sessionId: idText(CLI_SESSION_ID_PREFIX), at: momentText() }, { title: 'CliStreamReady' }),
  event: Type.Object(
    {
      msgId: idText('msg_'),
      eventType: Type.String(),
      timestamp: momentText(),
      body: Type.String({ contentEncoding: 'base64', description: 'The bytes as they were accepted.' }),
      headers: mapOf(Type.String()),
    },
    {
      title: 'CliStreamEvent',
      description:
        '`headers`: all that an endpoint would get, the signature in both families, made as the message was written to the stream.',
    },
  ),
  /** What was accepted in between is not known any more: the session goes on from now. */
  gap: Type.Object({ reason: oneOf(['gap_too_old']) }, { title: 'CliStreamGap' }),
  bye: Type.Object({ reason: oneOf(['session_ended', 'shutting_down']) }, { title: 'CliStreamBye' }),
} as const
