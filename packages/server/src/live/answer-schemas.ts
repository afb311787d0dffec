import Type, { type TSchema } from 'typebox'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { FAILURE_CLASSES, type FailureClass } from '#src/delivery/failure-classes.ts'
import { ISSUE_ID_PREFIX, ISSUE_STATES } from '#src/issues/issue.ts'
import { TASK_ID_PREFIX, TASK_KINDS, TASK_STATUSES } from '#src/tasks/task.ts'
import { RUN_STATES } from '#src/updates/run.ts'
import { TOPICS } from './change.ts'

/** The data of a message: what has changed, each object once and as it stands now, in the order of the changes. */
function changesOf(title: string, fields: Record<string, TSchema>) {
  const change = Type.Object({ ...fields, at: momentText() }, { title })
  return Type.Object({ changes: Type.Array(change, { minItems: 1 }) }, { title: `${title}s` })
}

const count = Type.Integer({ minimum: 0 })

/** Messages of `GET …/live` by their `event`; each is the JSON in `data`. Ids, states and times; never a payload. */
export const liveMessages = {
  'delivery.changed': changesOf('DeliveryChange', {
    deliveryId: Type.String({
      format: 'uuid',
      description: 'One of the same message to the same endpoint may follow: a replay.',
    }),
    msgId: idText('msg_'),
    eventType: Type.String(),
    endpointId: idText('ep_'),
    state: oneOf(['waiting', 'retrying', 'delivered', 'exhausted', 'canceled']),
    attemptId: nullable(
      Type.String({ description: 'The attempt, or the cancellation, that made it so; null while waiting.' }),
    ),
    attemptNumber: Type.Integer({
      minimum: 0,
      description: '1, 2, …; 0 for an attempt on request, and while waiting.',
    }),
    responseStatusCode: Type.Integer({ description: '0: no response, or no attempt yet.' }),
    failureClass: nullable(oneOf(Object.keys(FAILURE_CLASSES) as FailureClass[])),
    nextAttempt: nullable(momentText()),
  }),
  'endpoint.changed': changesOf('EndpointChange', {
    endpointId: idText('ep_'),
    state: oneOf(['enabled', 'disabled', 'deleted']),
    disabledReason: nullable(oneOf(['manual', 'failures', 'gone', 'receiver_request'])),
    failingSince: nullable(momentText()),
  }),
  'task.progress': changesOf('TaskProgress', {
    taskId: idText(TASK_ID_PREFIX),
    task: oneOf(TASK_KINDS),
    endpointId: nullable(idText('ep_')),
    status: oneOf(TASK_STATUSES),
    paused: Type.Boolean(),
  }),
  'job.progress': changesOf('JobProgress', {
    jobId: Type.String({ format: 'uuid' }),
    type: oneOf(['add', 'replace', 'remove']),
    state: oneOf(['pending', 'running', 'succeeded', 'partly_failed', 'failed']),
    processed: count,
    distinct: count,
  }),
  'run.changed': changesOf('RunChange', {
    runId: Type.String({ format: 'uuid' }),
    runDate: Type.String({ format: 'date' }),
    state: oneOf(RUN_STATES),
  }),
  'issue.changed': changesOf('IssueChange', {
    issueId: idText(ISSUE_ID_PREFIX),
    endpointId: idText('ep_'),
    class: oneOf(Object.keys(FAILURE_CLASSES) as FailureClass[]),
    state: oneOf(ISSUE_STATES),
  }),
  /** What happened since the last message is not known (any more): read anew what you show. */
  resync: Type.Object(
    { topics: Type.Array(oneOf(TOPICS)), reason: oneOf(['gap_too_old', 'too_many_changes']) },
    { title: 'LiveResync' },
  ),
  /** The last message of a stream. */
  bye: Type.Object({ reason: oneOf(['session_ended', 'shutting_down']) }, { title: 'LiveBye' }),
} as const
