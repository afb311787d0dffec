import type { Account } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { findEndpoint } from '#src/attempts/addressed.ts'
import { findFilter } from '#src/delivery-log/found-filter.ts'
import type { DeliveryFilter, GivenDeliveryFilter } from '#src/delivery-log/query.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import type { Endpoint } from '#src/endpoints/endpoint.ts'
import { listEndpoints, readEndpoint } from '#src/endpoints/store.ts'
import { readRunningTask, readTask } from '#src/tasks/store.ts'
import type { Task } from '#src/tasks/task.ts'
import type { Previewed } from './answers.ts'
import { COUNT_MAX, countReplay, nothingCounted, sumOf } from './preview.ts'
import { addPreview, holdPreview, noteStarted, PREVIEW_ID_PREFIX, PREVIEW_KEPT_MS } from './preview-store.ts'
import {
  checkTimes,
  earliestOf,
  parametersOf,
  type ReplayKind,
  type ReplayOrder,
  type ReplayRetry,
  startReplay,
} from './replay.ts'

/** What a dry run is asked for. `endpoints`: ids or uids; null: all of the account. */
export type PreviewWish = {
  kind: ReplayKind
  retry: ReplayRetry
  endpoints: readonly string[] | null
  given: GivenDeliveryFilter
  filter: DeliveryFilter
  keptDays: number
}

type Parts = { clock: Clock; ids: IdSource }
type Reading = <T>(work: (tx: Queryable) => Promise<T>) => Promise<T>

/** All endpoints together; a call takes no longer than 2 s. */
const COUNT_MS_MAX = 1_500
const ENDPOINTS_MAX = 250
/** What was accepted in the moment of the request counts as accepted by then: ids tell times apart by so much. */
const ID_STEP_MS = 4

/**
 * Counts what a replay would send to each endpoint, and freezes what it is of.
 * @param parts  `reading`: runs work in a read-only transaction
 * @returns what is shown, and how to keep it for the start
 * @throws DomainError not_found for an endpoint that is not the account's, invalid_input at `filter.from`
 */
export async function previewReplay(
  { kind, retry, endpoints: named, given, filter, keptDays }: PreviewWish,
  account: Account,
  { clock, ids, reading }: Parts & { reading: Reading },
): Promise<{ shown: Previewed; keep: (tx: Queryable) => Promise<void> }> {
  const now = clock.now()
  const stopAt = performance.now() + COUNT_MS_MAX
  const since = filter.from ?? earliestOf(kind, now, keptDays)
  const frozenAt = addMs(now, ID_STEP_MS)
  const until = filter.to !== null && filter.to < frozenAt ? filter.to : frozenAt
  checkTimes(kind, { since, until }, now, ['body', 'filter', 'from'])
  const { endpoint: _, from: __, to: ___, ...deliveries } = given
  const endpoints = await reading((tx) => endpointsOf(tx, account, named, filter))
  const parameters = parametersOf({ since, until, rate: 1, order: 'oldest', retry, deliveries }, now)

  const perEndpoint: Previewed['perEndpoint'] = []
  let left = COUNT_MAX
  for (const { id: endpointId, url, description, disabled } of endpoints) {
    const sought = {
      environment: account.environment,
      accountId: account.id,
      endpointId,
      kind,
      parameters,
      startedAt: now,
    }
    const isOver = left === 0 || performance.now() >= stopAt
    const counted = isOver
      ? nothingCounted(true)
      : await countReplay(reading, sought, { now, countMax: left, until: stopAt })
    left -= counted.count
    const running = await reading((tx) => readRunningTask(tx, account.id, endpointId))
    perEndpoint.push({ endpointId, url, description, counted, disabled, runningReplayId: running?.id ?? null })
  }
  const id = PREVIEW_ID_PREFIX + ids.next(now).ksuid
  const counts = Object.fromEntries(
    perEndpoint.map(({ endpointId, counted: { count, capped } }) => [endpointId, capped ? null : count]),
  )
  const wish = { retry, since: since.toISOString(), until: until.toISOString(), deliveries }
  const expiresAt = addMs(now, PREVIEW_KEPT_MS)
  const sum = sumOf(perEndpoint.map(({ counted }) => counted))
  return {
    shown: { id, kind, retry, filter: given, since, until, expiresAt, sum, perEndpoint },
    keep: (tx) => addPreview(tx, account.id, { id, kind, wish, counts, createdAt: now }),
  }
}

/** The endpoints that both the list and the filter name; all of the account where neither names any. */
async function endpointsOf(
  tx: Queryable,
  account: Account,
  named: readonly string[] | null,
  filter: DeliveryFilter,
): Promise<Endpoint[]> {
  const always = { from: new Date(0), until: new Date(0) }
  const found = await findFilter(tx, account, { ...filter, search: null, from: null, to: null }, always)
  const ids = found?.endpointIds ?? null
  const page = { limit: ENDPOINTS_MAX, above: null, below: null, read: 'ascending', show: 'ascending' } as const
  const listed =
    named === null
      ? await listEndpoints(tx, account.id, page)
      : await Promise.all([...new Set(named)].map((name) => findEndpoint(tx, account.id, name)))
  const unique = new Map(listed.map((endpoint) => [endpoint.id, endpoint]))
  return [...unique.values()].filter(({ id }) => ids === null || ids.includes(id)).slice(0, ENDPOINTS_MAX)
}

/**
 * Starts what a dry run has counted, in the caller's transaction: a task for each endpoint that has something to send. Asked for
 * again, it is what was started that is answered.
 * @throws DomainError not_found: no such preview, or it has expired, or an endpoint has been deleted; endpoint_disabled, task_running
 */
export async function startPreviewed(
  tx: Queryable,
  account: Account,
  previewId: string,
  manner: { rate: number; order: ReplayOrder },
  { clock, ids }: Parts,
): Promise<Task[]> {
  const now = clock.now()
  const preview = await holdPreview(tx, account.id, previewId)
  if (!preview || addMs(preview.createdAt, PREVIEW_KEPT_MS) < now) throw notFound()
  if (preview.taskIds) return await startedBefore(tx, preview.taskIds)
  const { kind, wish, counts } = preview
  const { since, until, retry, deliveries } = wish
  const tasks: Task[] = []
  for (const [endpointId, total] of Object.entries(counts)) {
    if (total === 0) continue
    const endpoint = await readEndpoint(tx, account.id, { id: endpointId })
    if (!endpoint) throw notFound()
    await refuseSecond(tx, account.id, endpointId)
    const times = { since: new Date(since), until: new Date(until) }
    const counted = total === null ? {} : { total }
    const replay = { ...times, ...manner, retry, deliveries, ...counted }
    tasks.push(await startReplay(tx, account, endpoint, kind, replay, { ids, now }))
  }
  await noteStarted(
    tx,
    account.id,
    previewId,
    tasks.map(({ id }) => id),
  )
  return tasks
}

/** A running replay is never taken for the one that is asked for here: that would be of another dry run. */
async function refuseSecond(tx: Queryable, accountId: string, endpointId: string): Promise<void> {
  const running = await readRunningTask(tx, accountId, endpointId)
  if (!running) return
  const fields = { endpointId, taskId: running.id }
  throw new DomainError('task_running', 'The endpoint has a running replay.', { fields })
}

async function startedBefore(tx: Queryable, taskIds: readonly string[]): Promise<Task[]> {
  const tasks = await Promise.all(taskIds.map((id) => readTask(tx, id, id)))
  return tasks.filter((task) => task !== undefined)
}
