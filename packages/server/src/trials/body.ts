import Type from 'typebox'
import { anyObject, oneOf } from '#src/adapters/http/schema.ts'
import { eventTypeName } from '#src/events/event-type.ts'

/** Which of an endpoint's secrets sign a test: all that are valid, the current one, or the one before it. */
export const TEST_SECRETS = ['all', 'newest', 'previous'] as const

export const testEventBody = Type.Object(
  {
    eventType: eventTypeName,
    payload: Type.Optional(anyObject("Sent byte for byte; absent: the type's example in a fresh envelope.")),
    secret: Type.Optional(oneOf(TEST_SECRETS)),
  },
  { title: 'TestEventIn' },
)

export const signatureCheckBody = Type.Object(
  { eventType: Type.Optional(eventTypeName) },
  { title: 'SignatureCheckIn' },
)
