import Type from 'typebox'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { AttemptOut } from '#src/attempts/answer-schemas.ts'
import { SIGNATURE_VERDICTS } from '#src/endpoints/endpoint.ts'
import { TEST_SECRETS } from './body.ts'
import { CHECKED } from './verdict.ts'

/** A test event and what came of it. */
export const TestEventOut = Type.Object(
  {
    msgId: idText('msg_'),
    endpointId: idText('ep_'),
    eventType: Type.String(),
    secret: oneOf(TEST_SECRETS),
    attempt: Type.Union([AttemptOut, Type.Null()], {
      description: 'Null: none within 6 s, for a limit of the endpoint or a slow answer; it is listed once it is made.',
    }),
  },
  { title: 'TestEventOut' },
)

/** What a receiver answered to a good, a wrongly signed and a 10-minute-old request, and what that says. */
export const SignatureCheckOut = Type.Object(
  {
    endpointId: idText('ep_'),
    verdict: oneOf(SIGNATURE_VERDICTS),
    title: Type.String(),
    advice: Type.String(),
    checkedAt: momentText(),
    requests: Type.Array(
      Type.Object(
        { request: oneOf(CHECKED), msgId: idText('msg_'), attempt: nullable(AttemptOut) },
        { title: 'SignatureCheckRequestOut' },
      ),
      { description: 'Good, wrong, old. Each is one of the ten tests a minute.' },
    ),
  },
  { title: 'SignatureCheckOut' },
)
