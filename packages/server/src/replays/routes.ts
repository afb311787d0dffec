import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { requesterOf } from '#src/accounts/requester.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import type { Idempotency } from '#src/adapters/http/idempotency.ts'
import { momentOf } from '#src/adapters/http/moment.ts'
import { described, type Operation } from '#src/adapters/http/operation.ts'
import { listOf, momentText, nullable, plainText } from '#src/adapters/http/schema.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { addressing, endpointOf, eventOf, findEndpoint } from '#src/attempts/addressed.ts'
import { cancelPlanned } from '#src/delivery/cancel-store.ts'
import type { LaneName } from '#src/delivery/lanes.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { eventTypeName } from '#src/events/event-type.ts'
import { StartedTaskOut } from '#src/tasks/answer-schemas.ts'
import { startedTaskOut } from '#src/tasks/task.ts'
import { replayManner, replayRetry } from './body.ts'
import {
  REPLAY_KINDS,
  REPLAY_RATE_DEFAULT,
  type ReplayFilter,
  type ReplayKind,
  type ReplayRetry,
  type ReplayWish,
  startReplay,
} from './replay.ts'
import { cancelBefore, hastenPlanned, planResend } from './store.ts'

export type ReplayParts = {
  api: Database
  clock: Clock
  ids: IdSource
  idempotency: Idempotency
  /** `Waker.lanes`. */
  wakeLanes: (names: readonly LaneName[]) => void
  /** Called after a task has been started: `TaskRunner.wake`, where this process has one. */
  wakeTasks: () => void
}

const NoBody = Type.Object({}, { title: 'EmptyIn' })
const ResendOut = Type.Object({}, { title: 'EmptyResponse' })
const ReplayBody = Type.Object(
  { since: momentText(), until: Type.Optional(nullable(momentText())), ...replayManner, retry: replayRetry },
  { title: 'ReplayIn' },
)
const BulkBody = Type.Object(
  {
    ...ReplayBody.properties,
    eventTypes: Type.Optional(nullable(listOf(eventTypeName, 250))),
    channel: Type.Optional(nullable(plainText(128))),
    tag: Type.Optional(nullable(plainText(128))),
    status: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: 4 }))),
    statusCodeClass: Type.Optional(
      nullable(Type.Unsafe<number>({ type: 'integer', enum: [0, 100, 200, 300, 400, 500] })),
    ),
  },
  { title: 'BulkReplayIn' },
)
const CancelBody = Type.Object({ createdBefore: momentText() }, { title: 'CancelMessagesIn' })

/** Sending again, one or many, and canceling what is planned: webhook-api 8, 10.5 and 13. */
export function registerReplayRoutes(routes: FastifyInstance, parts: ReplayParts): void {
  const { api, clock, ids, idempotency, wakeLanes, wakeTasks } = parts
  const send = addressing(api, 'CreateAttempts')

  const resend = described(send, {
    id: 'v1.message-attempt.resend',
    summary: 'Send a message to an endpoint once more, at once',
    body: NoBody,
    answers: { 202: ResendOut },
    refusals: ['missing_payload'],
  })
  routes.post('/app/:app_id/msg/:msg_id/endpoint/:endpoint_id/resend', resend, async (request, reply) => {
    bodyOf(request, NoBody)
    const { accountId, id: endpointId, shard } = endpointOf(request)
    const { id: eventId } = eventOf(request)
    return await idempotency.run(request, reply, async (tx) => {
      const planned = await planResend(
        tx,
        { accountId, endpointId, eventId },
        requesterOf(request.principal),
        clock.now(),
      )
      if (planned === 'not_found') throw notFound()
      if (planned === 'no_payload') throw new DomainError('missing_payload', 'The payload has expired or was erased.')
      return { status: 202, answer: {}, committed: () => wakeLanes([{ accountId, endpointId, shard }]) }
    })
  })

  const retry = described(send, {
    id: 'v1.message-attempt.retry',
    summary: 'Make the next planned attempt now',
    description: 'It takes the place of the one that was planned. Where none waits it is refused: resend instead.',
    body: NoBody,
    answers: { 202: ResendOut },
    refusals: ['conflict'],
  })
  routes.post('/app/:app_id/msg/:msg_id/endpoint/:endpoint_id/retry', retry, async (request, reply) => {
    bodyOf(request, NoBody)
    const { accountId, id: endpointId, shard } = endpointOf(request)
    const { id: eventId } = eventOf(request)
    return await idempotency.run(request, reply, async (tx) => {
      const isHastened = await hastenPlanned(tx, { accountId, endpointId, eventId }, clock.now())
      if (!isHastened) throw nothingPlanned()
      return { status: 202, answer: {}, committed: () => wakeLanes([{ accountId, endpointId, shard }]) }
    })
  })

  const cancelOne = described(send, {
    id: 'v1.message-attempt.cancel',
    summary: 'Cancel what is planned of a message at an endpoint',
    body: NoBody,
    answers: { 204: null },
    refusals: ['conflict'],
  })
  routes.post('/app/:app_id/msg/:msg_id/endpoint/:endpoint_id/cancel', cancelOne, async (request, reply) => {
    bodyOf(request, NoBody)
    const { accountId, id: endpointId, shard } = endpointOf(request)
    const { id: eventId } = eventOf(request)
    return await idempotency.run(request, reply, async (tx) => {
      const which = sql`p.event_id = ${eventId} and p.endpoint_id = ${endpointId} and p.shard = ${shard}`
      const lanes = await cancelPlanned(tx, accountId, which, 'canceled', parts)
      if (lanes.length === 0) throw nothingPlanned()
      return { status: 204, committed: () => wakeLanes(lanes) }
    })
  })

  async function start(request: FastifyRequest, reply: FastifyReply, kind: ReplayKind, wish: ReplayWish) {
    const { account } = request
    return await idempotency.run(request, reply, async (tx) => {
      const endpoint = await findEndpoint(tx, account.id, endpointOf(request).id)
      const task = await startReplay(tx, account, endpoint, kind, wish, { ids, now: clock.now() })
      return { status: 202, answer: startedTaskOut(task), committed: wakeTasks }
    })
  }
  const starts = {
    body: ReplayBody,
    answers: { 202: StartedTaskOut },
    refusals: ['endpoint_disabled', 'task_running'],
  } satisfies Partial<Operation>
  const recover = described(send, {
    id: 'v1.endpoint.recover',
    summary: 'Send again what was attempted here and never succeeded',
    ...starts,
  })
  routes.post('/app/:app_id/endpoint/:endpoint_id/recover', recover, async (request, reply) => {
    return await start(request, reply, REPLAY_KINDS.recover, toWish(bodyOf(request, ReplayBody), 'none'))
  })
  const replayMissing = described(send, {
    id: 'v1.endpoint.replay-missing',
    summary: 'Deliver what the endpoint wants and was never attempted here',
    ...starts,
  })
  routes.post('/app/:app_id/endpoint/:endpoint_id/replay-missing', replayMissing, async (request, reply) => {
    return await start(request, reply, REPLAY_KINDS.missing, toWish(bodyOf(request, ReplayBody), 'schedule'))
  })
  const bulkReplay = described(send, {
    id: 'v1.endpoint.bulk-replay',
    summary: 'Send again what was attempted here, by filters',
    ...starts,
    body: BulkBody,
  })
  routes.post('/app/:app_id/endpoint/:endpoint_id/bulk-replay', bulkReplay, async (request, reply) => {
    const body = bodyOf(request, BulkBody)
    return await start(request, reply, REPLAY_KINDS.bulk, { ...toWish(body, 'none'), filter: filterOf(body) })
  })

  const cancel = described(addressing(api, 'ManageEndpoint'), {
    id: 'v1.endpoint.cancel-msgs',
    summary: 'Cancel what is planned of earlier messages',
    body: CancelBody,
    answers: { 204: null },
  })
  routes.post('/app/:app_id/endpoint/:endpoint_id/cancel-msgs', cancel, async (request, reply) => {
    const before = momentOf(bodyOf(request, CancelBody).createdBefore)
    const { accountId, id: endpointId, shard } = endpointOf(request)
    const lane = { accountId, endpointId, shard }
    return await idempotency.run(request, reply, async (tx) => {
      const now = clock.now()
      // what is accepted from now on is not planned yet
      if (!(await cancelBefore(tx, lane, before < now ? before : now))) throw notFound()
      return { status: 204, committed: () => wakeLanes([lane]) }
    })
  })
}

function nothingPlanned(): DomainError {
  return new DomainError('conflict', 'Nothing is planned of this message at this endpoint.')
}

function toWish({ since, until, rate, order, retry }: Static<typeof ReplayBody>, usual: ReplayRetry): ReplayWish {
  return {
    since: momentOf(since),
    until: until == null ? null : momentOf(until),
    rate: rate ?? REPLAY_RATE_DEFAULT,
    order: order ?? 'oldest',
    retry: retry ?? usual,
  }
}

function filterOf({ eventTypes, channel, tag, status, statusCodeClass }: Static<typeof BulkBody>): ReplayFilter {
  return {
    eventTypes: eventTypes?.length ? eventTypes : null,
    channel: channel ?? null,
    tag: tag ?? null,
    status: status ?? null,
    statusCodeClass: statusCodeClass ?? null,
  }
}
