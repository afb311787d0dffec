import { addMs } from '#src/adapters/clock.ts'
import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { attemptsFrom } from '#src/attempts/store.ts'
import { QUEUES, type Queue } from '#src/delivery/delivery.ts'
import type { Task } from '#src/tasks/task.ts'
import type { ReplayKind, ReplayWish } from './replay.ts'

export const PREVIEW_ID_PREFIX = 'rprev_'
export const PREVIEW_KEPT_MS = 3_600_000

/** What a dry run was of, as it is stored. `counts`: by endpoint; null where there are more than are counted. */
export type Preview = {
  id: string // rprev_…
  kind: ReplayKind
  wish: Pick<ReplayWish, 'retry'> & { since: string; until: string; deliveries: ReplayWish['deliveries'] & object }
  counts: Record<string, number | null>
  taskIds: string[] | null // null: not started
  createdAt: Date
}

export async function addPreview(tx: Queryable, accountId: string, preview: Omit<Preview, 'taskIds'>): Promise<void> {
  await tx.query`
    insert into replay_preview (account_id, id, kind, parameters, per_endpoint, created_at)
    values (${accountId}, ${preview.id}, ${preview.kind}, ${preview.wish}::jsonb, ${preview.counts}::jsonb,
            ${preview.createdAt})`
}

type PreviewRow = {
  id: string
  kind: ReplayKind
  parameters: Preview['wish']
  per_endpoint: Preview['counts']
  task_ids: string[] | null
  created_at: Date
}

/** A preview, locked until the transaction ends. */
export async function holdPreview(tx: Queryable, accountId: string, id: string): Promise<Preview | undefined> {
  const [row] = await tx.query<PreviewRow>`
    select id, kind, parameters, per_endpoint, task_ids, created_at from replay_preview
     where account_id = ${accountId} and id = ${id} for no key update`
  return (
    row && {
      id: row.id,
      kind: row.kind,
      wish: row.parameters,
      counts: row.per_endpoint,
      taskIds: row.task_ids,
      createdAt: row.created_at,
    }
  )
}

export async function noteStarted(tx: Queryable, accountId: string, id: string, taskIds: string[]): Promise<void> {
  await tx.query`
    update replay_preview set task_ids = ${taskIds}::text[] where account_id = ${accountId} and id = ${id}`
}

/** Removes previews that nobody can start any more. @param db of role `worker`. @returns how many */
export async function purgePreviews(db: Queryable, now: Date, limit: number): Promise<number> {
  const rows = await db.query`
    delete from replay_preview
     where (account_id, id) in (select account_id, id from replay_preview
                                 where id < ${PREVIEW_ID_PREFIX + ksuidFloor(addMs(now, -2 * PREVIEW_KEPT_MS))}
                                 order by id limit ${limit})
    returning 1`
  return rows.length
}

/** The endpoint of a replay, and what has become of the deliveries that it has planned. */
export type ReplayStanding = {
  url: string
  description: string
  done: number
  failed: number
  canceled: number
  waiting: number
}

const REPLAYS: Queue = 'replay'

/**
 * By task: deliveries that have ended, by how, and those that have not, each once. What was on the wire when it was canceled
 * has a cancellation too, and counts as what has become of it.
 */
export async function readStandings(tx: Queryable, tasks: readonly Task[]): Promise<Map<string, ReplayStanding>> {
  if (tasks.length === 0) return new Map()
  const rows = await tx.query<{ id: string } & ReplayStanding>`
    select r.id, n.url, n.description, ended.done, ended.failed, ended.canceled + planned.canceling as canceled, planned.waiting
      from unnest(${tasks.map(({ id }) => id)}::text[], ${tasks.map(({ accountId }) => accountId)}::text[],
                  ${tasks.map(({ endpointId }) => endpointId)}::text[],
                  ${tasks.map(({ createdAt }) => attemptsFrom(createdAt))}::text[])
             as r (id, account_id, endpoint_id, attempts_from)
      join endpoint n on n.account_id = r.account_id and n.id = r.endpoint_id
     cross join lateral (
       select count(*) filter (where a.state = 'delivered') as done, count(*) filter (where a.state = 'dead_letter') as failed,
              count(*) filter (where a.state = 'canceled' and not arrived) as canceled
         from attempt a
        cross join lateral (
          select a.state = 'canceled'
             and exists (select from attempt o
                          where o.account_id = a.account_id and o.event_id = a.event_id and o.delivery_id = a.delivery_id
                            and o.state in ('delivered', 'dead_letter') and o.id >= r.attempts_from) as arrived) as on_wire
        where a.account_id = r.account_id and a.task_id = r.id and a.id >= r.attempts_from) as ended
     cross join lateral (
       select count(*) filter (where not is_canceled(p, t)) as waiting, count(*) filter (where is_canceled(p, t)) as canceling
         from endpoint t
         join pending p on p.shard = t.shard and p.endpoint_id = t.id and p.queue = ${QUEUES.indexOf(REPLAYS)}
                       and p.account_id = t.account_id
        where t.account_id = r.account_id and t.id = r.endpoint_id and p.task_id = r.id) as planned`
  return new Map(rows.map(({ id, ...standing }) => [id, standing]))
}
