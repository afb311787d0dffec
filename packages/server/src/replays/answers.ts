import type { Task } from '#src/tasks/task.ts'
import type { Counted } from './preview.ts'
import type { ReplayStanding } from './preview-store.ts'
import { KIND_OF, parseReplayParameters, REPLAY_WORDS, type ReplayKind, type ReplayWord } from './replay.ts'

function wordOf(kind: Task['kind']): ReplayWord {
  const word = REPLAY_WORDS.find((known) => KIND_OF[known] === kind)
  if (!word) throw new RangeError('not a kind of replay')
  return word
}

/** A replay to one endpoint (ReplayOut). */
export function replayOut(task: Task, { url, description, done, failed, canceled, waiting }: ReplayStanding) {
  const { filter, deliveries, rate, order, retry, total } = parseReplayParameters(task.parameters)
  const planned = numberIn(task, 'messagesSent')
  const skipped = numberIn(task, 'messagesSkipped')
  const { error } = task.data
  const given = deliveries ?? Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null))
  return {
    id: task.id,
    kind: wordOf(task.kind),
    endpointId: task.endpointId,
    endpointUrl: url,
    endpointDescription: description,
    status: task.status,
    paused: task.pausedAt !== null,
    canceled: task.data.canceled === true,
    error: typeof error === 'string' ? error : null,
    filter: given,
    since: task.data.since,
    until: task.data.until,
    ...{ rate, order, retry, total, planned, done, failed, canceledDeliveries: canceled, waiting, skipped },
    secondsLeft: secondsLeft(task, { total, rate, waiting, treated: planned + skipped }),
    createdAt: task.createdAt,
    updatedAt: task.updatedAt,
  }
}

function secondsLeft(
  { status, pausedAt }: Task,
  { total, rate, waiting, treated }: { total: number | null; rate: number; waiting: number; treated: number },
): number | null {
  if (status === 'failed') return 0
  if (pausedAt !== null) return null
  const toPlan = status === 'finished' ? 0 : total === null ? null : Math.max(0, total - treated)
  return toPlan === null ? null : Math.ceil((toPlan + waiting) / rate)
}

function numberIn({ data }: Task, name: string): number {
  const value = data[name]
  return typeof value === 'number' ? value : 0
}

/** A dry run of several endpoints, as it is answered (ReplayPreviewOut). */
export type Previewed = {
  id: string
  kind: ReplayKind
  retry: string
  filter: object
  since: Date
  until: Date
  expiresAt: Date
  sum: Counted
  perEndpoint: {
    endpointId: string
    url: string
    description: string
    counted: Counted
    disabled: boolean
    runningReplayId: string | null
  }[]
}

export function previewOut({ id, kind, sum, perEndpoint, ...rest }: Previewed) {
  return {
    previewId: id,
    kind: wordOf(kind),
    ...rest,
    ...sum,
    perEndpoint: perEndpoint.map(({ counted, ...endpoint }) => ({ ...endpoint, ...counted })),
  }
}
