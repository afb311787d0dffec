import Type from 'typebox'
import { listOf, momentText, nullable, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { REPLAY_ORDERS, REPLAY_RATE_MAX, REPLAY_RETRIES, REPLAY_WORDS } from './replay.ts'

export const replayManner = {
  rate: Type.Optional(
    nullable(Type.Integer({ minimum: 1, maximum: REPLAY_RATE_MAX, description: 'Deliveries a second; default 50.' })),
  ),
  order: Type.Optional(oneOf(REPLAY_ORDERS)),
}

export const replayRetry = Type.Optional(oneOf(REPLAY_RETRIES))

/** The filter of `GET A/delivery`, as an object; `endpointIds` names the endpoints. Given together, all must hold. */
const deliveryFilter = Type.Object(
  {
    state: Type.Optional(listOf(oneOf(['waiting', 'sending', 'retrying', 'delivered', 'exhausted', 'cancelled']), 6)),
    type: Type.Optional(listOf(plainText(256, 1), 250)),
    class: Type.Optional(listOf(plainText(64, 1), 50)),
    code: Type.Optional(listOf(plainText(3, 1), 20)),
    npn: Type.Optional(plainText(10, 1)),
    q: Type.Optional(plainText(64, 1)),
    test: Type.Optional(Type.Boolean()),
    trigger: Type.Optional(listOf(plainText(32, 1), 10)),
    from: Type.Optional(momentText()),
    to: Type.Optional(momentText()),
  },
  { title: 'DeliveryFilterIn' },
)

export const ReplayPreviewBody = Type.Object(
  {
    kind: oneOf(REPLAY_WORDS),
    endpointIds: Type.Optional(nullable(listOf(plainText(256, 1), 100, 1))),
    filter: Type.Optional(deliveryFilter),
    retry: replayRetry,
  },
  { title: 'ReplayPreviewIn' },
)

export const ReplayStartBody = Type.Object({ previewId: plainText(64, 1), ...replayManner }, { title: 'ReplayStartIn' })
