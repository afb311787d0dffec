import type { Environment } from '#src/accounts/principal.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { Task, TaskKind, TaskStatus, TaskStep } from './task.ts'

type TaskRow = {
  id: string
  environment: Environment
  account_id: string
  endpoint_id: string | null
  kind: TaskKind
  status: TaskStatus
  parameters: Record<string, unknown>
  position: string | null
  paced_until: Date | null
  data: Record<string, unknown>
  paused_at: Date | null
  created_at: Date
  updated_at: Date
}

const columns = sql`id, environment, account_id, endpoint_id, kind, status, parameters, position, paced_until, data,
  paused_at, created_at, updated_at`

function toTask(row: TaskRow): Task {
  return {
    id: row.id,
    environment: row.environment,
    accountId: row.account_id,
    endpointId: row.endpoint_id,
    kind: row.kind,
    status: row.status,
    parameters: row.parameters,
    position: row.position,
    pacedUntil: row.paced_until,
    data: row.data,
    pausedAt: row.paused_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function first(rows: TaskRow[]): Task | undefined {
  const [row] = rows
  return row && toTask(row)
}

export type NewTask = Pick<Task, 'id' | 'environment' | 'accountId' | 'endpointId' | 'kind' | 'parameters' | 'data'>

/** @returns undefined when the endpoint has a running task: the constraint decides between callers at the same moment */
export async function addTask(tx: Queryable, task: NewTask, now: Date): Promise<Task | undefined> {
  return first(
    await tx.query<TaskRow>`
      insert into task (id, environment, account_id, endpoint_id, kind, status, parameters, data, created_at, updated_at)
      values (${task.id}, ${task.environment}, ${task.accountId}, ${task.endpointId}, ${task.kind}, 'running',
              ${task.parameters}::jsonb, ${task.data}::jsonb, ${now}, ${now})
      on conflict (account_id, endpoint_id) where status = 'running' and endpoint_id is not null do nothing
      returning ${columns}`,
  )
}

export async function readRunningTask(tx: Queryable, accountId: string, endpointId: string): Promise<Task | undefined> {
  return first(
    await tx.query<TaskRow>`
      select ${columns} from task
       where account_id = ${accountId} and endpoint_id = ${endpointId} and status = 'running'`,
  )
}

/** Tasks that the transaction may see (an account's, or an environment's), made since `from`. */
export async function readTask(tx: Queryable, id: string, from: string): Promise<Task | undefined> {
  return first(await tx.query<TaskRow>`select ${columns} from task where id = ${id} and id >= ${from}`)
}

export type TaskFilter = {
  environment: Environment
  accountId: string | null
  status: TaskStatus | null
  kinds: readonly TaskKind[] | null
  endpointId?: string | null
  from: string // of the oldest id that is shown
}

/** The rows of a page of tasks, by id, and one more when there are more. */
export async function listTasks(tx: Queryable, page: Page, filter: TaskFilter): Promise<Task[]> {
  const rows = await tx.query<TaskRow>`
    select ${columns} from task
     where environment = ${filter.environment} and id >= ${filter.from}
       and (${filter.accountId}::text is null or account_id = ${filter.accountId})
       and (${filter.status}::text is null or status = ${filter.status})
       and (${filter.kinds}::text[] is null or kind = any (${filter.kinds}::text[]))
       and (${filter.endpointId ?? null}::text is null or endpoint_id = ${filter.endpointId ?? null})
       and (${page.above}::text is null or id > ${page.above}) and (${page.below}::text is null or id < ${page.below})
     order by id ${page.read === 'ascending' ? sql`asc` : sql`desc`}
     limit ${page.limit + 1}`
  return rows.map(toTask)
}

/**
 * Takes tasks that nobody works on, of each account only the first. Leases are written and compared by the database's clock.
 * They keep runners out of each other's way and no more: what makes a step safe is that it holds the task's row.
 */
export async function leaseTasks(
  db: Queryable,
  kinds: readonly TaskKind[],
  leaseMs: number,
  limit: number,
): Promise<string[]> {
  const rows = await db.query<{ id: string }>`
    update task set lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
     where id in (
       select t.id from task t
        where t.status = 'running' and t.paused_at is null and t.kind = any (${kinds}::text[])
          and (t.lease_until is null or t.lease_until <= clock_timestamp())
          and not exists (select from task o
                           where o.status = 'running' and o.paused_at is null and o.account_id = t.account_id and o.kind = any (${kinds}::text[])
                             and o.id < t.id)
        order by t.created_at limit ${limit}
          for update skip locked)
    returning id`
  return rows.map((row) => row.id)
}

/** A running task, locked until the transaction ends; undefined when it has ended or is paused, or somebody else is at it. */
export async function holdTask(tx: Queryable, id: string): Promise<Task | undefined> {
  return first(
    await tx.query<TaskRow>`
      select ${columns} from task where id = ${id} and status = 'running' and paused_at is null
         for no key update skip locked`,
  )
}

/** Writes what a step has done, and keeps the lease while there is more to do. */
export async function saveStep(
  tx: Queryable,
  id: string,
  step: TaskStep,
  leaseMs: number,
  now: Date,
): Promise<Pick<Task, 'status' | 'data'>> {
  const { kind } = step.next
  const status: TaskStatus = kind === 'finished' || kind === 'failed' ? kind : 'running'
  const data = step.next.kind === 'failed' ? { ...step.data, error: step.next.error } : step.data
  await tx.query`
    update task
       set position = ${step.position}, paced_until = ${step.pacedUntil}, data = ${data}::jsonb, status = ${status},
           updated_at = ${now},
           lease_until = case when ${status === 'running'} then clock_timestamp() + ${leaseMs} * interval '1 ms' end
     where id = ${id}`
  return { status, data }
}

/** Stops a running task where it stands, or lets it go on; a step under way is waited for. @returns undefined when it has ended */
export async function pauseTask(tx: Queryable, id: string, isPaused: boolean, now: Date): Promise<Task | undefined> {
  return first(
    await tx.query<TaskRow>`
      update task
         set paused_at = case when ${isPaused} then coalesce(paused_at, ${now}::timestamptz) end, lease_until = null,
             updated_at = case when ${isPaused} = (paused_at is not null) then updated_at else ${now}::timestamptz end
       where id = ${id} and status = 'running'
      returning ${columns}`,
  )
}

/** Ends a running task where it stands. @returns undefined when it has ended before */
export async function endTask(tx: Queryable, id: string, now: Date): Promise<Task | undefined> {
  return first(
    await tx.query<TaskRow>`
      update task
         set status = 'failed', data = data || '{"canceled": true}', paused_at = null, lease_until = null, updated_at = ${now}
       where id = ${id} and status = 'running'
      returning ${columns}`,
  )
}

/** Lets others go on with these tasks at once. */
export async function releaseTasks(db: Queryable, ids: readonly string[]): Promise<void> {
  await db.query`update task set lease_until = null where id = any (${ids}::text[]) and status = 'running'`
}
