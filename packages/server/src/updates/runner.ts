import { randomUUID } from 'node:crypto'
import { addMs } from '#src/adapters/clock.ts'
import { isUniqueViolation } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import { advanceRun } from './advance-run.ts'
import { cleanFeed, removeDeadFeeds } from './clean.ts'
import { type FeedParts, feedNow } from './feed-parts.ts'
import { type Feed, giveFeedsBack, leaseFeeds, nextDueAt, readHeldFeed, releaseFeed, renewFeeds } from './feed-store.ts'
import { noteLostDays } from './lost-days.ts'
import { insertRun, readLastRunDate, readOpenRun } from './run-store.ts'
import { nextFeedStep } from './schedule.ts'

export type FeedRunnerParts = FeedParts & {
  /** How long a lease holds without renewal; default 8,000. */
  leaseMs?: number
}

const LEASE_MS = 8_000
/** The backstop of `wake`: how late another process's request, or the feeds of a dead one, are noticed. */
const POLL_MS = 500
/** Runs of one process side by side: each has a worker's share of connections. */
const FEEDS_AT_ONCE = 3
const RETRY_MS = 5_000
const SWEEP_EVERY_MS = 600_000
/** A feed whose next step is known is looked at again at that moment; the rest of this time is for what was lost. */
const LOOK_AGAIN_MS_MAX = 3_600_000

/**
 * Works on feeds that are due: starts their runs, brings them further, and cleans up at 02:00. Any number of runners share
 * the work; each feed has one at a time, and what one that dies has begun, another goes on with once its lease has passed.
 */
export class FeedRunner {
  readonly #parts: FeedRunnerParts
  readonly #owner = randomUUID()
  readonly #leaseMs: number
  readonly #stop = new AbortController()
  readonly #working = new Map<string, Promise<void>>()
  #timers: NodeJS.Timeout[] = []
  #alarm: { at: Date; cancel(): void } | undefined
  #looking: Promise<void> | undefined
  #lookAgain = false
  #sweepAt: Date
  #sweeping: Promise<void> | undefined
  #settledWaiters: (() => void)[] = []

  constructor(parts: FeedRunnerParts) {
    this.#parts = parts
    this.#leaseMs = parts.leaseMs ?? LEASE_MS
    this.#sweepAt = addMs(parts.clock.now(), SWEEP_EVERY_MS)
  }

  /** Leases run on the database's real time, and so do these timers, whatever `clock` says. */
  start(): void {
    this.#timers = [setInterval(() => this.#poll(), POLL_MS), setInterval(() => void this.#renew(), this.#leaseMs / 4)]
    this.wake()
  }

  #poll(): void {
    this.wake()
    const { clock, log } = this.#parts
    if (clock.now() < this.#sweepAt) return
    this.#sweepAt = addMs(clock.now(), SWEEP_EVERY_MS)
    this.#sweeping ??= removeDeadFeeds(this.#parts, this.#stop.signal)
      .catch((error: unknown) => log.warn({ event: 'feed.sweep_failed', reason: reasonOf(error) }))
      .finally(() => {
        this.#sweeping = undefined
      })
  }

  /** A feed may be due: call it after one has been called (`callFeed`). */
  wake(): void {
    if (this.#stop.signal.aborted) return
    this.#lookAgain = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
      this.#notifySettled()
    })
  }

  /** Ends within the statements under way, and leaves the feeds to others. */
  async close(): Promise<void> {
    this.#stop.abort()
    for (const timer of this.#timers) clearInterval(timer)
    this.#alarm?.cancel()
    await this.#looking
    await Promise.all([...this.#working.values(), this.#sweeping])
    try {
      await giveFeedsBack(this.#parts.database, this.#owner)
    } catch (error) {
      this.#parts.log.warn({ event: 'feed.leases_kept', reason: reasonOf(error) }) // they pass by themselves
    }
  }

  get isSettled(): boolean {
    return this.#looking === undefined && this.#working.size === 0
  }

  /** Resolves when no feed is being worked on. */
  async settled(): Promise<void> {
    while (!this.isSettled) await new Promise<void>((resolve) => this.#settledWaiters.push(resolve))
  }

  async #look(): Promise<void> {
    const { database, clock, log } = this.#parts
    try {
      while (this.#lookAgain && !this.#stop.signal.aborted) {
        this.#lookAgain = false
        const room = FEEDS_AT_ONCE - this.#working.size
        if (room <= 0) return
        for (const id of await leaseFeeds(database, this.#owner, this.#leaseMs, room, clock.now())) this.#begin(id)
        this.#setAlarm(await nextDueAt(database))
      }
    } catch (error) {
      log.warn({ event: 'feed.look_failed', reason: reasonOf(error) })
    }
  }

  #setAlarm(at: Date | null): void {
    this.#alarm?.cancel()
    this.#alarm = at ? { at, ...this.#parts.clock.alarm(at, () => this.wake()) } : undefined
  }

  #begin(feedId: string): void {
    const work = this.#work(feedId).finally(() => {
      this.#working.delete(feedId)
      this.wake()
    })
    this.#working.set(feedId, work)
  }

  async #work(feedId: string): Promise<void> {
    const { database, clock, log } = this.#parts
    let dueAt = addMs(clock.now(), RETRY_MS)
    try {
      dueAt = await this.#workUntilNothingIsDue(feedId)
    } catch (error) {
      if (!this.#stop.signal.aborted) log.warn({ event: 'feed.step_failed', feedId, reason: reasonOf(error) })
    }
    if (this.#stop.signal.aborted) return
    await releaseFeed(database, this.#owner, feedId, dueAt).catch((error: unknown) => {
      log.warn({ event: 'feed.lease_kept', feedId, reason: reasonOf(error) })
    })
  }

  /** @returns when something is due again */
  async #workUntilNothingIsDue(feedId: string): Promise<Date> {
    const { database, clock } = this.#parts
    while (!this.#stop.signal.aborted) {
      const feed = await readHeldFeed(database, feedId, this.#owner)
      const nipr = feed && (await this.#parts.connect(feed, 'run'))
      if (!feed || !nipr) break
      const run = await readOpenRun(database, feedId)
      const now = feedNow(this.#parts, feed)
      const state = {
        now,
        owedFrom: feed.owedFrom,
        cleanedOn: feed.cleanedOn,
        lastRunDate: await readLastRunDate(database, feedId),
        openRun: run ? { nextTryAt: addMs(run.nextTryAt, feed.clockAheadMs) } : null,
      }
      const step = nextFeedStep(state, this.#parts.calendarOf(feed))
      if (step.kind === 'wait') return addMs(step.until, -feed.clockAheadMs)
      if (step.kind === 'clean')
        await cleanFeed(this.#parts, { feed, owner: this.#owner }, nipr, step.day, this.#stop.signal)
      else if (step.kind === 'start') await this.#start(feed, step.runDate)
      else if (run)
        await advanceRun(this.#parts, { feed, run, owner: this.#owner }, nipr, this.#pause, this.#stop.signal)
    }
    return addMs(clock.now(), LOOK_AGAIN_MS_MAX)
  }

  async #start(feed: Feed, runDate: Feed['owedFrom']): Promise<void> {
    const { database, clock, log } = this.#parts
    const run = {
      id: randomUUID(),
      feedId: feed.id,
      runDate,
      trigger: 'schedule',
      scenario: 'normal',
      fullRefresh: false,
    } as const
    try {
      await database.transaction({}, async (tx) => {
        await noteLostDays(tx, this.#parts, feed, runDate)
        await insertRun(tx, run, clock.now())
      })
      log.info({ event: 'run.scheduled', runId: run.id, feedId: feed.id, runDate })
    } catch (error) {
      if (!isUniqueViolation(error)) throw error // else somebody has just asked for one
    }
  }

  #pause = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return
    const { clock } = this.#parts
    const { promise, resolve } = Promise.withResolvers<void>()
    const alarm = clock.alarm(addMs(clock.now(), ms), resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    alarm.cancel()
  }

  async #renew(): Promise<void> {
    if (this.#working.size === 0) return
    try {
      await renewFeeds(this.#parts.database, this.#owner, this.#leaseMs)
    } catch (error) {
      this.#parts.log.warn({ event: 'feed.renewal_failed', reason: reasonOf(error) })
    }
  }

  #notifySettled(): void {
    if (!this.isSettled || this.#settledWaiters.length === 0) return
    const waiters = this.#settledWaiters
    this.#settledWaiters = []
    for (const resolve of waiters) resolve()
  }
}
