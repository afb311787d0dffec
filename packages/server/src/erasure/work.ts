import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Task, TaskStep, TaskWork } from '#src/tasks/task.ts'
import { erasePayloads, nextEvents } from './store.ts'

export const ERASE_ALL = 'application.purge_content'
const EVENTS_PER_STEP = 500

/** What the task of erasing all keeps: of events accepted later nothing is erased. */
export type EraseParameters = { below: string }

/** Erases all payloads of an account, as work for a `TaskRunner`. Source: webhook-api 13. */
export function eraseWorks(parts: { ids: IdSource; clock: Clock }): { [ERASE_ALL]: TaskWork } {
  return { [ERASE_ALL]: (tx, task) => eraseSome(tx, task, parts) }
}

async function eraseSome(tx: Queryable, task: Task, parts: { ids: IdSource; clock: Clock }): Promise<TaskStep> {
  const { accountId, position, pacedUntil, data, parameters } = task
  const below = String(parameters.below)
  const eventIds = await nextEvents(tx, accountId, { position, below, limit: EVENTS_PER_STEP })
  const { erased, lanes } = await erasePayloads(tx, accountId, eventIds, parts)
  return {
    position: eventIds.at(-1) ?? position,
    pacedUntil,
    data: { ...data, messagesPurged: Number(data.messagesPurged ?? 0) + erased },
    next: { kind: eventIds.length < EVENTS_PER_STEP ? 'finished' : 'now' },
    lanes,
  }
}
