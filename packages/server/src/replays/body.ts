import Type from 'typebox'
import { listOf, nullable, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { DeliveryFilterBody } from '#src/delivery-log/query.ts'
import { REPLAY_ORDERS, REPLAY_RATE_MAX, REPLAY_RETRIES, REPLAY_WORDS } from './replay.ts'

export const replayManner = {
  rate: Type.Optional(
    nullable(Type.Integer({ minimum: 1, maximum: REPLAY_RATE_MAX, description: 'Deliveries a second; default 50.' })),
  ),
  order: Type.Optional({ ...oneOf(REPLAY_ORDERS), description: 'Which go first; default `oldest`.' }),
}

export const replayRetry = Type.Optional({
  ...oneOf(REPLAY_RETRIES),
  description:
    '`none`: one attempt each. `schedule`: the whole retry schedule; what it still goes on with is left out. Default: `schedule` for what was never attempted, else `none`.',
})

export const ReplayPreviewBody = Type.Object(
  {
    kind: oneOf(REPLAY_WORDS),
    endpointIds: Type.Optional({
      ...nullable(listOf(plainText(256, 1), 100, 1)),
      description: 'Ids or uids; absent: all endpoints of the application.',
    }),
    filter: Type.Optional(DeliveryFilterBody),
    retry: replayRetry,
  },
  { title: 'ReplayPreviewIn' },
)

export const ReplayStartBody = Type.Object({ previewId: plainText(64, 1), ...replayManner }, { title: 'ReplayStartIn' })
