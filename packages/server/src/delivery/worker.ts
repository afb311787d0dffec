import type { Logger } from 'pino'
import type { Clock, DatabaseClock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { AddressPolicy, Outgoing } from '#src/adapters/outgoing/outgoing.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { OwnWork, PlannedDelivery } from '#src/events/accept.ts'
import { Alarms } from './alarms.ts'
import { brokenAttempt } from './attempt.ts'
import { Bundles, UNPACK_MS } from './bundles.ts'
import { CarefulShards, readInHand } from './careful.ts'
import { type Delivery, QUEUES, type Queue } from './delivery.ts'
import { DISPATCH_LIMITS, Dispatcher, type DispatchLimits } from './dispatcher.ts'
import type { Failpoint } from './failpoint.ts'
import { DRAIN_MS_MAX, HandingBack } from './handing-back.ts'
import type { Budget, Lane } from './lane.ts'
import { LaneReader, SWEEPS } from './lane-reader.ts'
import { type LaneHint, type LaneName, Lanes } from './lanes.ts'
import { MarkFollower } from './marks.ts'
import type { DeliveryMetrics } from './metrics.ts'
import { Outcomes } from './outcomes.ts'
import { BUNDLED_FROM, chooseOwnWork } from './own-work.ts'
import { type LeaseTimes, type OwnedShard, Ownership } from './ownership.ts'
import { type ReadTargets, TargetReader } from './target-reader.ts'

const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024
const SWEEP_MS = 10_000
/** How long what has ended is remembered: longer than any read or hint that may still bring it. */
const REMEMBERED_MS = 10_000
/** Lanes may wait for nothing but the lease, or the writing of outcomes, to be safe again. */
const PUMP_MS = 250
const LONG_AGO = new Date(0)

export type WorkerParts = {
  database: Database
  leaseDatabase: Database
  clock: Clock
  databaseClock: DatabaseClock | null // null when a test moves the clock
  ids: IdSource
  random: () => number
  outgoing: Outgoing
  readTargets: ReadTargets
  policyOf: (target: Target) => AddressPolicy
  /** Tells the owners of lanes that something new is pending there: `Waker.lanes`. */
  wakeLanes: (names: readonly LaneName[]) => void
  failpoint: Failpoint
  metrics: DeliveryMetrics
  log: Logger
  limits?: Partial<DispatchLimits>
  leaseTimes?: LeaseTimes
  /** Events of an account in one statement from which on they are bundled; default `BUNDLED_FROM`. */
  bundledFrom?: number
}

/**
 * Delivers what is pending in the shards that this process owns. Deliveries come in from memory (`take`), by hints and by
 * sweeps; the dispatcher sends; the recorder writes what became of them. No transaction and no connection is held while a
 * request is out.
 */
export class DeliveryWorker {
  readonly #parts: WorkerParts
  readonly #ownership: Ownership
  readonly #outcomes: Outcomes
  readonly #lanes: Lanes
  readonly #reader: LaneReader
  readonly #targets: TargetReader
  readonly #dispatcher: Dispatcher
  readonly #careful: CarefulShards
  readonly #bundles: Bundles
  readonly #handingBack: HandingBack
  readonly #alarms: Alarms<Lane>
  readonly #marks: MarkFollower
  #timers: NodeJS.Timeout[] = []
  #waiting: (() => void)[] = []

  constructor(parts: WorkerParts) {
    const { database, clock, log } = parts
    this.#parts = parts
    this.#ownership = new Ownership({
      failpoint: parts.failpoint,
      database: parts.leaseDatabase,
      clock: parts.databaseClock,
      log,
      ...(parts.leaseTimes ? { times: parts.leaseTimes } : {}),
      events: {
        gained: (shards) => this.#gained(shards),
        releasing: (shards) => this.#handingBack.ended(shards),
        lost: () => this.#lost(),
      },
    })
    this.#bundles = new Bundles({
      database,
      workerId: () => this.#ownership.workerId,
      clock,
      log,
      unpacked: (lanes, tooSlow) => this.#unpacked(lanes, tooSlow),
      done: () => this.#wakeWaiting(),
    })
    this.#lanes = new Lanes(
      (shard) => this.#ownership.takes(shard),
      PAYLOAD_BYTES_MAX,
      () => this.#bundles.unpackSoon(),
    )
    this.#handingBack = new HandingBack({
      lanes: this.#lanes,
      place: (lane) => this.#dispatcher.place(lane),
      forget: (lane) => this.#forget(lane),
      changed: () => this.#change(),
      wake: () => this.#wakeWaiting(),
    })
    this.#careful = new CarefulShards(database)
    this.#alarms = new Alarms(clock, (lane) => this.#ring(lane))
    this.#outcomes = new Outcomes({
      ...parts,
      workerId: () => this.#ownership.workerId,
      lanes: this.#lanes,
      careful: this.#careful,
      epochOf: (shard) => this.#ownership.epochOf(shard),
      wantTarget: (lane) => this.#targets.want(lane),
      dueLater: (lane, queue, at) => this.#dueLater(lane, queue, at),
      place: (lane) => this.#dispatcher.place(lane),
      forget: (lane) => this.#forget(lane),
      pump: () => this.#dispatcher.pump(),
    })
    this.#marks = new MarkFollower({
      database,
      lanes: this.#lanes,
      log,
      cancel: (lane, delivery) => this.#outcomes.cancel(lane, delivery),
      recorded: () => this.#outcomes.recorded(DRAIN_MS_MAX),
      done: () => this.#wakeWaiting(),
    })
    this.#reader = new LaneReader({
      database,
      lanes: this.#lanes,
      clock,
      log,
      dueLater: (lane, queue, at) => this.#dueLater(lane, queue, at),
      changed: (lane) => this.#changed(lane),
      done: () => this.#dispatcher.pump(),
    })
    this.#targets = new TargetReader({
      read: parts.readTargets,
      lanes: this.#lanes,
      clock,
      log,
      refreshed: (lane, known) => this.#refreshed(lane, known),
      done: () => this.#dispatcher.pump(),
    })
    this.#dispatcher = new Dispatcher({
      ...parts,
      lanes: this.#lanes,
      careful: this.#careful,
      limits: { ...DISPATCH_LIMITS, ...parts.limits },
      maySend: () => this.#ownership.mayStart() && this.#outcomes.keepsUp,
      epochOf: (shard) => this.#ownership.epochOf(shard),
      wantTarget: (lane) => this.#targets.want(lane),
      wantDeliveries: (lane) => this.#reader.want(lane),
      wakeAt: (lane, at) => this.#alarms.set(lane, at),
      attempted: (lane, attempted, budget) => this.#outcomes.attempted(lane, attempted, budget),
      canceled: (lane, delivery) => this.#outcomes.cancel(lane, delivery),
      done: () => this.#wakeWaiting(),
    })
  }

  get ownership(): Ownership {
    return this.#ownership
  }

  /** For whoever asks why something waits. */
  get lanes(): readonly Readonly<Lane>[] {
    return this.#lanes.all()
  }

  /** For metrics. */
  get load(): { lanes: number; inFlight: number; unrecorded: number; breakersOpen: number } {
    return {
      lanes: this.#lanes.size,
      inFlight: this.#dispatcher.inFlight,
      unrecorded: this.#outcomes.unrecorded,
      breakersOpen: this.#lanes.all().filter((lane) => lane.breaker.openUntil !== null).length,
    }
  }

  /** For how long what could start at once under this budget has been waiting for its turn. */
  lagMs(budget: Budget): number {
    const since = this.#dispatcher.waitingSince(budget)
    return since === null ? 0 : Math.max(0, this.#parts.clock.now().getTime() - since.getTime())
  }

  async start(): Promise<void> {
    await this.#ownership.start()
    this.#timers = [
      setInterval(() => void this.#reader.sweepSome(this.#ownership.shards), SWEEP_MS / SWEEPS),
      setInterval(() => void this.#bundles.look(), UNPACK_MS),
      setInterval(() => this.#tidy(), REMEMBERED_MS),
      setInterval(() => this.#dispatcher.pump(), PUMP_MS),
    ]
  }

  /** Ends what has started, records it and gives the shards back; nothing is lost and nothing is sent twice. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#ownership.close()
    this.#alarms.clear()
  }

  /** Resolves when nothing is under way and nothing that is due could start: what is left waits for the clock. */
  async settled(): Promise<void> {
    const isSettled = () =>
      this.#dispatcher.isIdle &&
      this.#outcomes.unrecorded === 0 &&
      this.#reader.isIdle &&
      this.#targets.isIdle &&
      this.#marks.isIdle &&
      this.#bundles.isIdle
    while (!isSettled()) await this.#change()
  }

  /** What is accepted now and goes out from here at once: it is stored in bundles, where that is worth it. */
  ownWork(events: ReadonlyMap<string, number>): OwnWork | null {
    if (!this.#ownership.mayStart() || !this.#outcomes.keepsUp || this.#lanes.isFull) return null
    return chooseOwnWork(events, {
      lanes: this.#lanes,
      workerId: this.#ownership.workerId,
      epochOf: (shard) => this.#ownership.epochOf(shard),
      bundledFrom: this.#parts.bundledFrom ?? BUNDLED_FROM,
    })
  }

  /**
   * Takes committed deliveries straight from memory.
   * @returns those of shards that this process does not own
   */
  take(deliveries: readonly PlannedDelivery[]): PlannedDelivery[] {
    const foreign: PlannedDelivery[] = []
    const touched = new Set<Lane>()
    for (const planned of deliveries) {
      if (!this.#lanes.owns(planned.shard)) {
        foreign.push(planned)
        continue
      }
      const lane = this.#lanes.of(planned)
      this.#offer(lane, { ...planned, queue: 'first', attemptsMade: 0, taskId: null })
      touched.add(lane)
    }
    for (const lane of touched) this.#dispatcher.place(lane)
    this.#dispatcher.pump()
    return foreign
  }

  /** Something new is pending in these lanes, or their endpoints have changed: read them. */
  hint(hints: readonly LaneHint[]): void {
    for (const hint of hints) {
      if (!this.#lanes.owns(hint.shard)) continue
      const lane = this.#lanes.of(hint)
      for (const queue of QUEUES) lane.queues[queue].unread = true
      if (hint.isChanged) this.#targets.outdate(lane)
      this.#dispatcher.place(lane)
    }
  }

  /** Hints may have been missed: look through everything that is ours. */
  hintsMissed(): void {
    void this.#reader.sweep(this.#ownership.shards)
  }

  /** A new delivery: into memory if it is next there, else it waits in the database. */
  #offer(lane: Lane, delivery: Delivery): void {
    if (this.#lanes.knows(lane, delivery)) return
    const queue = lane.queues[delivery.queue]
    // what a read brings is put before it; in order goes only what was read, as others may have accepted something earlier
    const comesTooEarly = queue.unread || lane.target?.ordering === 'fifo'
    if (delivery.dueAt > this.#parts.clock.now()) this.#dueLater(lane, delivery.queue, delivery.dueAt)
    else if (comesTooEarly || queue.due.length >= this.#reader.roomOf(lane) || this.#lanes.isFull) {
      queue.unread = true
      if (delivery.bundle) this.#unpackFor(lane)
    } else this.#lanes.hold(lane, delivery.queue, delivery)
  }

  #unpackFor(lane: Lane): void {
    lane.rows.begin(performance.now())
    this.#bundles.unpackSoon()
  }

  #unpacked(names: readonly LaneName[], tooSlow: boolean): void {
    for (const { endpointId } of names) {
      const lane = this.#lanes.get(endpointId)
      if (!lane) continue
      lane.readFrom.first = LONG_AGO
      if (tooSlow) lane.rows.begin(performance.now())
    }
    this.hint(names.map((name) => ({ ...name, isChanged: false })))
    this.#dispatcher.pump()
  }

  #dueLater(lane: Lane, name: Queue, at: Date): void {
    const queue = lane.queues[name]
    if (queue.nextDueAt === null || at < queue.nextDueAt) queue.nextDueAt = at
    this.#alarms.set(lane, at)
  }

  /** What the lane waited for may have come. */
  #ring(lane: Lane): void {
    if (!this.#lanes.isLive(lane)) return
    const now = this.#parts.clock.now()
    if (lane.pausedUntil !== null && lane.pausedUntil <= now) lane.pausedUntil = null
    else if (lane.pausedUntil !== null) this.#alarms.set(lane, lane.pausedUntil)
    for (const name of QUEUES) {
      const queue = lane.queues[name]
      if (queue.nextDueAt === null) continue
      if (queue.nextDueAt > now) this.#alarms.set(lane, queue.nextDueAt)
      else {
        queue.nextDueAt = null
        queue.unread = true
      }
    }
    this.#dispatcher.place(lane)
    this.#dispatcher.pump()
  }

  #changed(lane: Lane): void {
    if (lane.target === null) this.#targets.want(lane)
    this.#dispatcher.place(lane)
  }

  #gained(shards: readonly OwnedShard[]): void {
    this.#careful.add(shards)
    void this.#chargeInHand(shards).finally(() => void this.#reader.sweep(shards.map((shard) => shard.number)))
  }

  /** Deliveries under way when careful owners died: each has had a failed attempt. */
  async #chargeInHand(shards: readonly OwnedShard[]): Promise<void> {
    const { database, readTargets, clock, log } = this.#parts
    try {
      for (const { delivery, target } of await readInHand(database, shards, (all) => readTargets(all, clock.now()))) {
        if (!this.#lanes.owns(delivery.shard)) continue
        const lane = this.#lanes.of(delivery)
        if (this.#lanes.knows(lane, delivery)) continue // a hint or a sweep was faster: it is being sent again
        lane.held.set(delivery.deliveryId, delivery.attemptsMade)
        this.#outcomes.record(lane, brokenAttempt({ ...this.#parts, delivery, target, random: 0 }).record, false)
      }
    } catch (error) {
      log.warn({ event: 'delivery.charge_failed', reason: reasonOf(error) })
    }
  }

  #lost(): void {
    this.#dispatcher.interrupt()
    this.#outcomes.drop()
    this.#careful.forgetAll()
    for (const lane of this.#lanes.all()) this.#forget(lane)
    this.#wakeWaiting()
  }

  #forget(lane: Lane): void {
    this.#lanes.forget(lane)
    this.#dispatcher.forget(lane)
    this.#reader.forget(lane)
    this.#targets.forget(lane)
    this.#alarms.cancel(lane)
  }

  #tidy(): void {
    for (const lane of this.#lanes.tidy()) this.#forget(lane)
  }

  #refreshed(lane: Lane, known: Target | null): void {
    const { target } = lane
    if (!target) return
    if (known && known.url !== target.url) {
      this.#parts.outgoing.closeIdle(lane.endpointId)
      lane.pausedUntil = null
      lane.recoveredAt = null
    }
    const isOutOfOrder = known === null && target.ordering === 'fifo' // it took what came
    if (isOutOfOrder || (known && known.version !== target.version)) this.#lanes.reload(lane) // or payloads were erased
    this.#marks.follow(lane, target)
    this.#dispatcher.place(lane)
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wakeWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
