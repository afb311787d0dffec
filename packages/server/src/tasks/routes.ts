import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { oneOf } from '#src/adapters/http/schema.ts'
import { isId, ksuidFloor } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { notFound } from '#src/domain-error.ts'
import { TaskOut, TaskPage } from './answer-schemas.ts'
import { listTasks, readTask } from './store.ts'
import { TASK_ID_PREFIX, TASK_KINDS, TASK_STATUSES, type Task, taskOut } from './task.ts'

export type TaskParts = { api: Database; clock: Clock }

declare module 'fastify' {
  interface FastifyRequest {
    /** The task named by the path. */
    task: Task
  }
}

const SHOWN_MS = 90 * 86_400_000

const ListQuery = Type.Object({
  ...pageParameters,
  status: Type.Optional(oneOf(TASK_STATUSES)),
  task: Type.Optional(oneOf(TASK_KINDS)),
})

/** Long work and how far it is: an app token sees its own account's. Source: webhook-api 8, 13. */
export function registerTaskRoutes(routes: FastifyInstance, { api, clock }: TaskParts): void {
  const oldest = () => TASK_ID_PREFIX + ksuidFloor(addMs(clock.now(), -SHOWN_MS))

  const list = described(
    { config: { access: 'ViewBase' } },
    { id: 'v1.background-task.list', summary: 'List background tasks', query: ListQuery, answers: { 200: TaskPage } },
  )
  routes.get('/background-task', list, async (request) => {
    const query = queryOf(request, ListQuery)
    const page = parsePage(query, { isKey: (text) => isId(text, TASK_ID_PREFIX) })
    const { environment, accountId } = request.principal
    const wanted = { status: query.status ?? null, kind: query.task ?? null }
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
  routes.decorateRequest('task')
  const get = described(
    { config: { access: 'ViewBase', find } },
    { id: 'v1.background-task.get', summary: 'Read a background task', answers: { 200: TaskOut } },
  )
  routes.get('/background-task/:task_id', get, ({ task }) => taskOut(task))
}
