import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { unpackAccounts } from '#src/delivery/bundles.ts'
import type { Cause } from '#src/delivery/delivery.ts'
import { failedStep, type Task, type TaskKind, type TaskStep, type TaskWork } from '#src/tasks/task.ts'
import { roomOf, spread } from './pace.ts'
import { parseReplayParameters, REPLAY_KINDS, type ReplayKind, type ReplayRetry } from './replay.ts'
import { scanReplay } from './scan.ts'
import { countDueReplays, planReplays, readReplayTarget, type ScannedRow } from './store.ts'

const ROWS_PER_STEP = 1_000
/** With this many due and not attempted, the endpoint is slower than the replay: nothing is added for a while. */
const BACKLOG_MAX = 1_000
const BACKLOG_WAIT_MS = 1_000

/** The replays of webhook-api 13, as work for a `TaskRunner`. */
export const replayWorks: Partial<Record<TaskKind, TaskWork>> = {
  [REPLAY_KINDS.recover]: (tx, task, now) => replaySome(tx, task, now, REPLAY_KINDS.recover),
  [REPLAY_KINDS.bulk]: (tx, task, now) => replaySome(tx, task, now, REPLAY_KINDS.bulk),
  [REPLAY_KINDS.missing]: (tx, task, now) => replaySome(tx, task, now, REPLAY_KINDS.missing),
}

const CAUSE_OF: Readonly<Record<ReplayRetry, Cause>> = { none: 'recover', schedule: 'replay' }

async function replaySome(tx: Queryable, task: Task, now: Date, kind: ReplayKind): Promise<TaskStep> {
  const { accountId, endpointId, position, pacedUntil, data, environment } = task
  if (endpointId === null) throw new TypeError('a replay is of an endpoint')
  const target = await readReplayTarget(tx, accountId, endpointId)
  if (!target || target.deleted) return failedStep(task, 'endpoint_deleted')
  if (target.disabled) return failedStep(task, 'endpoint_disabled')

  const parameters = parseReplayParameters(task.parameters)
  const { rate, retry } = parameters
  const wait = (at: Date): TaskStep => ({ position, pacedUntil, data, next: { kind: 'later', at }, lanes: [] })
  const room = roomOf(pacedUntil, now, rate)
  if ('again' in room) return wait(room.again)
  const lane = { accountId, endpointId, shard: target.shard }
  if ((await countDueReplays(tx, lane, now, BACKLOG_MAX)) >= BACKLOG_MAX) return wait(addMs(now, BACKLOG_WAIT_MS))

  await unpackAccounts(tx, [accountId])
  const sought = { environment, accountId, endpointId, kind, parameters, startedAt: task.createdAt }
  const rows = await scanReplay(tx, sought, { after: position, limit: ROWS_PER_STEP, now })
  const treated = treat(rows, room.count)
  const planned = spread(room.start, treated.eventIds.length, rate)
  if (treated.eventIds.length > 0) {
    const replays = planned.dueAts.map((dueAt, index) => ({ dueAt, eventId: treated.eventIds[index] ?? '' }))
    await planReplays(tx, { ...lane, cause: CAUSE_OF[retry], taskId: task.id }, replays, now)
  }
  return {
    position: treated.position ?? position,
    pacedUntil: treated.eventIds.length > 0 ? planned.pacedUntil : pacedUntil,
    data: {
      ...data,
      messagesSent: counterOf(data, 'messagesSent') + treated.eventIds.length,
      messagesScanned: counterOf(data, 'messagesScanned') + treated.scanned,
      messagesSkipped: counterOf(data, 'messagesSkipped') + treated.skipped,
    },
    next: { kind: treated.isWhole && rows.length < ROWS_PER_STEP ? 'finished' : 'now' },
    lanes: treated.eventIds.length > 0 ? [lane] : [],
  }
}

/** What a step does with rows in their order: it stops before the first that it has no room for. */
export function treat(
  rows: readonly ScannedRow[],
  room: number,
): { eventIds: string[]; scanned: number; skipped: number; position: string | null; isWhole: boolean } {
  const eventIds: string[] = []
  let scanned = 0
  let skipped = 0
  let position: string | null = null
  for (const row of rows) {
    if (row.verdict === 'wanted') {
      if (eventIds.length === room) return { eventIds, scanned, skipped, position, isWhole: false }
      eventIds.push(row.eventId)
    }
    if (row.verdict === 'gone' || row.verdict === 'planned') skipped += 1
    if (row.verdict !== 'repeat') scanned += 1
    position = row.position
  }
  return { eventIds, scanned, skipped, position, isWhole: true }
}

function counterOf(data: Record<string, unknown>, name: string): number {
  const count = data[name]
  return typeof count === 'number' ? count : 0
}
