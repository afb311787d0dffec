import type { Logger } from 'pino'
import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { announcementsOf, forgetAnnounced } from './announced.ts'
import { type Attempted, attemptedLine, canceledAttempt } from './attempt.ts'
import type { AttemptRecord, EndpointChange } from './attempt-store.ts'
import type { CarefulShards } from './careful.ts'
import { type Delivery, nextQueueOf, type Queue } from './delivery.ts'
import { changeOf, noteOutcome } from './endpoint-standing.ts'
import type { Failpoint } from './failpoint.ts'
import type { Budget, Lane } from './lane.ts'
import type { LaneName, Lanes } from './lanes.ts'
import type { DeliveryMetrics } from './metrics.ts'
import { Recorder } from './recorder.ts'

export type OutcomesParts = {
  database: Queryable
  workerId: () => string
  lanes: Lanes
  careful: CarefulShards
  clock: Clock
  ids: IdSource
  failpoint: Failpoint
  metrics: DeliveryMetrics
  log: Logger
  /** The epoch in which this worker owns the shard. */
  epochOf: (shard: number) => number | undefined
  /** The lane's endpoint has to be read again. */
  wantTarget: (lane: Lane) => void
  /** Nothing of the queue is due before. */
  dueLater: (lane: Lane, queue: Queue, at: Date) => void
  /** The lane may go on, or may not any more. */
  place: (lane: Lane) => void
  forget: (lane: Lane) => void
  /** What may start is to be started. */
  pump: () => void
  /** Tells the owners of lanes that something new is pending there. */
  wakeLanes: (names: readonly LaneName[]) => void
}

/** What follows from the end of an attempt: it means something for its endpoint, is recorded, and then its lane goes on. */
export class Outcomes {
  readonly #parts: OutcomesParts
  readonly #recorder: Recorder
  /** Lanes of outcomes that were settled, to be placed when all of their flush are. */
  #settled = new Set<Lane>()

  constructor(parts: OutcomesParts) {
    const { lanes, metrics } = parts
    this.#parts = parts
    this.#recorder = new Recorder({
      ...parts,
      changeOf: (endpointId) => changeOf(lanes.get(endpointId)),
      settle: (record, written) => this.#settle(record, written),
      onFlush: (records, refused) => {
        metrics.recorded(records, refused)
        this.#placeSettled()
      },
      announced: (changes, announcedTo) => this.#announced(changes, announcedTo),
    })
  }

  /** That are not recorded yet. */
  get unrecorded(): number {
    return this.#recorder.size
  }

  /** The database takes outcomes as fast as they come. */
  get keepsUp(): boolean {
    return this.#recorder.keepsUp
  }

  /** Resolves when all that has come so far is recorded, or that time is over. */
  async recorded(msMax: number): Promise<void> {
    await this.#recorder.drain(msMax)
  }

  /** Forgets what is not recorded: somebody else sends it again. */
  drop(): void {
    this.#recorder.drop()
  }

  attempted(lane: Lane, attempted: Attempted, budget: Budget): void {
    this.record(lane, attempted.record, noteOutcome(lane, attempted, this.#parts))
    this.#parts.metrics.attempted(budget, attempted.record, attempted.record.delivery)
  }

  /** The delivery is not wanted any more. */
  cancel(lane: Lane, delivery: Delivery): void {
    const { clock, ids } = this.#parts
    if (lane.target) this.record(lane, canceledAttempt(delivery, lane.target, clock.now(), ids), false)
  }

  record(lane: Lane, record: Omit<AttemptRecord, 'epoch' | 'announcements'>, changesEndpoint: boolean): void {
    const { epochOf, log } = this.#parts
    const epoch = epochOf(lane.shard)
    if (epoch === undefined) return
    lane.unsettled += 1
    const isAwaited = lane.target?.ordering === 'fifo' && lane.dueCount > 0
    const whole = { ...record, epoch, announcements: announcementsOf(record, this.#parts) }
    this.#recorder.add(whole, { changesEndpoint, isAwaited })
    if (log.isLevelEnabled('info')) log.info(attemptedLine(record))
  }

  /** What came with these changes is written, or not true any more: the endpoint has been changed meanwhile, and is read anew. */
  #announced(changes: readonly EndpointChange[], announcedTo: readonly LaneName[]): void {
    const { lanes, wakeLanes } = this.#parts
    for (const change of changes) {
      const lane = lanes.get(change.endpointId)
      if (lane) forgetAnnounced(lane, change)
    }
    if (announcedTo.length > 0) wakeLanes(announcedTo)
  }

  /** A record is settled: the delivery is finished, or waits for its next due time. */
  #settle(record: AttemptRecord, written: boolean): void {
    const { lanes, careful, wantTarget, dueLater, forget, place } = this.#parts
    const { delivery, state } = record
    const lane = lanes.get(delivery.endpointId)
    if (!lane || lane.shard !== delivery.shard) return
    lane.unsettled -= 1
    if (!written) {
      forget(lane)
      return
    }
    lanes.settle(lane, delivery)
    if (lane.disable && lane.target) {
      lane.target.disabled = true // as it was written with this record, or one before
      lane.disable = null
      wantTarget(lane)
    }
    if (record.endsPlanned) lanes.dropPlanned(lane, delivery.eventId, delivery.deliveryId)
    if (state.status === 'pending') {
      dueLater(lane, nextQueueOf(delivery), state.nextAttemptAt)
      // a mark was set while it was under way: it follows the others at once
      if (lane.cancels({ ...delivery, payload: EMPTY })) {
        lane.canceledThrough = null
        wantTarget(lane)
      }
    }
    // what waited for one attempt of the shard to be settled
    if (careful.leave(lane.shard)) for (const other of lanes.all()) if (other.shard === lane.shard) place(other)
    this.#settled.add(lane)
  }

  /** Lanes may go on after what was settled: each is placed once, however many of its outcomes that were. */
  #placeSettled(): void {
    const { place, pump } = this.#parts
    const lanes = this.#settled
    this.#settled = new Set()
    for (const lane of lanes) place(lane)
    pump()
  }
}

const EMPTY = Buffer.alloc(0)
