import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Environments } from '#src/accounts/environments.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { idText, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { type IdSource, isId, ksuidFloor } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { findEndpoint } from '#src/attempts/addressed.ts'
import { readWithPending } from '#src/delivery/bundles.ts'
import { parseDeliveryFilter } from '#src/delivery-log/query.ts'
import { invalidInput, notFound } from '#src/domain-error.ts'
import { listTasks, readTask } from '#src/tasks/store.ts'
import { TASK_ID_PREFIX, TASK_STATUSES, type Task } from '#src/tasks/task.ts'
import { ReplayOut, ReplayPage, ReplayPreviewOut, StartedReplaysOut } from './answer-schemas.ts'
import { previewOut, replayOut } from './answers.ts'
import { ReplayPreviewBody, ReplayStartBody } from './body.ts'
import { previewReplay, startPreviewed } from './dry-run.ts'
import { readStandings } from './preview-store.ts'
import { KIND_OF, REPLAY_KINDS, REPLAY_RATE_DEFAULT } from './replay.ts'

export type AccountReplayParts = {
  api: Database
  /** Apart from `api`: a dry run looks at much. */
  lists: Database
  clock: Clock
  ids: IdSource
  environments: Pick<Environments, 'settings'>
  idempotency: Idempotency
  /** `TaskRunner.wake`, where this process has one. */
  wakeTasks: () => void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The replay named by `:replay_id`, as it was when the request came. */
    replay: Task
  }
}

const SHOWN_MS = 90 * 86_400_000
const ListQuery = Type.Object({
  ...pageParameters,
  status: Type.Optional(oneOf(TASK_STATUSES)),
  endpoint: Type.Optional(plainText(256, 1)),
})

/** Replays of what a filter finds: counted first, then started, then watched. Source: portal 2, S12. */
export function registerAccountReplayRoutes(routes: FastifyInstance, parts: AccountReplayParts): void {
  const { api, lists, clock, environments, idempotency, wakeTasks } = parts
  const oldest = () => TASK_ID_PREFIX + ksuidFloor(addMs(clock.now(), -SHOWN_MS))
  routes.decorateRequest('replay')

  function readingOf(request: FastifyRequest, database = api) {
    return async <T>(work: (tx: Queryable) => Promise<T>): Promise<T> =>
      await readWithPending(database, request.account.id, { settings: settingsOf(request) }, work)
  }

  const preview = described(
    { config: { access: 'CreateAttempts' } },
    {
      id: 'v1.replay.preview',
      summary: 'Count what a replay would send',
      description: 'Changes nothing. Exact to 100,000, within 2 s. What is found can then be started, as it was found.',
      body: ReplayPreviewBody,
      answers: { 200: ReplayPreviewOut },
    },
  )
  routes.post('/app/:app_id/replay/preview', preview, async (request) => {
    const { kind: word, endpointIds = null, filter: given = {}, retry } = bodyOf(request, ReplayPreviewBody)
    const kind = KIND_OF[word]
    if (kind === REPLAY_KINDS.missing) refuseStanding(given)
    const { messageRetentionDays } = await environments.settings(request.principal.environment)
    const previewed = await previewReplay(
      {
        kind,
        retry: retry ?? (kind === REPLAY_KINDS.missing ? 'schedule' : 'none'),
        endpoints: endpointIds,
        given,
        filter: parseDeliveryFilter(given, 'body'),
        keptDays: messageRetentionDays,
      },
      request.account,
      { ...parts, reading: readingOf(request, lists) },
    )
    await api.transaction({ settings: settingsOf(request) }, previewed.keep)
    return previewOut(previewed.shown)
  })

  const start = described(
    { config: { access: 'CreateAttempts' } },
    {
      id: 'v1.replay.start',
      summary: 'Start what was counted',
      description:
        'Makes a background task for each endpoint that has something to send: all of them or none. A preview is started once; asked for again, it is answered with what it has started. Lasts an hour. `taskId` of a refusal names the running replay.',
      body: ReplayStartBody,
      answers: { 202: StartedReplaysOut },
      refusals: ['endpoint_disabled', 'task_running', 'not_found', 'conflict'],
    },
  )
  routes.post('/app/:app_id/replay', start, async (request, reply) => {
    const { previewId, rate, order = 'oldest' } = bodyOf(request, ReplayStartBody)
    return await idempotency.run(request, reply, async (tx) => {
      const manner = { rate: rate ?? REPLAY_RATE_DEFAULT, order }
      const tasks = await startPreviewed(tx, request.account, previewId, manner, parts)
      const data = await replaysOut(tx, tasks)
      return { status: 202, answer: { data }, committed: wakeTasks }
    })
  })

  const list = described(
    { config: { access: 'ViewBase' } },
    { id: 'v1.replay.list', summary: 'List replays', query: ListQuery, answers: { 200: ReplayPage } },
  )
  routes.get('/app/:app_id/replay', list, async (request) => {
    const query = queryOf(request, ListQuery)
    const page = parsePage(query, { isKey: (text) => isId(text, TASK_ID_PREFIX) })
    const { environment, id: accountId } = request.account
    const shown = await readingOf(request)(async (tx) => {
      const endpointId = query.endpoint === undefined ? null : (await findEndpoint(tx, accountId, query.endpoint)).id
      const wanted = { kinds: Object.values(REPLAY_KINDS), status: query.status ?? null, endpointId }
      return await replaysOut(tx, await listTasks(tx, page, { environment, accountId, from: oldest(), ...wanted }))
    })
    return toPage(
      page,
      shown,
      (replay) => replay,
      ({ id }) => id,
    )
  })

  const find = async (request: FastifyRequest) => {
    const id = pathValue(request, 'replay_id')
    if (id === undefined || !isId(id, TASK_ID_PREFIX)) throw notFound()
    const task = await readingOf(request)((tx) => readTask(tx, id, oldest()))
    const isReplay = task !== undefined && Object.values(REPLAY_KINDS).some((kind) => kind === task.kind)
    if (!isReplay || task.accountId !== request.account.id) throw notFound()
    request.replay = task
  }
  const get = described(
    { config: { access: 'ViewBase', find } },
    {
      id: 'v1.replay.get',
      summary: 'Read a replay, with what came of it',
      path: { replay_id: idText(TASK_ID_PREFIX) },
      answers: { 200: ReplayOut },
    },
  )
  routes.get('/app/:app_id/replay/:replay_id', get, async (request) => {
    const { replay } = request
    const [shown] = await readingOf(request)((tx) => replaysOut(tx, [replay]))
    if (!shown) throw notFound()
    return shown
  })
}

/** Replays with their endpoints and what came of them, in their order. */
async function replaysOut(tx: Queryable, tasks: readonly Task[]) {
  const standings = await readStandings(tx, tasks)
  return tasks.flatMap((task) => {
    const standing = standings.get(task.id)
    return standing ? [replayOut(task, standing)] : []
  })
}

/** What was never attempted has no standing. @throws DomainError invalid_input */
function refuseStanding(given: object): void {
  const faults = ['state', 'class', 'code', 'trigger', 'slow']
    .filter((name) => Object.hasOwn(given, name))
    .map((name) => ({ loc: ['body', 'filter', name], msg: 'is of no use with replay-missing', type: 'value_error' }))
  if (faults.length > 0) throw invalidInput(...faults)
}
