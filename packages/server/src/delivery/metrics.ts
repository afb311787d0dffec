import { Counter, Histogram, type Registry } from 'prom-client'
import type { AttemptRecord } from './attempt-store.ts'
import type { Delivery } from './delivery.ts'
import type { Budget } from './lane.ts'

/** What the delivery engine counts. No account and no endpoint is a label. */
export type DeliveryMetrics = {
  attempted(lane: Budget, record: Omit<AttemptRecord, 'epoch' | 'announcements'>, delivery: Delivery): void
  recorded(records: number, refused: number): void
}

export function deliveryMetrics(registry: Registry): DeliveryMetrics {
  const registers = [registry]
  const attempts = new Counter({
    name: 'psapi_attempts_total',
    help: 'Attempts by lane, failure class (ok: delivered) and first digit of the status',
    labelNames: ['lane', 'class', 'code_group'],
    registers,
  })
  const seconds = new Histogram({
    name: 'psapi_attempt_seconds',
    help: 'Duration of attempts',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const firstLag = new Histogram({
    name: 'psapi_first_attempt_lag_seconds',
    help: 'From the due time of a first attempt to its start',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 300],
    registers,
  })
  const finished = new Counter({
    name: 'psapi_deliveries_finished_total',
    help: 'Deliveries by how they ended',
    labelNames: ['state'],
    registers,
  })
  const batch = new Histogram({
    name: 'psapi_record_batch_size',
    help: 'Outcomes written by one statement',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers,
  })
  const stale = new Counter({
    name: 'psapi_stale_refused_total',
    help: 'Outcomes refused because their shard had another owner',
    registers,
  })
  return {
    attempted(lane, record, delivery) {
      attempts.inc({ lane, class: record.failureClass ?? 'ok', code_group: `${Math.floor(record.statusCode / 100)}xx` })
      seconds.observe(record.durationMs / 1000)
      if (delivery.queue === 'first') {
        firstLag.observe(Math.max(0, record.startedAt.getTime() - delivery.dueAt.getTime()) / 1000)
      }
      if (record.state.status !== 'pending') finished.inc({ state: record.state.status })
    },
    recorded(records, refused) {
      batch.observe(records)
      stale.inc(refused)
    },
  }
}
