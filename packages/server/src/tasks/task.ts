import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { LaneName } from '#src/delivery/lanes.ts'

export const TASK_ID_PREFIX = 'qtask_'

/** All kinds that the API names; lists can ask for any of them. Source: L, BackgroundTaskType. */
export const TASK_KINDS = [
  'endpoint.replay',
  'endpoint.recover',
  'endpoint.bulk-replay',
  'application.stats',
  'application.purge_content',
  'event-type.aggregate',
  'message.broadcast',
  'sdk.generate',
] as const
export type TaskKind = (typeof TASK_KINDS)[number]

export const TASK_STATUSES = ['running', 'finished', 'failed'] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]

/** Long work on request: a row with a cursor, brought further step by step by whoever holds it (`TaskRunner`). */
export type Task = {
  id: string // qtask_…
  environment: Environment
  accountId: string
  endpointId: string | null
  kind: TaskKind
  status: TaskStatus
  parameters: Record<string, unknown>
  position: string | null // what was treated last; null: nothing yet
  pacedUntil: Date | null
  data: Record<string, unknown> // progress, as the API shows it
  pausedAt: Date | null
  createdAt: Date
  updatedAt: Date
}

/** What a step has done to a task. It is written in the transaction of the step's other effects. */
export type TaskStep = {
  position: string | null
  pacedUntil: Date | null
  data: Record<string, unknown>
  next: { kind: 'now' } | { kind: 'later'; at: Date } | { kind: 'finished' } | { kind: 'failed'; error: string }
  /** Lanes in which the step has planned deliveries. */
  lanes: readonly LaneName[]
}

/** One step of a kind of task, in the transaction that holds the task's row. What it knows, it reads there. */
export type TaskWork = (tx: Queryable, task: Task, now: Date) => Promise<TaskStep>

/** A task that ends where it stands. */
export function failedStep(task: Task, error: string): TaskStep {
  const { position, pacedUntil, data } = task
  return { position, pacedUntil, data, next: { kind: 'failed', error }, lanes: [] }
}

/** The task as the answer to the request that started it. */
export function startedTaskOut({ id, status, kind, updatedAt }: Task) {
  return { id, status, task: kind, updatedAt }
}

/** BackgroundTaskOut. */
export function taskOut(task: Task) {
  return { ...startedTaskOut(task), data: task.pausedAt === null ? task.data : { ...task.data, paused: true } }
}

/** A task's end as operators hear of it: by the names that L has for its data, the others beside them. */
export function finishedOut({ id, kind, status, data }: Pick<Task, 'id' | 'kind' | 'status' | 'data'>) {
  return { taskId: id, task: kind, status, data: announcedData(kind, data) }
}

function announcedData(kind: TaskKind, data: Task['data']): Record<string, unknown> {
  switch (kind) {
    case 'application.stats':
      return { app_stats: data.appStats ?? [] }
    case 'application.purge_content':
      return { ...data, messages_purged: data.messagesPurged }
    case 'event-type.aggregate':
      return { ...data, event_types: data.event_types ?? [] }
    case 'sdk.generate': // the document is read where it lies
    case 'message.broadcast':
      return {}
    case 'endpoint.recover':
    case 'endpoint.replay':
    case 'endpoint.bulk-replay':
      return { ...data, messages_sent: data.messagesSent, endp_id: data.endpointId }
  }
}
