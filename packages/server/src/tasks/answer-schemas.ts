import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { anyObject, idText, momentText, oneOf } from '#src/adapters/http/schema.ts'
import { TASK_ID_PREFIX, TASK_KINDS, TASK_STATUSES } from './task.ts'

/** Of the answer to the request that started a task. */
export const startedTaskFields = {
  id: idText(TASK_ID_PREFIX),
  status: oneOf(TASK_STATUSES),
  task: oneOf(TASK_KINDS),
  updatedAt: momentText(),
}

export const StartedTaskOut = Type.Object(startedTaskFields, { title: 'StartedTaskOut' })

export const TaskOut = Type.Object(
  { ...startedTaskFields, data: anyObject('What it has done so far, or found.') },
  { title: 'BackgroundTaskOut' },
)
export const TaskPage = pageOf('BackgroundTaskOut', TaskOut)
