import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { addTask, type NewTask } from './store.ts'
import { TASK_ID_PREFIX, type Task } from './task.ts'

/** Adds a task that is of no endpoint, in the caller's transaction; any number of one kind may wait for their turn. */
export async function startTask(
  tx: Queryable,
  task: Omit<NewTask, 'id' | 'endpointId'>,
  { ids, now }: { ids: IdSource; now: Date },
): Promise<Task> {
  const added = await addTask(tx, { ...task, id: TASK_ID_PREFIX + ids.next(now).ksuid, endpointId: null }, now)
  if (!added) throw new Error('a task of no endpoint met another')
  return added
}
