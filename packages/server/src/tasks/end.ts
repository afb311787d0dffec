import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type AnnouncedLane, announce, announcement } from '#src/events/announce.ts'
import { finishedOut, type Task } from './task.ts'

/** Tells operators that a task has ended, in the transaction that ends it. @returns the lanes to wake afterwards */
export async function announceEnd(
  tx: Queryable,
  task: Pick<Task, 'id' | 'environment' | 'kind' | 'status' | 'data'>,
  parts: { ids: IdSource; clock: Clock },
): Promise<AnnouncedLane[]> {
  const named = { environment: task.environment }
  return await announce(tx, [announcement('background_task.finished', named, finishedOut(task), parts)])
}
