import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { actingFor } from '#src/accounts/store.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { oneOf } from '#src/adapters/http/schema.ts'
import { type IdSource, isId, ksuidFloor } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { cancelPlanned } from '#src/delivery/cancel-store.ts'
import type { LaneName } from '#src/delivery/lanes.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { TaskOut, TaskPage } from './answer-schemas.ts'
import { announceEnd } from './end.ts'
import { endTask, listTasks, pauseTask, readTask } from './store.ts'
import { TASK_ID_PREFIX, TASK_KINDS, TASK_STATUSES, type Task, taskOut } from './task.ts'

export type TaskParts = {
  api: Database
  clock: Clock
  ids: IdSource
  idempotency: Idempotency
  /** `Waker.lanes`. */
  wakeLanes: (names: readonly LaneName[]) => void
  /** `TaskRunner.wake`, where this process has one. */
  wakeTasks: () => void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The task named by `:task_id`, as it was when the request came. */
    task: Task
  }
}

const SHOWN_MS = 90 * 86_400_000
const ListQuery = Type.Object({
  ...pageParameters,
  status: Type.Optional(oneOf(TASK_STATUSES)),
  task: Type.Optional(oneOf(TASK_KINDS)),
})
const NoBody = Type.Object({}, { title: 'EmptyIn' })

/**
 * Long work, how far it is, and who stops it: an app token sees its own account's. Source: webhook-api 8, 13; portal 2.
 */
export function registerTaskRoutes(routes: FastifyInstance, parts: TaskParts): void {
  const { api, clock, idempotency, wakeLanes, wakeTasks } = parts
  const oldest = () => TASK_ID_PREFIX + ksuidFloor(addMs(clock.now(), -SHOWN_MS))
  routes.decorateRequest('task')

  const list = described(
    { config: { access: 'ViewBase' } },
    { id: 'v1.background-task.list', summary: 'List background tasks', query: ListQuery, answers: { 200: TaskPage } },
  )
  routes.get('/background-task', list, async (request) => {
    const query = queryOf(request, ListQuery)
    const page = parsePage(query, { isKey: (text) => isId(text, TASK_ID_PREFIX) })
    const { environment, accountId } = request.principal
    const wanted = { status: query.status ?? null, kinds: query.task === undefined ? null : [query.task] }
    const filter = { environment, accountId, from: oldest(), ...wanted }
    const tasks = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listTasks(tx, page, filter),
    )
    return toPage(page, tasks, taskOut, (task) => task.id)
  })

  const find = async (request: FastifyRequest) => {
    const id = pathValue(request, 'task_id')
    if (id === undefined || !isId(id, TASK_ID_PREFIX)) throw notFound()
    const task = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      readTask(tx, id, oldest()),
    )
    if (!task) throw notFound()
    request.task = task
  }

  const get = described(
    { config: { access: 'ViewBase', find } },
    { id: 'v1.background-task.get', summary: 'Read a background task', answers: { 200: TaskOut } },
  )
  routes.get('/background-task/:task_id', get, (request) => taskOut(request.task))

  const stopping = { config: { access: 'CreateAttempts', find } } as const

  for (const [word, isPaused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    const change = described(stopping, {
      id: `v1.background-task.${word}`,
      summary: isPaused ? 'Pause a task' : 'Go on with a paused task',
      body: NoBody,
      answers: { 200: TaskOut },
      refusals: ['conflict'],
    })
    routes.post(`/background-task/:task_id/${word}`, change, async (request, reply) => {
      bodyOf(request, NoBody)
      return await idempotency.run(request, reply, async (tx) => {
        const task = await pauseTask(tx, request.task.id, isPaused, clock.now())
        if (!task) throw hasEnded()
        return { status: 200, answer: taskOut(task), committed: wakeTasks }
      })
    })
  }

  const end = described(stopping, {
    id: 'v1.background-task.cancel',
    summary: 'End a task, and what it has planned',
    body: NoBody,
    answers: { 200: TaskOut },
    refusals: ['conflict'],
  })
  routes.post('/background-task/:task_id/cancel', end, async (request, reply) => {
    bodyOf(request, NoBody)
    return await idempotency.run(request, reply, async (tx) => {
      const { task, lanes } = await cancel(tx, request.task, parts)
      const committed = () => {
        wakeLanes(lanes)
        wakeTasks()
      }
      return { status: 200, answer: taskOut(task), committed }
    })
  })
}

/** Ends a task, and what it has planned and nobody has attempted yet. Asked for again, it stays as it ended. */
async function cancel(tx: Queryable, { id }: Task, parts: TaskParts): Promise<{ task: Task; lanes: LaneName[] }> {
  const task = await endTask(tx, id, parts.clock.now())
  if (!task) {
    const ended = await readTask(tx, id, id)
    if (ended?.data.canceled !== true) throw hasEnded()
    return { task: ended, lanes: [] }
  }
  const { accountId, endpointId } = task
  const canceled =
    endpointId === null
      ? []
      : await actingFor(tx, accountId, () =>
          cancelPlanned(
            tx,
            accountId,
            sql`p.endpoint_id = ${endpointId} and p.task_id = ${id}
            and p.shard = (select shard from endpoint where account_id = ${accountId} and id = ${endpointId})`,
            'canceled',
            parts,
          ),
        )
  return { task, lanes: [...canceled, ...(await announceEnd(tx, task, parts))] }
}

function hasEnded(): DomainError {
  return new DomainError('conflict', 'The task has ended.')
}
