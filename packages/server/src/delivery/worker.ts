import type { Logger } from 'pino'
import type { Clock, DatabaseClock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { AddressPolicy, Outgoing } from '#src/adapters/outgoing/outgoing.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { PlannedDelivery } from '#src/events/accept.ts'
import { Alarms } from './alarms.ts'
import {
  type AttemptEnd,
  type Attempted,
  type AttemptParts,
  attemptDelivery,
  brokenAttempt,
  canceledAttempt,
} from './attempt.ts'
import { breakerAdmits, breakerAfterEnd, breakerAfterStart, breakerUnused } from './breaker.ts'
import { CarefulShards } from './careful.ts'
import { type Delivery, nextQueueOf, QUEUES, type Queue } from './delivery.ts'
import type { Failpoint } from './failpoint.ts'
import { moveFailureClock } from './failure-clock.ts'
import { BUDGETS, type Budget, heldName, Lane } from './lane.ts'
import type { DeliveryMetrics } from './metrics.ts'
import { type LeaseTimes, type OwnedShard, Ownership } from './ownership.ts'
import { Recorder } from './recorder.ts'
import { Ring } from './ring.ts'
import { createLaneSigner } from './signer.ts'
import {
  type AttemptRecord,
  type EndpointChange,
  findLanes,
  type LaneRead,
  readCanceled,
  readDeliveries,
  readLanes,
} from './store.ts'
import { TokenBucket } from './token-bucket.ts'

/** What a worker may have under way at once. First attempts, retries and replays never use up each other's share. */
export type WorkerLimits = Record<Budget, number> & { inFlightMax: number; payloadBytesMax: number }

export const WORKER_LIMITS: WorkerLimits = {
  inFlightMax: 1_000,
  payloadBytesMax: 64 * 1024 * 1024,
  first: 1_000,
  retry: 500,
  replay: 250,
  suspect: 200,
}

/** Deliveries of a queue that a lane keeps in memory: a read's worth for each attempt it may have under way, or few. */
const WINDOW_PER_ATTEMPT = 16
const WINDOW_MIN = 64
const WINDOW_MAX = 1_024
const WINDOW_SUSPECT = 8
/** All lanes together. */
const HELD_MAX = 50_000
const LANES_PER_READ = 100
const READS_MAX = 2
const CANCELED_PER_READ = 500
/** A changed endpoint is obeyed by every attempt that starts later than this after the change. */
const TARGET_AGE_MS_MAX = 900
/** While a lane is in use, its endpoint is read again at this age, so that nothing waits for it. */
const TARGET_REFRESH_MS = 450
/** Before its first 2xx an endpoint may be anybody's: one request a second. */
const UNPROVEN_RATE = 1
/** Rows become visible within this time of their due time: the longest accepting transaction, and some. */
const LATE_COMMIT_MS = 15_000
/** All shards are swept once in this time, for what no hint told us. */
const SWEEP_MS = 10_000
const SWEEPS = 20
/** How long what has ended is remembered: longer than any read or hint that may still bring it. */
const REMEMBERED_MS = 10_000
/** Outcomes that cannot be written for this long after the last attempt are left: their deliveries are sent again. */
const DRAIN_MS_MAX = 2_000
/** A lane that has had nothing to do for this long is forgotten, its decrypted secrets with it. */
const IDLE_MS_MAX = 60_000

/** What a hint names: a lane in which something new is pending. */
export type LaneName = { accountId: string; endpointId: string; shard: number }

type Parts = {
  database: Database
  leaseDatabase: Database
  clock: Clock
  databaseClock: DatabaseClock | null // null when a test moves the clock
  ids: IdSource
  random: () => number
  outgoing: Outgoing
  readTargets: (keys: { accountId: string; endpointId: string }[], now: Date) => Promise<Target[]>
  policyOf: (target: Target) => AddressPolicy
  failpoint: Failpoint
  metrics: DeliveryMetrics
  log: Logger
  limits?: Partial<WorkerLimits>
  leaseTimes?: LeaseTimes
}

/**
 * Delivers what is pending in the shards that this process owns: lane by lane, in turn between accounts, within budgets.
 * Holds no transaction and no connection while a request is out.
 */
export class DeliveryWorker {
  readonly #parts: Parts
  readonly #limits: WorkerLimits
  readonly #ownership: Ownership
  readonly #recorder: Recorder
  readonly #lanes = new Map<string, Lane>()
  readonly #rings: Record<Budget, Ring<Lane>> = {
    first: new Ring(),
    retry: new Ring(),
    replay: new Ring(),
    suspect: new Ring(),
  }
  readonly #inFlight: Record<Budget, number> = { first: 0, retry: 0, replay: 0, suspect: 0 }
  readonly #alarms: Alarms<Lane>
  readonly #toRead = new Set<Lane>()
  readonly #toRefresh = new Set<Lane>()
  readonly #careful: CarefulShards
  #abort = new AbortController()
  #inFlightAll = 0
  #payloadBytes = 0
  #heldCount = 0
  #reads = 0
  #refreshes = 0
  #sweeping = 0
  #deferred = 0
  #pumping = false
  #remembered: [Set<string>, Set<string>] = [new Set(), new Set()]
  #nextSweep = 0
  #timers: NodeJS.Timeout[] = []
  #settledWaiters: (() => void)[] = []

  constructor(parts: Parts) {
    this.#parts = parts
    this.#limits = { ...WORKER_LIMITS, ...parts.limits }
    this.#careful = new CarefulShards(parts.database)
    this.#alarms = new Alarms(parts.clock, (lane) => this.#onAlarm(lane))
    this.#ownership = new Ownership({
      database: parts.leaseDatabase,
      clock: parts.databaseClock,
      log: parts.log,
      ...(parts.leaseTimes ? { times: parts.leaseTimes } : {}),
      events: {
        gained: (shards) => this.#gained(shards),
        releasing: (shards) => this.#releasing(shards),
        lost: () => this.#lost(),
      },
    })
    this.#recorder = new Recorder({
      database: parts.database,
      workerId: () => this.#ownership.workerId,
      changeOf: (endpointId) => this.#changeOf(endpointId),
      settle: (record, written) => this.#settle(record, written),
      log: parts.log,
      onFlush: (records, refused) => parts.metrics.recorded(records, refused),
    })
  }

  get ownership(): Ownership {
    return this.#ownership
  }

  /** Lanes whose breaker is open, attempts under way: for metrics. */
  get load(): { lanes: number; inFlight: number; unrecorded: number; breakersOpen: number } {
    let breakersOpen = 0
    for (const lane of this.#lanes.values()) if (lane.breaker.openUntil !== null) breakersOpen += 1
    return { lanes: this.#lanes.size, inFlight: this.#inFlightAll, unrecorded: this.#recorder.size, breakersOpen }
  }

  async start(): Promise<void> {
    await this.#ownership.start()
    this.#timers = [
      setInterval(() => this.#sweepSome(), SWEEP_MS / SWEEPS),
      setInterval(() => this.#tidy(), REMEMBERED_MS),
      // a lane may wait for nothing but the lease to be safe again
      setInterval(() => this.#pump(), 250),
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
    while (!this.#isSettled()) await new Promise<void>((resolve) => this.#settledWaiters.push(resolve))
  }

  // — what comes in —

  /**
   * Takes committed deliveries straight from memory.
   * @returns those of shards that this process does not own
   */
  take(deliveries: readonly PlannedDelivery[]): PlannedDelivery[] {
    const foreign: PlannedDelivery[] = []
    const touched = new Set<Lane>()
    const now = this.#parts.clock.now()
    for (const planned of deliveries) {
      if (!this.#ownership.takes(planned.shard)) {
        foreign.push(planned)
        continue
      }
      const lane = this.#laneOf(planned)
      this.#offer(lane, { ...planned, queue: 'first', attemptsMade: 0 }, now)
      touched.add(lane)
    }
    for (const lane of touched) this.#place(lane)
    this.#pump()
    return foreign
  }

  /** Something new is pending in these lanes: read them. */
  hint(names: readonly LaneName[]): void {
    for (const name of names) {
      if (!this.#ownership.takes(name.shard)) continue
      const lane = this.#laneOf(name)
      for (const queue of QUEUES) lane.queues[queue].unread = true
      this.#wantRefresh(lane)
      this.#place(lane)
    }
    this.#pump()
  }

  /** Hints may have been missed: look through everything that is ours. */
  hintsMissed(): void {
    void this.#sweep(this.#ownership.shards)
  }

  #offer(lane: Lane, delivery: Delivery, now: Date): void {
    const queue = lane.queues[delivery.queue]
    if (this.#knows(lane, delivery)) return
    if (delivery.dueAt > now) this.#dueLater(lane, queue, delivery.dueAt)
    else if (queue.unread || queue.reading || queue.due.length >= this.#windowOf(lane) || this.#isFull())
      queue.unread = true
    else this.#hold(lane, queue.due, delivery)
  }

  #hold(lane: Lane, due: Delivery[], delivery: Delivery): void {
    lane.held.add(heldName(delivery))
    this.#enter(delivery)
    due.push(delivery)
  }

  #enter(delivery: Delivery): void {
    this.#heldCount += 1
    this.#payloadBytes += delivery.payload?.length ?? 0
  }

  #leave(delivery: Delivery): void {
    this.#heldCount -= 1
    this.#payloadBytes -= delivery.payload?.length ?? 0
  }

  #dueLater(lane: Lane, queue: { nextDueAt: Date | null }, at: Date): void {
    if (queue.nextDueAt === null || at < queue.nextDueAt) queue.nextDueAt = at
    this.#alarms.set(lane, at)
  }

  #knows(lane: Lane, delivery: Delivery): boolean {
    const name = heldName(delivery)
    return lane.held.has(name) || this.#remembered[0].has(name) || this.#remembered[1].has(name)
  }

  #isFull(): boolean {
    return this.#payloadBytes >= this.#limits.payloadBytesMax || this.#heldCount >= HELD_MAX
  }

  #laneOf(name: LaneName): Lane {
    const known = this.#lanes.get(name.endpointId)
    if (known) return known
    const lane = new Lane(name.accountId, name.endpointId, name.shard)
    this.#lanes.set(name.endpointId, lane)
    return lane
  }

  // — ownership —

  #gained(shards: readonly OwnedShard[]): void {
    this.#careful.add(shards)
    void this.#chargeInHand(shards).finally(() => this.#sweep(shards.map((shard) => shard.number)))
  }

  /** Deliveries under way when careful owners died: each has had a failed attempt. */
  async #chargeInHand(shards: readonly OwnedShard[]): Promise<void> {
    const noted = shards.flatMap(({ number, inHand }) => (inHand === null ? [] : { shard: number, deliveryId: inHand }))
    if (noted.length === 0) return
    const { database, readTargets, clock } = this.#parts
    try {
      const deliveries = await readDeliveries(database, noted)
      const targets = await readTargets(deliveries, clock.now())
      for (const delivery of deliveries) {
        const target = targets.find(({ endpointId }) => endpointId === delivery.endpointId)
        const epoch = this.#ownership.epochOf(delivery.shard)
        if (!target || epoch === undefined) continue
        const lane = this.#laneOf(delivery)
        lane.held.add(heldName(delivery))
        this.#record(lane, { ...brokenAttempt({ ...this.#parts, delivery, target, random: 0 }).record, epoch }, false)
      }
    } catch (error) {
      this.#parts.log.warn({ event: 'delivery.charge_failed', reason: nameOf(error) })
    }
  }

  async #releasing(shards: readonly number[]): Promise<void> {
    const given = new Set(shards)
    const lanes = [...this.#lanes.values()].filter((lane) => given.has(lane.shard))
    for (const lane of lanes) {
      lane.closing = true
      this.#place(lane)
    }
    while (lanes.some((lane) => lane.inFlight > 0))
      await new Promise<void>((resolve) => this.#settledWaiters.push(resolve))
    await this.#recorder.drain(DRAIN_MS_MAX)
    for (const lane of lanes) this.#forget(lane)
  }

  #lost(): void {
    this.#abort.abort()
    this.#abort = new AbortController()
    this.#recorder.drop()
    this.#careful.forgetAll()
    for (const lane of [...this.#lanes.values()]) this.#forget(lane)
    this.#notifySettled()
  }

  #forget(lane: Lane): void {
    lane.closing = true
    for (const budget of BUDGETS) this.#rings[budget].remove(lane)
    for (const queue of QUEUES) {
      for (const delivery of lane.queues[queue].due) this.#leave(delivery)
      lane.queues[queue].due = []
    }
    this.#toRead.delete(lane)
    this.#toRefresh.delete(lane)
    this.#alarms.cancel(lane)
    if (this.#lanes.get(lane.endpointId) === lane) this.#lanes.delete(lane.endpointId)
  }

  /** Still this worker's lane, of a shard that it holds? */
  #isLive(lane: Lane): boolean {
    return (
      !lane.closing && this.#lanes.get(lane.endpointId) === lane && this.#ownership.epochOf(lane.shard) !== undefined
    )
  }

  /** What waited for one attempt of the shard to be settled. */
  #placeShard(shard: number): void {
    for (const lane of this.#lanes.values()) if (lane.shard === shard) this.#place(lane)
  }

  // — turns —

  /** Puts the lane into the rings in which it can send now, and asks for what it lacks. */
  #place(lane: Lane): void {
    const ready = this.#isLive(lane) && this.#isReady(lane)
    for (const budget of BUDGETS) {
      const waits = ready && lane.next(budget) !== undefined
      if (waits) this.#rings[budget].add(lane)
      else this.#rings[budget].remove(lane)
    }
    if (this.#isLive(lane)) this.#wantRead(lane)
  }

  #isReady(lane: Lane): boolean {
    if (!QUEUES.some((queue) => lane.queues[queue].due.length > 0)) return false
    if (lane.deferred || lane.pausedUntil !== null || lane.disable !== null) return false
    if (!this.#careful.admits(lane.shard)) return false
    const ageMs = this.#targetAgeMs(lane)
    if (ageMs > TARGET_REFRESH_MS) this.#wantRefresh(lane)
    if (lane.target === null || ageMs > TARGET_AGE_MS_MAX) return false
    return lane.inFlight < lane.target.maxConcurrency
  }

  #targetAgeMs(lane: Lane): number {
    return lane.targetReadAt === null
      ? Number.POSITIVE_INFINITY
      : this.#parts.clock.now().getTime() - lane.targetReadAt.getTime()
  }

  /** Starts what may start, one lane of each budget in turn. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      let started = true
      while (started && this.#maySend()) {
        started = false
        for (const budget of BUDGETS) {
          if (this.#inFlight[budget] >= this.#limits[budget] || !this.#maySend()) continue
          const lane = this.#rings[budget].take()
          if (!lane) continue
          this.#startOne(lane, budget)
          started = true
        }
      }
    } finally {
      this.#pumping = false
    }
    this.#notifySettled()
  }

  #maySend(): boolean {
    return this.#inFlightAll < this.#limits.inFlightMax && this.#recorder.keepsUp && this.#ownership.mayStart()
  }

  #startOne(lane: Lane, budget: Budget): void {
    const { target } = lane
    const next = this.#isLive(lane) && target && this.#isReady(lane) ? lane.next(budget) : undefined
    if (target && next) this.#startNext(lane, target, next, budget)
    this.#place(lane)
  }

  #startNext(
    lane: Lane,
    target: Target,
    { queue, index, delivery }: { queue: Queue; index: number; delivery: Delivery },
    budget: Budget,
  ): void {
    if (lane.cancels(delivery)) {
      lane.queues[queue].due.splice(index, 1)
      this.#cancel(lane, target, delivery)
      return
    }
    const pausedUntil = this.#pauseOf(lane, target, this.#parts.clock.now())
    if (pausedUntil !== null) {
      lane.pausedUntil = pausedUntil
      this.#alarms.set(lane, pausedUntil)
      return
    }
    lane.queues[queue].due.splice(index, 1)
    lane.breaker = breakerAfterStart(lane.breaker)
    lane.turn = (lane.turn + 1) % QUEUES.length
    lane.inFlight += 1
    lane.usedAtMs = performance.now()
    this.#inFlight[budget] += 1
    this.#inFlightAll += 1
    void this.#attempt(lane, target, delivery, budget)
  }

  /** Until when the endpoint's breaker or rate holds the next attempt back; null: it may start, and a token is taken. */
  #pauseOf(lane: Lane, target: Target, now: Date): Date | null {
    const admission = breakerAdmits(lane.breaker, now)
    // without a moment, a probe is out: its end places the lane again
    if (!admission.admits) return admission.until ?? new Date(now.getTime() + target.timeoutMs)
    const rate = target.provenAt === null ? UNPROVEN_RATE : target.throttleRate
    if (rate === null) {
      lane.bucket = null
      return null
    }
    lane.bucket ??= new TokenBucket(rate, now)
    lane.bucket.setRate(rate, now)
    const token = lane.bucket.take(now)
    return token.taken ? null : token.at
  }

  // — one attempt —

  async #attempt(lane: Lane, target: Target, delivery: Delivery, budget: Budget): Promise<void> {
    const epoch = this.#ownership.epochOf(lane.shard) ?? -1
    const parts: AttemptParts = {
      ...this.#parts,
      delivery,
      target,
      policy: this.#parts.policyOf(target),
      random: this.#parts.random(),
      mayWrite: () => this.#ownership.mayStart() && this.#ownership.epochOf(lane.shard) === epoch,
      signal: this.#abort.signal,
    }
    const attempted = await this.#attemptOf(lane, parts)
    lane.inFlight -= 1
    this.#inFlight[budget] -= 1
    this.#inFlightAll -= 1
    this.#leave(delivery)
    lane.breaker =
      attempted.kind === 'attempted'
        ? breakerAfterEnd(lane.breaker, attempted.answered, this.#parts.clock.now())
        : breakerUnused(lane.breaker)
    lane.pausedUntil = null // judged anew at the next start
    if (this.#ownership.epochOf(lane.shard) === epoch && this.#lanes.get(lane.endpointId) === lane) {
      if (attempted.kind === 'attempted') this.#ended(lane, delivery, epoch, attempted, budget)
      else this.#returned(lane, delivery, attempted)
    }
    this.#place(lane)
    this.#pump()
  }

  async #attemptOf(lane: Lane, parts: AttemptParts): Promise<AttemptEnd> {
    try {
      await this.#careful.enter(lane.shard, parts.delivery.deliveryId)
    } catch {
      return { kind: 'stopped' } // not noted, so not sent
    }
    try {
      return await attemptDelivery(parts, this.#signerOf(lane, parts.target))
    } catch (error) {
      const { deliveryId } = parts.delivery
      this.#parts.log.error({ event: 'delivery.attempt_broken', deliveryId, reason: nameOf(error) })
      return brokenAttempt(parts)
    }
  }

  /** It met an outcome: what becomes of the delivery and of its endpoint is decided and goes to be recorded. */
  #ended(lane: Lane, delivery: Delivery, epoch: number, attempted: Attempted, budget: Budget): void {
    const { met, record } = attempted
    const { target } = lane
    let changesEndpoint = false
    // an answer says nothing about an endpoint that has been given another URL meanwhile
    if (target && target.url === record.url) {
      const moved = moveFailureClock(
        target.failureClock,
        { ...met, cause: delivery.cause, endedAt: attempted.endedAt },
        target.failurePolicy,
      )
      const proves = record.state.status === 'delivered' && target.provenAt === null
      changesEndpoint = proves || moved.clock !== target.failureClock || moved.disable !== null
      if (proves) target.provenAt = attempted.endedAt
      target.failureClock = moved.clock
      if (moved.disable && !target.disabled) lane.disable = { reason: moved.disable, at: attempted.endedAt }
      if (proves) lane.pausedUntil = null
    }
    this.#record(lane, { ...record, epoch }, changesEndpoint)
    this.#parts.metrics.attempted(budget, record, delivery)
  }

  /** Nothing was sent: a limit of the destination, or our own stopping. It is still pending and keeps its place. */
  #returned(lane: Lane, delivery: Delivery, reason: { kind: 'deferred'; waitMs: number } | { kind: 'stopped' }): void {
    lane.queues[delivery.queue].due.unshift(delivery)
    this.#enter(delivery)
    this.#careful.leave(lane.shard)
    if (reason.kind === 'stopped' || lane.deferred) return
    lane.deferred = true
    this.#deferred += 1
    setTimeout(() => {
      this.#deferred -= 1
      lane.deferred = false
      this.#place(lane)
      this.#pump()
    }, reason.waitMs)
  }

  #cancel(lane: Lane, target: Target, delivery: Delivery): void {
    this.#leave(delivery)
    const epoch = this.#ownership.epochOf(lane.shard)
    if (epoch === undefined) return
    const record = canceledAttempt(delivery, target, this.#parts.clock.now(), this.#parts.ids)
    this.#record(lane, { ...record, epoch }, false)
  }

  #record(lane: Lane, record: AttemptRecord, changesEndpoint: boolean): void {
    lane.unsettled += 1
    this.#recorder.add(record, changesEndpoint)
    const { delivery, outcome, state, durationMs, startedAt } = record
    this.#parts.log.info({
      event: 'delivery.attempted',
      eventId: delivery.eventId,
      endpointId: delivery.endpointId,
      deliveryId: delivery.deliveryId,
      attemptId: record.id,
      attempt: delivery.attemptsMade + 1,
      cause: delivery.cause,
      outcome,
      status: record.statusCode,
      decision: state.status,
      durationMs: Math.round(durationMs),
      lagMs: startedAt.getTime() - delivery.dueAt.getTime(),
    })
  }

  #signerOf(lane: Lane, target: Target) {
    const now = this.#parts.clock.now()
    if (lane.signer === null || (lane.signerUntil !== null && lane.signerUntil <= now)) {
      const { signer, until } = createLaneSigner(target.secrets, now)
      lane.signer = signer
      lane.signerUntil = until
    }
    return lane.signer
  }

  #changeOf(endpointId: string): EndpointChange | undefined {
    const lane = this.#lanes.get(endpointId)
    const target = lane?.target
    if (!lane || !target) return undefined
    const { accountId, version, provenAt, failureClock } = target
    return { accountId, endpointId, version, provenAt, failureClock, disable: lane.disable }
  }

  /** A record is settled: the delivery is finished, or waits for its next due time. */
  #settle(record: AttemptRecord, written: boolean): void {
    const { delivery, state } = record
    const lane = this.#lanes.get(delivery.endpointId)
    if (!lane || lane.shard !== delivery.shard) return
    this.#remembered[0].add(heldName(delivery))
    lane.unsettled -= 1
    if (this.#careful.leave(lane.shard)) this.#placeShard(lane.shard)
    lane.held.delete(heldName(delivery))
    if (!written) {
      this.#forget(lane)
      return
    }
    if (lane.disable && lane.target) {
      lane.target.disabled = true
      lane.disable = null
      this.#wantRefresh(lane)
    }
    if (record.endsPlanned) this.#dropPlanned(lane, record)
    if (state.status === 'pending') {
      const queue = lane.queues[nextQueueOf(delivery)]
      this.#dueLater(lane, queue, state.nextAttemptAt)
    }
    this.#place(lane)
    this.#pump()
  }

  #dropPlanned(lane: Lane, record: AttemptRecord): void {
    for (const name of QUEUES) {
      const queue = lane.queues[name]
      const ended = queue.due.filter(
        (held) =>
          held.eventId === record.delivery.eventId &&
          held.deliveryId !== record.delivery.deliveryId &&
          (held.cause === 'event' || held.cause === 'replay'),
      )
      for (const held of ended) {
        queue.due.splice(queue.due.indexOf(held), 1)
        lane.held.delete(heldName(held))
        this.#leave(held)
      }
    }
  }

  // — reading —

  #onAlarm(lane: Lane): void {
    if (!this.#isLive(lane)) return
    const now = this.#parts.clock.now()
    if (lane.pausedUntil !== null && lane.pausedUntil <= now) lane.pausedUntil = null
    else if (lane.pausedUntil !== null) this.#alarms.set(lane, lane.pausedUntil)
    for (const name of QUEUES) {
      const queue = lane.queues[name]
      if (queue.nextDueAt === null) continue
      if (queue.nextDueAt <= now) {
        queue.nextDueAt = null
        queue.unread = true
      } else this.#alarms.set(lane, queue.nextDueAt)
    }
    this.#place(lane)
    this.#pump()
  }

  #windowOf(lane: Lane): number {
    if (lane.isSuspect) return WINDOW_SUSPECT
    const wanted = (lane.target?.maxConcurrency ?? 0) * WINDOW_PER_ATTEMPT
    return Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, wanted))
  }

  #wantRead(lane: Lane): void {
    const window = this.#windowOf(lane)
    const wants = QUEUES.some((name) => {
      const queue = lane.queues[name]
      return (
        queue.unread && !queue.reading && queue.due.length <= window / 2 && !(this.#isFull() && queue.due.length > 0)
      )
    })
    if (!wants) return
    this.#toRead.add(lane)
    this.#readSoon()
  }

  #readSoon(): void {
    if (this.#reads >= READS_MAX || this.#toRead.size === 0) return
    this.#reads += 1
    setImmediate(() => {
      void this.#readSome().finally(() => {
        this.#reads -= 1
        this.#readSoon()
        this.#pump()
      })
    })
  }

  async #readSome(): Promise<void> {
    const now = this.#parts.clock.now()
    const reads: (LaneRead & { lane: Lane })[] = []
    for (const lane of this.#toRead) {
      if (reads.length >= LANES_PER_READ) break
      this.#toRead.delete(lane)
      if (!this.#isLive(lane)) continue
      for (const name of QUEUES) {
        const queue = lane.queues[name]
        if (!queue.unread || queue.reading) continue
        queue.reading = true
        queue.unread = false
        reads.push({
          lane,
          endpointId: lane.endpointId,
          shard: lane.shard,
          queue: name,
          limit: this.#windowOf(lane) - queue.due.length,
          dueFrom: lane.readFrom[name],
        })
      }
    }
    if (reads.length === 0) return
    try {
      const held = reads.flatMap(({ lane }) => [...lane.held].map(deliveryIdOf))
      const windows = await readLanes(this.#parts.database, reads, [...new Set(held)], now)
      reads.forEach((read, index) => {
        const window = windows[index]
        if (window) this.#readDone(read, window, now)
      })
    } catch (error) {
      this.#parts.log.warn({ event: 'delivery.read_failed', reason: nameOf(error) })
      for (const { lane, queue } of reads) {
        lane.queues[queue].reading = false
        lane.queues[queue].unread = true
      }
      await this.#untilReadable()
      for (const { lane } of reads) if (this.#isLive(lane)) this.#toRead.add(lane)
    }
  }

  /** The database did not answer: the next read waits a moment instead of asking at full speed. */
  async #untilReadable(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 200))
  }

  #readDone(
    { lane, queue: name, limit }: LaneRead & { lane: Lane },
    window: { due: Delivery[]; nextDueAt: Date | null },
    now: Date,
  ): void {
    const queue = lane.queues[name]
    queue.reading = false
    if (!this.#isLive(lane)) return
    for (const delivery of window.due) {
      if (!this.#knows(lane, delivery)) this.#hold(lane, queue.due, delivery)
    }
    queue.due.sort(inOrder)
    if (window.due.length >= limit) queue.unread = true
    else
      lane.readFrom[name] = new Date(
        Math.min(now.getTime() - LATE_COMMIT_MS, queue.due[0]?.dueAt.getTime() ?? Number.POSITIVE_INFINITY),
      )
    if (window.nextDueAt !== null) this.#dueLater(lane, queue, window.nextDueAt)
    if (lane.target === null) this.#wantRefresh(lane)
    this.#place(lane)
  }

  // — endpoints —

  #wantRefresh(lane: Lane): void {
    this.#toRefresh.add(lane)
    if (this.#refreshes > 0) return
    this.#refreshes += 1
    setImmediate(() => {
      void this.#refreshSome().finally(() => {
        this.#refreshes -= 1
        const [next] = this.#toRefresh
        if (next) this.#wantRefresh(next)
        this.#pump()
      })
    })
  }

  async #refreshSome(): Promise<void> {
    const lanes = [...this.#toRefresh].slice(0, LANES_PER_READ)
    for (const lane of lanes) this.#toRefresh.delete(lane)
    const now = this.#parts.clock.now()
    try {
      const targets = await this.#parts.readTargets(lanes, now)
      const byId = new Map(targets.map((target) => [target.endpointId, target]))
      for (const lane of lanes) {
        const target = byId.get(lane.endpointId)
        if (target && this.#isLive(lane)) this.#refreshed(lane, target, now)
      }
    } catch (error) {
      this.#parts.log.warn({ event: 'delivery.endpoints_unread', reason: nameOf(error) })
      await this.#untilReadable()
      for (const lane of lanes) if (this.#isLive(lane)) this.#toRefresh.add(lane)
    }
  }

  #refreshed(lane: Lane, target: Target, readAt: Date): void {
    const known = lane.target
    if (known && known.version === target.version) {
      // what this worker has learnt since, and is about to write, is newer than what was read
      target.failureClock = known.failureClock
      target.provenAt = known.provenAt
    } else {
      lane.signer = null
      if (known && known.url !== target.url) {
        this.#parts.outgoing.closeIdle(lane.endpointId)
        lane.pausedUntil = null
      }
    }
    lane.target = target
    lane.targetReadAt = readAt
    this.#place(lane)
    const mark = target.deletedAt ?? target.canceledBefore
    if (mark !== null && (lane.canceledThrough === null || mark > lane.canceledThrough))
      void this.#cancelMarked(lane, target, mark)
  }

  /** Lets the rows follow a mark, in batches: all planned deliveries made before it, due or not. */
  async #cancelMarked(lane: Lane, target: Target, mark: Date): Promise<void> {
    lane.canceledThrough = mark
    this.#sweeping += 1
    try {
      for (;;) {
        const held = [...new Set([...lane.held].map(deliveryIdOf))]
        const everything = target.deletedAt !== null
        const canceled = await readCanceled(
          this.#parts.database,
          { shard: lane.shard, endpointId: lane.endpointId, everything, createdBefore: mark },
          held,
          CANCELED_PER_READ,
        )
        if (canceled.length === 0 || !this.#isLive(lane)) return
        for (const delivery of canceled) {
          if (this.#knows(lane, delivery)) continue
          lane.held.add(heldName(delivery))
          this.#enter(delivery)
          this.#cancel(lane, target, delivery)
        }
        await this.#recorder.drain(DRAIN_MS_MAX)
      }
    } catch (error) {
      lane.canceledThrough = null
      this.#parts.log.warn({ event: 'delivery.cancel_failed', reason: nameOf(error) })
    } finally {
      this.#sweeping -= 1
      this.#notifySettled()
    }
  }

  // — the backstop —

  #sweepSome(): void {
    const shards = this.#ownership.shards
    if (shards.length === 0) return
    const size = Math.ceil(shards.length / SWEEPS)
    const start = (this.#nextSweep * size) % shards.length
    this.#nextSweep += 1
    void this.#sweep(shards.slice(start, start + size))
  }

  async #sweep(shards: readonly number[]): Promise<void> {
    if (shards.length === 0) return
    this.#sweeping += 1
    try {
      const now = this.#parts.clock.now()
      for (const found of await findLanes(this.#parts.database, shards)) {
        if (!this.#ownership.takes(found.shard)) continue
        const lane = this.#laneOf(found)
        const queue = lane.queues[found.queue]
        if (found.dueAt > now) this.#dueLater(lane, queue, found.dueAt)
        else if (!queue.unread && queue.due.length === 0) {
          queue.unread = true
          lane.readFrom[found.queue] = found.dueAt
          this.#place(lane)
        }
      }
      this.#pump()
    } catch (error) {
      this.#parts.log.warn({ event: 'delivery.sweep_failed', reason: nameOf(error) })
    } finally {
      this.#sweeping -= 1
      this.#notifySettled()
    }
  }

  #tidy(): void {
    this.#remembered = [new Set(), this.#remembered[0]]
    const idleSinceMs = performance.now() - IDLE_MS_MAX
    for (const lane of [...this.#lanes.values()]) if (lane.isIdle && lane.usedAtMs < idleSinceMs) this.#forget(lane)
  }

  // — rest —

  #isSettled(): boolean {
    return (
      this.#inFlightAll === 0 &&
      this.#recorder.size === 0 &&
      this.#reads === 0 &&
      this.#toRead.size === 0 &&
      this.#refreshes === 0 &&
      this.#toRefresh.size === 0 &&
      this.#sweeping === 0 &&
      this.#deferred === 0 &&
      BUDGETS.every((budget) => this.#rings[budget].isEmpty)
    )
  }

  #notifySettled(): void {
    if (this.#settledWaiters.length === 0) return
    const waiters = this.#settledWaiters
    this.#settledWaiters = []
    for (const resolve of waiters) resolve()
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}

/** As they are due; what was accepted in one moment, as it was accepted. */
function inOrder(a: Delivery, b: Delivery): number {
  return a.dueAt.getTime() - b.dueAt.getTime() || (a.eventId < b.eventId ? -1 : 1)
}

function deliveryIdOf(name: string): string {
  return name.slice(0, name.lastIndexOf(':'))
}
