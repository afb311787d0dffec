import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Database } from '#src/adapters/postgres/database.ts'
import { BUDGETS } from '#src/delivery/lane.ts'
import type { DeliveryWorker } from '#src/delivery/worker.ts'
import { TASK_KINDS, type TaskKind } from '#src/tasks/task.ts'
import type { Health } from './health.ts'

/** What the API counts: events as they are accepted, requests by route. */
export type ServiceMetrics = {
  registry: Registry
  accepted: (events: number, seconds: number) => void
  countRequests(http: FastifyInstance): void
  observePools(pools: Record<string, Database>): void
  observeStreams(streams: { readonly size: number }): void
  observeStored(database: Database): void
  observeHealth(health: Health): void
  observeWorker(worker: DeliveryWorker): void
}

/** Pending deliveries, by lane, and endpoints are counted up to this many. */
const COUNTED_MAX = 100_000
const ENDPOINT_STATES = ['active', 'failing', 'paused', 'disabled'] as const
const TASK_STATES = ['running', 'paused'] as const

export function serviceMetrics(version: string): ServiceMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'psapi_' })
  new Gauge({ name: 'psapi_build_info', help: 'Always 1', labelNames: ['version', 'node'], registers }).set(
    { version, node: process.version },
    1,
  )
  const events = new Counter({ name: 'psapi_events_accepted_total', help: 'Events accepted by API', registers })
  const seconds = new Histogram({
    name: 'psapi_accept_seconds',
    help: 'One commit of accepted events',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers,
  })
  const batch = new Histogram({
    name: 'psapi_accept_batch_size',
    help: 'Events that shared a commit',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  })
  const requests = new Counter({
    name: 'psapi_http_requests_total',
    help: 'Requests by route pattern and status',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const requestSeconds = new Histogram({
    name: 'psapi_http_request_seconds',
    help: 'Duration of requests by route pattern',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  return {
    registry,
    accepted(count, took) {
      events.inc(count)
      batch.observe(count)
      seconds.observe(took)
    },
    countRequests(http) {
      http.addHook('onResponse', (request, reply, done) => {
        const labels = { method: request.method, route: request.routeOptions.url ?? 'none' }
        requests.inc({ ...labels, status: reply.statusCode })
        requestSeconds.observe(labels, reply.elapsedTime / 1000)
        done()
      })
    },
    observePools(pools) {
      new Gauge({
        name: 'psapi_db_pool',
        help: 'Database connections and callers that wait for one',
        labelNames: ['pool', 'state'],
        registers,
        collect() {
          for (const [pool, database] of Object.entries(pools)) {
            const { total, idle, waiting } = database.stats
            this.set({ pool, state: 'busy' }, total - idle)
            this.set({ pool, state: 'idle' }, idle)
            this.set({ pool, state: 'waiting' }, waiting)
          }
        },
      })
    },
    observeStreams(streams) {
      new Gauge({
        name: 'psapi_sse_clients',
        help: 'Open streams of server-sent events',
        registers,
        collect() {
          this.set(streams.size)
        },
      })
    },
    observeStored(database) {
      new Gauge({
        name: 'psapi_pending',
        help: `Deliveries that are not finished, by lane; counted up to ${COUNTED_MAX}`,
        labelNames: ['lane'],
        registers,
        async collect() {
          const rows = await database.query<{ lane: string; pending: number }>`
              select l.lane, (select count(*)::int from (select from pending where queue = l.queue limit ${COUNTED_MAX}) as p) as pending
                from (values (0, 'first'), (1, 'retry'), (2, 'replay')) as l (queue, lane)`.catch(() => [])
          for (const { lane, pending } of rows) this.set({ lane }, pending)
        },
      })
      new Gauge({
        name: 'psapi_endpoints',
        help: `Endpoints by state: paused by their breaker, disabled by whomever; counted up to ${COUNTED_MAX}`,
        labelNames: ['state'],
        registers,
        async collect() {
          const rows = await database.query<{ state: string; endpoints: number }>`
              select state, count(*)::int as endpoints
                from (select case when disabled then 'disabled'
                                  when paused_until > clock_timestamp() then 'paused'
                                  when failing_since is not null then 'failing'
                                  else 'active' end as state
                        from endpoint where deleted_at is null limit ${COUNTED_MAX}) as e
               group by state`.catch(() => null)
          if (rows === null) return
          for (const state of ENDPOINT_STATES) {
            this.set({ state }, rows.find((row) => row.state === state)?.endpoints ?? 0)
          }
        },
      })
      new Gauge({
        name: 'psapi_tasks',
        help: 'Background tasks that have not ended, by kind and state',
        labelNames: ['kind', 'state'],
        registers,
        async collect() {
          const rows = await database.query<{ kind: TaskKind; state: string; tasks: number }>`
              select kind, case when paused_at is null then 'running' else 'paused' end as state, count(*)::int as tasks
                from task where status = 'running' group by 1, 2`.catch(() => null)
          if (rows === null) return
          for (const kind of TASK_KINDS) {
            for (const state of TASK_STATES) {
              this.set({ kind, state }, rows.find((row) => row.kind === kind && row.state === state)?.tasks ?? 0)
            }
          }
        },
      })
      new Gauge({
        name: 'psapi_partitions_oldest_days',
        help: 'Age of the oldest partition of events and attempts',
        registers,
        async collect() {
          const [row] = await database.query<{ days: number }>`
              select coalesce(max(current_date - to_date(right(c.relname, 8), 'YYYYMMDD')), 0)::int as days
                from pg_inherits i join pg_class c on c.oid = i.inhrelid
               where i.inhparent in ('event'::regclass, 'attempt'::regclass) and c.relname ~ '_[0-9]{8}$'`.catch(
            () => [],
          )
          if (row) this.set(row.days)
        },
      })
    },
    observeHealth(health) {
      new Gauge({
        name: 'psapi_ready',
        help: 'Parts of /readyz: 1 is well',
        labelNames: ['part'],
        registers,
        async collect() {
          const { parts } = await health.ready()
          for (const [part, fault] of Object.entries(parts)) this.set({ part }, fault === null ? 1 : 0)
        },
      })
    },
    observeWorker(worker) {
      const gauge = (name: string, help: string, read: () => number) => {
        const collect = function collect(this: Gauge) {
          this.set(read())
        }
        new Gauge({ name, help, registers, collect })
      }
      gauge('psapi_shards_owned', 'Shards that this process owns', () => worker.ownership.shardCount)
      gauge('psapi_workers_alive', 'Workers that hold a lease', () => worker.ownership.workers)
      gauge(
        'psapi_lease_age_seconds',
        'Since the last good heartbeat was sent',
        () => worker.ownership.leaseAgeMs / 1000,
      )
      new Gauge({
        name: 'psapi_schedule_lag_seconds',
        help: 'For how long what could be sent at once has been waiting for its turn, by lane',
        labelNames: ['lane'],
        registers,
        collect() {
          for (const lane of BUDGETS) this.set({ lane }, worker.lagMs(lane) / 1000)
        },
      })
      gauge('psapi_attempts_in_flight', 'Attempts under way', () => worker.load.inFlight)
      gauge('psapi_outcomes_unrecorded', 'Outcomes that are not written yet', () => worker.load.unrecorded)
      gauge('psapi_breaker_open', 'Endpoints whose breaker is open', () => worker.load.breakersOpen)
    },
  }
}
