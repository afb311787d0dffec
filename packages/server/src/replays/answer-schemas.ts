import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { anyObject, idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { TASK_ID_PREFIX, TASK_STATUSES } from '#src/tasks/task.ts'
import { REPLAY_ORDERS, REPLAY_RETRIES, REPLAY_WORDS } from './replay.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })

/** Why a delivery that the filter finds is left out. */
const excluded = Type.Object(
  {
    delivered: count('Already delivered later.'),
    payloadGone: count('The payload has expired or was erased.'),
    planned: count('An attempt is still planned by the schedule (with `retry: schedule`).'),
  },
  { title: 'ReplayExcludedOut' },
)

const counted = {
  count: count('Deliveries that would be made. Exact unless `capped`.'),
  capped: Type.Boolean({ description: 'There are more: counting stopped at 100,000, or after its time.' }),
  oldest: nullable(momentText()),
  newest: nullable(momentText()),
  excluded,
}

/** What a replay would do. Nothing has been changed. */
export const ReplayPreviewOut = Type.Object(
  {
    previewId: idText('rprev_'),
    kind: oneOf(REPLAY_WORDS),
    retry: oneOf(REPLAY_RETRIES),
    filter: anyObject('As it was given; types and endpoints by their names.'),
    ...counted,
    since: momentText(),
    until: Type.String({ format: 'date-time', description: 'Nothing accepted later is replayed, whenever it starts.' }),
    expiresAt: Type.String({ format: 'date-time', description: 'Until then the preview can be started.' }),
    perEndpoint: Type.Array(
      Type.Object(
        {
          endpointId: idText('ep_'),
          url: Type.String({ format: 'uri' }),
          description: Type.String(),
          ...counted,
          disabled: Type.Boolean({ description: 'It must be enabled first.' }),
          runningReplayId: nullable(idText(TASK_ID_PREFIX)),
        },
        { title: 'ReplayPreviewEndpointOut' },
      ),
    ),
  },
  { title: 'ReplayPreviewOut' },
)

/** A replay to one endpoint: a background task with what came of its deliveries. */
export const ReplayOut = Type.Object(
  {
    id: Type.String({ pattern: `^${TASK_ID_PREFIX}[0-9A-Za-z]{27}$`, description: 'Also of the background task.' }),
    kind: oneOf(REPLAY_WORDS),
    endpointId: idText('ep_'),
    endpointUrl: Type.String({ format: 'uri' }),
    endpointDescription: Type.String(),
    status: oneOf(TASK_STATUSES),
    paused: Type.Boolean(),
    canceled: Type.Boolean(),
    error: nullable(Type.String({ description: '`endpoint_disabled`, `endpoint_deleted`, `stalled`.' })),
    filter: anyObject('What it is of.'),
    since: momentText(),
    until: momentText(),
    rate: Type.Integer({ minimum: 1, description: 'Deliveries a second.' }),
    order: oneOf(REPLAY_ORDERS),
    retry: oneOf(REPLAY_RETRIES),
    total: nullable(count('What the dry run counted; null when there was none, or more than it counts.')),
    planned: count('Deliveries made so far.'),
    done: count('Delivered.'),
    failed: count('Ended without success.'),
    canceledDeliveries: count('Cancelled before they were sent.'),
    waiting: count('Made, and not ended yet.'),
    skipped: count('Left out, as their payload is gone.'),
    secondsLeft: nullable(Type.Integer({ minimum: 0, description: 'At its rate; null when nobody knows.' })),
    createdAt: momentText(),
    updatedAt: momentText(),
  },
  { title: 'ReplayOut' },
)
export const ReplayPage = pageOf('ReplayOut', ReplayOut)
export const StartedReplaysOut = Type.Object(
  { data: Type.Array(ReplayOut, { description: 'One of each endpoint.' }) },
  { title: 'StartedReplaysOut' },
)
