import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { addMs } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { listOf, mapOf, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { isId, ksuidFloor } from '#src/adapters/ids.ts'
import { addressing, eventOf } from '#src/attempts/addressed.ts'
import { ATTEMPT_ID_PREFIX } from '#src/delivery/delivery.ts'
import { notFound } from '#src/domain-error.ts'
import { StartedTaskOut } from '#src/tasks/answer-schemas.ts'
import type { TaskParts } from '#src/tasks/routes.ts'
import { startTask } from '#src/tasks/start.ts'
import { startedTaskOut } from '#src/tasks/task.ts'
import { eraseAnswer, erasePayloads, resolveEvents } from './store.ts'
import { ERASE_ALL, type EraseParameters } from './work.ts'

const NoBody = Type.Object({}, { title: 'EmptyIn' })
const BulkBody = Type.Object({ ids: Type.Optional(listOf(plainText(256), 1_000)) }, { title: 'BulkExpungeContentsIn' })
const BulkOut = Type.Object(
  { results: mapOf(oneOf(['expunged', 'not-found'])) },
  { title: 'BulkExpungeContentsOut', description: 'By the ids as they were given.' },
)
/** What was accepted in the moment of the request counts as accepted by then. */
const ID_STEP_MS = 4

/** Payloads and answers that are erased on request: webhook-api 8 and 14. */
export function registerErasureRoutes(routes: FastifyInstance, parts: TaskParts): void {
  const { api, clock, ids, idempotency, wakeLanes, wakeTasks } = parts
  const operator = { config: { access: 'environment_key' } } as const
  const addressed = addressing(api, 'environment_key')

  const eraseOne = described(addressed, {
    id: 'v1.message.expunge-content',
    summary: 'Erase the payload of a message',
    answers: { 204: null },
  })
  routes.delete('/app/:app_id/msg/:msg_id/content', eraseOne, async (request, reply) => {
    const { lanes } = await recorded(api, request, (tx) =>
      erasePayloads(tx, request.account.id, [eventOf(request).id], parts),
    )
    wakeLanes(lanes)
    return await reply.code(204).send()
  })

  const eraseAttempt = described(addressed, {
    id: 'v1.message-attempt.expunge-content',
    summary: 'Erase the response kept of an attempt',
    answers: { 204: null },
  })
  routes.delete('/app/:app_id/msg/:msg_id/attempt/:attempt_id/content', eraseAttempt, async (request, reply) => {
    const id = pathValue(request, 'attempt_id') ?? ''
    if (!isId(id, ATTEMPT_ID_PREFIX)) throw notFound()
    request.audit.say({ target: { kind: 'attempt', id } })
    await recorded(api, request, async (tx) => {
      if (!(await eraseAnswer(tx, request.account.id, eventOf(request).id, id))) throw notFound()
    })
    return await reply.code(204).send()
  })

  const eraseMany = described(operator, {
    id: 'v1.message.bulk-expunge-content',
    summary: 'Erase the payloads of up to 1,000 messages',
    body: BulkBody,
    answers: { 200: BulkOut },
  })
  routes.post('/app/:app_id/msg/bulk-expunge', eraseMany, async (request, reply) => {
    const { ids: names = [] } = bodyOf(request, BulkBody)
    const { account } = request
    return await idempotency.run(request, reply, async (tx) => {
      const found = await resolveEvents(tx, account.id, names)
      const { lanes } = await erasePayloads(tx, account.id, [...new Set(found.values())], parts)
      const results = Object.fromEntries(names.map((name) => [name, found.has(name) ? 'expunged' : 'not-found']))
      return { status: 200, answer: { results }, committed: () => wakeLanes(lanes) }
    })
  })

  const eraseAll = described(operator, {
    id: 'v1.message.expunge-all-contents',
    summary: 'Erase the payloads of all messages',
    body: NoBody,
    answers: { 202: StartedTaskOut },
    refusals: ['task_running'],
  })
  routes.post('/app/:app_id/msg/expunge-all-contents', eraseAll, async (request, reply) => {
    bodyOf(request, NoBody)
    const { account } = request
    return await idempotency.run(request, reply, async (tx) => {
      const now = clock.now()
      const parameters: EraseParameters = { below: `msg_${ksuidFloor(addMs(now, ID_STEP_MS))}` }
      const of = { environment: account.environment, accountId: account.id, kind: ERASE_ALL } as const
      const task = await startTask(tx, { ...of, parameters, data: { messagesPurged: 0 } }, { ids, now })
      return { status: 202, answer: startedTaskOut(task), committed: wakeTasks }
    })
  })
}
