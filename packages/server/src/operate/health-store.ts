import type { Environment } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'

const WAITING_MAX = 100_000
/** Endpoints whose last attempts are looked at, failing ones first, and how many of each. */
const ENDPOINTS_MAX = 2_000
const ATTEMPTS_MAX = 50
const SHOWN_MAX = 10
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const LANES = ['first', 'retry', 'replay'] as const

export type Workers = {
  workers: { id: string; state: 'alive' | 'dead'; startedAt: Date; leaseUntil: Date; shards: number }[]
  shards: { total: number; owned: number; careful: number }
}

/** A worker is dead from the end of its lease on, 4 s after its last heartbeat, until another has taken its shards over. */
export async function readWorkers(db: Queryable): Promise<Workers> {
  const rows = await db.query<{ id: string; alive: boolean; started_at: Date; lease_until: Date; shards: number }>`
    select w.id, w.lease_until > clock_timestamp() as alive, w.started_at, w.lease_until,
           (select count(*)::int from shard s where s.owner = w.id) as shards
      from worker w order by w.started_at, w.id limit 1000`
  const [shard] = await db.query<{ total: number; owned: number; careful: number }>`
    select count(*)::int as total,
           count(*) filter (where exists (select from worker w where w.id = s.owner and w.lease_until > clock_timestamp()))::int as owned,
           count(*) filter (where s.careful_until > clock_timestamp())::int as careful
      from shard s`
  return {
    workers: rows.map((row) => ({
      id: row.id,
      state: row.alive ? 'alive' : 'dead',
      startedAt: row.started_at,
      leaseUntil: row.lease_until,
      shards: row.shards,
    })),
    shards: shard ?? { total: 0, owned: 0, careful: 0 },
  }
}

type Bounded = { count: number; capped: boolean }
export type Lane = {
  lane: (typeof LANES)[number]
  waiting: Bounded
  due: Bounded
  oldestDueAt: Date | null
  lagMs: number | null
}

/** What waits, by lane: of so many rows at most. */
export async function readLanes(db: Queryable, environment: Environment, now: Date): Promise<Lane[]> {
  const rows = await db.query<{ queue: number; waiting: number; due: number; oldest: Date | null; read: number }>`
    select p.queue, count(*)::int as waiting, count(*) filter (where p.due_at <= ${now})::int as due,
           min(p.due_at) filter (where p.due_at <= ${now}) as oldest, sum(count(*)) over ()::int as read
      from (select p.queue, p.due_at
              from pending p join account a on a.id = p.account_id and a.environment = ${environment}
             limit ${WAITING_MAX + 1}) as p
     group by p.queue`
  return LANES.map((lane, queue) => {
    const row = rows.find((each) => each.queue === queue)
    const capped = (row?.read ?? 0) > WAITING_MAX
    const oldestDueAt = row?.oldest ?? null
    return {
      lane,
      waiting: { count: row?.waiting ?? 0, capped },
      due: { count: row?.due ?? 0, capped },
      oldestDueAt,
      lagMs: oldestDueAt && now.getTime() - oldestDueAt.getTime(),
    }
  })
}

type SlowRow = {
  account_id: string
  id: string
  name: string
  url: string
  description: string
  attempts: number
  p95: number
  failed: number
}

/** Endpoints by the 95th percentile of their last attempts within an hour, the slowest first. */
export async function readSlowest(db: Queryable, environment: Environment, now: Date): Promise<object[]> {
  const since = `atmpt_${ksuidFloor(addMs(now, -HOUR_MS))}`
  const rows = await db.query<SlowRow>`
    select e.account_id, e.id, a.name, e.url, e.description, t.attempts, t.p95, t.failed
      from (select account_id, id, url, description from endpoint
             where environment = ${environment} and deleted_at is null and not disabled
             order by failing_since nulls last, id desc limit ${ENDPOINTS_MAX}) as e
      join account a on a.id = e.account_id
     cross join lateral (
       select count(*)::int as attempts, percentile_disc(0.95) within group (order by r.duration_ms)::int as p95,
              count(*) filter (where r.failure_class is not null)::int as failed
         from (select duration_ms, failure_class from attempt
                where account_id = e.account_id and endpoint_id = e.id and id >= ${since} and outcome <> 'canceled'
                order by id desc limit ${ATTEMPTS_MAX}) as r) as t
     where t.attempts > 0
     order by t.p95 desc, e.id limit ${SHOWN_MAX}`
  return rows.map((row) => ({
    accountId: row.account_id,
    endpointId: row.id,
    accountName: row.name,
    url: row.url,
    description: row.description,
    attempts: row.attempts,
    p95Ms: row.p95,
    failed: row.failed,
  }))
}

/** Endpoints that fail (from the third failure in a row on), and those that failures have disabled. */
export async function readFailing(
  db: Queryable,
  environment: Environment,
): Promise<{ failing: number; disabled: number }> {
  const [row] = await db.query<{ failing: number; disabled: number }>`
    select count(*) filter (where not disabled and failures >= 3)::int as failing,
           count(*) filter (where disabled_reason = 'failures')::int as disabled
      from endpoint where environment = ${environment} and deleted_at is null`
  return row ?? { failing: 0, disabled: 0 }
}

export type Job = { kind: string; running: number; failed: number; oldestAt: Date | null }

/** Background tasks by kind: those that run, and those that failed within a day. */
export async function readJobs(db: Queryable, environment: Environment, now: Date): Promise<Job[]> {
  const rows = await db.query<{ kind: string; running: number; failed: number; oldest_at: Date | null }>`
    select kind, count(*) filter (where status = 'running')::int as running,
           count(*) filter (where status = 'failed')::int as failed,
           min(created_at) filter (where status = 'running') as oldest_at
      from task
     where environment = ${environment}
       and (status = 'running' or (status = 'failed' and updated_at > ${addMs(now, -DAY_MS)}))
     group by kind order by kind`
  return rows.map(toJob)
}

/** @param db  role `updates` */
export async function readPopulationJobs(db: Queryable, environment: Environment, now: Date): Promise<Job[]> {
  const rows = await db.query<{ kind: string; running: number; failed: number; oldest_at: Date | null }>`
    select 'population.' || j.type as kind, count(*) filter (where j.finished_at is null)::int as running,
           count(*) filter (where j.state = 'failed')::int as failed,
           min(j.accepted_at) filter (where j.finished_at is null) as oldest_at
      from population_job j join account a on a.id = j.account_id and a.environment = ${environment}
     where j.finished_at is null or (j.state = 'failed' and j.accepted_at > ${addMs(now, -DAY_MS)})
     group by j.type order by j.type`
  return rows.map(toJob)
}

function toJob(row: { kind: string; running: number; failed: number; oldest_at: Date | null }): Job {
  return { kind: row.kind, running: row.running, failed: row.failed, oldestAt: row.oldest_at }
}

export type DatabaseState = {
  shown: { version: string; connections: number; connectionsMax: number; bytes: number }
  migrations: string[]
}

export async function readDatabase(db: Queryable): Promise<DatabaseState> {
  const [row] = await db.query<{ version: string; connections: number; connections_max: number; bytes: number }>`
    select current_setting('server_version') as version, current_setting('max_connections')::int as connections_max,
           (select count(*)::int from pg_stat_activity where datname = current_database()) as connections,
           pg_database_size(current_database()) as bytes`
  if (!row) throw new Error('a database without a version')
  const applied = await db.query<{ name: string }>`select name from schema_migration order by number`
  const { version, connections, connections_max: connectionsMax, bytes } = row
  return { shown: { version, connections, connectionsMax, bytes }, migrations: applied.map(({ name }) => name) }
}
