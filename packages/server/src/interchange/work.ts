import type { Queryable } from '#src/adapters/postgres/database.ts'
import { liveEventTypes } from '#src/events/event-type-store.ts'
import type { Task, TaskStep, TaskWork } from '#src/tasks/task.ts'
import { documentOf } from './document.ts'

export const EXPORT = 'sdk.generate'

/** The event types of an environment as an OpenAPI document, as work for a `TaskRunner`: one step. Source: webhook-api 9.5. */
export const exportWorks: { [EXPORT]: TaskWork } = { [EXPORT]: exportAll }

async function exportAll(tx: Queryable, { environment, position, pacedUntil }: Task): Promise<TaskStep> {
  const types = await liveEventTypes(tx, environment)
  const data = { schemaZip: null, openapi: documentOf(types) }
  return { position, pacedUntil, data, next: { kind: 'finished' }, lanes: [] }
}
