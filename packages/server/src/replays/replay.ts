import { isDeepStrictEqual } from 'node:util'
import type { Account } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { type IdSource, ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { GivenDeliveryFilter } from '#src/delivery-log/query.ts'
import { DomainError, invalidInput } from '#src/domain-error.ts'
import type { Endpoint } from '#src/endpoints/endpoint.ts'
import { addTask, readRunningTask } from '#src/tasks/store.ts'
import { TASK_ID_PREFIX, type Task } from '#src/tasks/task.ts'

/**
 * `recover`: what was attempted here and never succeeded. `missing`: what the endpoint wants and was never attempted here. `bulk`:
 * what was attempted here, whatever came of it, as far as a filter lets it pass.
 */
export const REPLAY_KINDS = {
  recover: 'endpoint.recover',
  missing: 'endpoint.replay',
  bulk: 'endpoint.bulk-replay',
} as const
export type ReplayKind = (typeof REPLAY_KINDS)[keyof typeof REPLAY_KINDS]

/** The kinds in the words of the API's paths. */
export const REPLAY_WORDS = ['recover', 'replay-missing', 'bulk-replay'] as const
export type ReplayWord = (typeof REPLAY_WORDS)[number]

/** By when a delivery was first tried, or its event accepted. */
export const REPLAY_ORDERS = ['oldest', 'newest'] as const
export type ReplayOrder = (typeof REPLAY_ORDERS)[number]

/** `none`: one attempt each. `schedule`: the endpoint's whole retry schedule. */
export const REPLAY_RETRIES = ['none', 'schedule'] as const
export type ReplayRetry = (typeof REPLAY_RETRIES)[number]

/** What a replay was asked for. `until` null: up to the request. */
export type ReplayWish = {
  since: Date
  until: Date | null
  rate: number // deliveries a second
  order: ReplayOrder
  retry: ReplayRetry
  filter?: ReplayFilter
  /** Which deliveries, beside the kind: as it was given, and without endpoints. */
  deliveries?: GivenDeliveryFilter
  /** How many a dry run has counted. */
  total?: number
}

/** What a bulk replay is of: the latest attempt says `status` and `statusCodeClass`. Types: names of types and of groups. */
export type ReplayFilter = {
  eventTypes: readonly string[] | null
  channel: string | null
  tag: string | null
  status: number | null // 0 success … 4 canceled
  statusCodeClass: number | null // 0: no response; 100 … 500
}

export const NO_FILTER: ReplayFilter = {
  eventTypes: null,
  channel: null,
  tag: null,
  status: null,
  statusCodeClass: null,
}

/** What a replay's task keeps of the wish: events with ids from `from` to `below`, without their prefix. */
export type ReplayParameters = {
  since: string
  until: string | null
  rate: number
  order: ReplayOrder
  retry: ReplayRetry
  from: string
  below: string
  filter: ReplayFilter
  deliveries: GivenDeliveryFilter | null
  total: number | null
}

export type ReplayData = {
  messagesSent: number
  messagesScanned: number
  messagesSkipped: number // their payloads are gone
  appId: string
  endpointId: string
  since: string
  until: string
}

/** The kind that a path names, or that a body does. */
export const KIND_OF: Readonly<Record<ReplayWord, ReplayKind>> = {
  recover: REPLAY_KINDS.recover,
  'replay-missing': REPLAY_KINDS.missing,
  'bulk-replay': REPLAY_KINDS.bulk,
}

export const REPLAY_RATE_DEFAULT = 50
export const REPLAY_RATE_MAX = 1_000

const DAY_MS = 86_400_000
const RECOVER_DAYS_MAX = 14
const RECOVER_MS_MAX = RECOVER_DAYS_MAX * DAY_MS + 5 * 60_000
/** What was accepted in the moment of the request counts as accepted by then: ids tell times apart by so much. */
const ID_STEP_MS = 4
const TRIES_MAX = 3

/** Without a time of its own a replay goes back as far as this. */
export function earliestOf(kind: ReplayKind, now: Date, keptDays: number): Date {
  const kept = addMs(now, -keptDays * DAY_MS)
  const recoverable = addMs(now, -RECOVER_DAYS_MAX * DAY_MS)
  return kind === REPLAY_KINDS.recover && recoverable > kept ? recoverable : kept
}

/**
 * What is wrong with the times of a replay.
 * @param at  where `since` stands
 * @throws DomainError invalid_input there
 */
export function checkTimes(
  kind: ReplayKind,
  { since, until }: Pick<ReplayWish, 'since' | 'until'>,
  now: Date,
  at: readonly string[] = ['body', 'since'],
): void {
  const end = until !== null && until < now ? until : now
  const fault = (msg: string) => invalidInput({ loc: [...at], msg, type: 'value_error' })
  if (since > end) throw fault('must not be later than until, nor than now')
  if (kind === REPLAY_KINDS.recover && end.getTime() - since.getTime() > RECOVER_MS_MAX) {
    throw fault('must not be more than 14 days before until')
  }
}

/**
 * Starts a replay, in the caller's transaction. An endpoint has one at a time: asked for again while it runs, with the same
 * wish, it is the running one that is answered.
 * @throws DomainError task_running, endpoint_disabled, invalid_input
 */
export async function startReplay(
  tx: Queryable,
  account: Account,
  endpoint: Pick<Endpoint, 'id' | 'disabled'>,
  kind: ReplayKind,
  wish: ReplayWish,
  { ids, now }: { ids: IdSource; now: Date },
): Promise<Task> {
  checkTimes(kind, wish, now)
  if (endpoint.disabled) {
    const fields = { endpointId: endpoint.id }
    throw new DomainError('endpoint_disabled', 'The endpoint is disabled: enable it first.', { fields })
  }
  const task = {
    id: TASK_ID_PREFIX + ids.next(now).ksuid,
    environment: account.environment,
    accountId: account.id,
    endpointId: endpoint.id,
    kind,
    parameters: parametersOf(wish, now),
    data: firstData(account.id, endpoint.id, wish, now),
  }
  let taskId = ''
  // the running one may end between the two statements
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const started = await addTask(tx, task, now)
    if (started) return started
    const running = await readRunningTask(tx, account.id, endpoint.id)
    if (running && running.kind === kind && isSameWish(running, task.parameters)) return running
    if (!running) continue
    taskId = running.id
    break
  }
  const fields = { endpointId: endpoint.id, ...(taskId === '' ? {} : { taskId }) }
  throw new DomainError('task_running', 'The endpoint has a running replay.', { fields })
}

export function parametersOf(wish: ReplayWish, now: Date): ReplayParameters {
  const { since, until, rate, order, retry, filter = NO_FILTER, deliveries = null, total = null } = wish
  return {
    since: since.toISOString(),
    until: until?.toISOString() ?? null,
    ...{ rate, order, retry },
    from: ksuidFloor(since),
    below: ksuidFloor(endOf(until, now)),
    ...{ filter, deliveries, total },
  }
}

/** What was accepted before then is replayed. */
function endOf(until: Date | null, now: Date): Date {
  return until === null || until > now ? addMs(now, ID_STEP_MS) : until
}

function firstData(appId: string, endpointId: string, { since, until }: ReplayWish, now: Date): ReplayData {
  const end = until === null || until > now ? now : until
  return {
    messagesSent: 0,
    messagesScanned: 0,
    messagesSkipped: 0,
    appId,
    endpointId,
    since: since.toISOString(),
    until: end.toISOString(),
  }
}

function isSameWish(running: Task, wish: ReplayParameters): boolean {
  const { from: _, below: __, total: ___, ...known } = parseReplayParameters(running.parameters)
  const { from: ____, below: _____, total: ______, ...wanted } = wish
  return isDeepStrictEqual(known, wanted)
}

/** @param stored  as `startReplay` wrote it */
export function parseReplayParameters(stored: Record<string, unknown>): ReplayParameters {
  const { since, until, rate, from, below, filter, order, retry, deliveries, total } = stored
  if (
    typeof since !== 'string' ||
    (typeof until !== 'string' && until !== null) ||
    typeof rate !== 'number' ||
    typeof from !== 'string' ||
    typeof below !== 'string'
  ) {
    throw new TypeError('not the parameters of a replay')
  }
  return {
    ...{ since, until, rate, from, below },
    order: order === 'newest' ? order : 'oldest',
    retry: retry === 'schedule' ? retry : 'none',
    filter: { ...NO_FILTER, ...(typeof filter === 'object' ? filter : {}) },
    deliveries: typeof deliveries === 'object' ? deliveries : null,
    total: typeof total === 'number' ? total : null,
  }
}
