import type { Logger } from 'pino'
import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { AddressPolicy, Outgoing } from '#src/adapters/outgoing/outgoing.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { Target } from '#src/endpoints/target.ts'
import { type AttemptEnd, type Attempted, type AttemptParts, attemptDelivery, brokenAttempt } from './attempt.ts'
import { breakerAdmits, breakerAfterEnd, breakerAfterStart } from './breaker.ts'
import type { CarefulShards } from './careful.ts'
import { type Delivery, QUEUES } from './delivery.ts'
import type { Failpoint } from './failpoint.ts'
import { BUDGETS, type Budget, type Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { Ring } from './ring.ts'
import { createLaneSigner, createTestSigner } from './signer.ts'
import { TokenBucket } from './token-bucket.ts'
import { WIDEN_MS } from './width.ts'

/**
 * What a worker may have under way at once. First attempts, retries and replays never use up each other's share. First
 * attempts that have been out for `SLOW_MS` are counted apart: many endpoints that stop answering at the same moment would
 * else hold up all others until their deadlines.
 */
export type DispatchLimits = Record<Budget, number> & { inFlightMax: number }

export const DISPATCH_LIMITS: DispatchLimits = {
  inFlightMax: 1_000,
  first: 1_000,
  retry: 500,
  replay: 250,
  suspect: 200,
}

/** What answers later is slow; most receivers answer within some tens of ms. */
const SLOW_MS = 1_000
/** As many times `inFlightMax` may be out slowly besides. */
const SLOW_SHARE = 4
/** A changed endpoint is obeyed by every attempt that starts later than this after the change. */
const TARGET_AGE_MS_MAX = 900
/** While a lane is in use, its endpoint is read again at this age, so that nothing waits for it. */
const TARGET_REFRESH_MS = 450
/** Before its first 2xx an endpoint may be anybody's: one request a second. */
const UNPROVEN_RATE = 1

export type DispatcherParts = {
  lanes: Lanes
  careful: CarefulShards
  clock: Clock
  ids: IdSource
  random: () => number
  outgoing: Outgoing
  policyOf: (target: Target) => AddressPolicy
  failpoint: Failpoint
  log: Logger
  limits: DispatchLimits
  /** Is it safe to start an attempt now: the lease is young, and outcomes are being written? */
  maySend: () => boolean
  /** The epoch in which this worker owns the shard. */
  epochOf: (shard: number) => number | undefined
  /** The lane's endpoint has to be read again. */
  wantTarget: (lane: Lane) => void
  /** The lane may have room for more deliveries. */
  wantDeliveries: (lane: Lane) => void
  /** The lane is to be placed again at that moment. */
  wakeAt: (lane: Lane, at: Date) => void
  /** An attempt has met an outcome: it goes to be recorded. */
  attempted: (lane: Lane, attempted: Attempted, budget: Budget) => void
  /** The delivery is not wanted any more: that goes to be recorded. */
  canceled: (lane: Lane, delivery: Delivery) => void
  /** A turn of starting has ended, or an attempt has. */
  done: () => void
}

/** An attempt under way, and whether it is counted apart by now. */
type Started = { budget: Budget; atMs: number; isSlow: boolean }

/** Starts attempts: lanes in turn, accounts in turn, within budgets; and takes up what each of them met. */
export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #rings: Record<Budget, Ring<Lane>> = {
    first: new Ring(),
    retry: new Ring(),
    replay: new Ring(),
    suspect: new Ring(),
  }
  readonly #inFlight: Record<Budget, number> = { first: 0, retry: 0, replay: 0, suspect: 0 }
  #inFlightAll = 0
  /** First attempts that are not slow yet, the oldest first. */
  readonly #young = new Set<Started>()
  #slow = 0
  /** Lanes in which something waits for the end of an attempt, though their endpoints take more at a time. */
  readonly #narrow = new Set<Lane>()
  #widening: NodeJS.Timeout | undefined
  #deferredLanes = 0
  #pumping = false
  #abort = new AbortController()

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  get inFlight(): number {
    return this.#inFlightAll
  }

  /** Nothing is under way, and nothing that is due could start. */
  get isIdle(): boolean {
    return (
      this.#inFlightAll === 0 && this.#deferredLanes === 0 && BUDGETS.every((budget) => this.#rings[budget].isEmpty)
    )
  }

  /** Since when the first of what could start at once under this budget has been due; null: nothing waits for its turn. */
  waitingSince(budget: Budget): Date | null {
    let since: Date | null = null
    for (const lane of this.#rings[budget].lanes()) {
      const dueAt = lane.next(budget)?.delivery.dueAt
      if (dueAt && (since === null || dueAt < since)) since = dueAt
    }
    return since
  }

  /** Puts the lane into the rings in which it can send now, and asks for what it lacks. */
  place(lane: Lane): void {
    const { lanes, wantDeliveries } = this.#parts
    const isLive = lanes.isLive(lane)
    const isReady = isLive && this.#isReady(lane)
    for (const budget of BUDGETS) {
      if (isReady && lane.next(budget) !== undefined) this.#rings[budget].add(lane)
      else this.#rings[budget].remove(lane)
    }
    if (isLive) wantDeliveries(lane)
  }

  forget(lane: Lane): void {
    for (const budget of BUDGETS) this.#rings[budget].remove(lane)
    this.#narrow.delete(lane)
  }

  /** Interrupts everything under way: this worker may not send any more. */
  interrupt(): void {
    this.#abort.abort()
    this.#abort = new AbortController()
  }

  /** Starts what may start, one lane of each budget in turn. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#setSlowApart()
    try {
      while (this.#startRound());
    } finally {
      this.#pumping = false
    }
    this.#parts.done()
  }

  #startRound(): boolean {
    let started = false
    for (const budget of BUDGETS) {
      if (!this.#hasRoom(budget)) continue
      const lane = this.#rings[budget].take()
      if (!lane) continue
      this.#startOf(lane, budget)
      this.place(lane)
      started = true
    }
    return started
  }

  #hasRoom(budget: Budget): boolean {
    const { limits, maySend } = this.#parts
    const hasRoom = this.#inFlight[budget] < limits[budget] && this.#inFlightAll - this.#slow < limits.inFlightMax
    return hasRoom && maySend()
  }

  #setSlowApart(): void {
    const slowMax = this.#parts.limits.inFlightMax * SLOW_SHARE
    const slowSince = performance.now() - SLOW_MS
    for (const started of this.#young) {
      if (started.atMs > slowSince || this.#slow >= slowMax) return
      this.#young.delete(started)
      started.isSlow = true
      this.#slow += 1
      this.#inFlight[started.budget] -= 1
    }
  }

  #start(budget: Budget): Started {
    const started = { budget, atMs: performance.now(), isSlow: false }
    if (budget === 'first') this.#young.add(started)
    this.#inFlight[budget] += 1
    this.#inFlightAll += 1
    return started
  }

  #end(started: Started): void {
    this.#inFlightAll -= 1
    if (started.isSlow) this.#slow -= 1
    else this.#inFlight[started.budget] -= 1
    this.#young.delete(started)
  }

  #isReady(lane: Lane): boolean {
    const { careful, clock, wantTarget } = this.#parts
    if (lane.dueCount === 0) return false
    if (lane.deferred || lane.pausedUntil !== null || lane.disable !== null || !careful.admits(lane.shard)) return false
    const ageMs = lane.targetAgeMs(clock.now())
    if (ageMs > TARGET_REFRESH_MS || lane.mayBeEnabled) wantTarget(lane)
    if (lane.target === null || ageMs > TARGET_AGE_MS_MAX || lane.mayBeEnabled) return false
    if (lane.inFlight >= lane.target.maxConcurrency) return false
    const nowMs = performance.now()
    if (lane.inFlight === 0) lane.width.begin(lane.usedAtMs, nowMs)
    if (lane.width.admits(lane.inFlight)) return true
    lane.width.wait(nowMs)
    this.#narrow.add(lane)
    this.#widenSoon()
    return false
  }

  #widenSoon(): void {
    if (this.#widening || this.#narrow.size === 0) return
    const dueMs = performance.now() + WIDEN_MS
    this.#widening = setTimeout(() => {
      this.#widening = undefined
      this.#widen(performance.now() - dueMs)
      this.#widenSoon()
    }, WIDEN_MS)
  }

  /** Lets more be under way in lanes where that alone is waited for, and for too long. */
  #widen(lateMs: number): void {
    const nowMs = performance.now()
    const state = { lateMs, mayHang: this.#inFlightAll < this.#parts.limits.inFlightMax }
    for (const lane of this.#narrow) {
      const widthMax = lane.target?.maxConcurrency ?? 1
      const isNarrow = lane.dueCount > 0 && lane.inFlight < widthMax && !lane.width.admits(lane.inFlight)
      if (!isNarrow) {
        lane.width.rest()
        this.#narrow.delete(lane)
        continue
      }
      const widening = lane.width.widen(widthMax, lane.dueCount, nowMs, state)
      if (widening === 'wider') this.place(lane)
      if (widening === 'ended') this.#narrow.delete(lane)
    }
    this.pump()
  }

  #startOf(lane: Lane, budget: Budget): void {
    const { lanes, clock, canceled, wakeAt } = this.#parts
    const { target } = lane
    const next = lanes.isLive(lane) && this.#isReady(lane) ? lane.next(budget) : undefined
    if (!target || !next) return
    if (lane.cancels(next.delivery)) {
      lanes.take(lane, next.queue, next.index)
      canceled(lane, next.delivery)
      return
    }
    const pausedUntil = pauseOf(lane, target, clock.now())
    if (pausedUntil !== null) {
      lane.pausedUntil = pausedUntil
      wakeAt(lane, pausedUntil)
      return
    }
    lanes.take(lane, next.queue, next.index)
    lane.breaker = breakerAfterStart(lane.breaker)
    lane.turn = (lane.turn + 1) % QUEUES.length
    const started = this.#start(budget)
    lane.usedAtMs = started.atMs
    lane.inFlight += 1
    void this.#attempt(lane, target, next.delivery, started)
  }

  async #attempt(lane: Lane, target: Target, delivery: Delivery, started: Started): Promise<void> {
    const { lanes, clock, random, policyOf, maySend, epochOf } = this.#parts
    const epoch = epochOf(lane.shard)
    const end = await this.#send(lane, {
      ...this.#parts,
      delivery,
      target,
      policy: policyOf(target),
      random: random(),
      mayWrite: () => maySend() && epochOf(lane.shard) === epoch,
      signal: this.#abort.signal,
    })
    lane.inFlight -= 1
    lane.width.moved(performance.now() - started.atMs)
    this.#end(started)
    lane.pausedUntil = null // judged anew at the next start
    lane.breaker = breakerAfterEnd(lane.breaker, end.kind === 'attempted' ? end.reach : 'unsent', clock.now())
    // else the shard has changed hands meanwhile: its owner sends again
    if (lanes.has(lane) && epochOf(lane.shard) === epoch) {
      if (end.kind === 'attempted') this.#parts.attempted(lane, end, started.budget)
      else this.#returned(lane, delivery, end)
    }
    this.place(lane)
    this.pump()
  }

  async #send(lane: Lane, parts: AttemptParts): Promise<AttemptEnd> {
    const { careful, log } = this.#parts
    const { deliveryId } = parts.delivery
    try {
      await careful.enter(lane.shard, deliveryId)
    } catch {
      return { kind: 'stopped' } // not noted, so not sent
    }
    try {
      return await attemptDelivery(parts, signerOf(lane, parts.target, parts.delivery, parts.clock.now()))
    } catch (error) {
      log.error({
        event: 'delivery.attempt_broken',
        deliveryId,
        reason: reasonOf(error),
      })
      return brokenAttempt(parts)
    }
  }

  /** Nothing was sent: a limit of the destination, or our own stopping. The delivery keeps its place. */
  #returned(lane: Lane, delivery: Delivery, end: { kind: 'deferred'; waitMs: number } | { kind: 'stopped' }): void {
    this.#parts.lanes.putBack(lane, delivery)
    this.#parts.careful.leave(lane.shard)
    if (end.kind === 'stopped' || lane.deferred) return
    lane.deferred = true
    this.#deferredLanes += 1
    setTimeout(() => {
      this.#deferredLanes -= 1
      lane.deferred = false
      this.place(lane)
      this.pump()
    }, end.waitMs)
  }
}

/** Until when the endpoint's breaker or rate holds the next attempt back; null: it may start, and a token is taken. */
function pauseOf(lane: Lane, target: Target, now: Date): Date | null {
  const admission = breakerAdmits(lane.breaker, now)
  // without a moment a probe is out: its end places the lane again
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

function signerOf(lane: Lane, target: Target, { signing }: Delivery, now: Date) {
  if (signing !== null) return createTestSigner(signing, target.secrets, now)
  if (lane.signer === null || (lane.signerUntil !== null && lane.signerUntil <= now)) {
    const { signer, until } = createLaneSigner(target.secrets, now)
    lane.signer = signer
    lane.signerUntil = until
  }
  return lane.signer
}
