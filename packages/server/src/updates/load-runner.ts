import { addMs } from '#src/adapters/clock.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import { TokenBucket } from '#src/delivery/token-bucket.ts'
import type { FeedFailure, NiprFeed } from './feed/feed.ts'
import type { FeedParts } from './feed-parts.ts'
import { type Feed, type FeedKind, readFeed } from './feed-store.ts'
import {
  type DueLoad,
  endAdding,
  giveLoadsBack,
  leaseLoads,
  nextLoadAt,
  postponeLoad,
  readAdding,
  readBusyFeeds,
} from './load-store.ts'
import { type Loaded, storeLoads } from './store-loads.ts'

export type LoadRunnerParts = FeedParts & {
  /** Detail reports a second, of all first loads of this process. */
  reportsPerSecond: Record<Exclude<FeedKind, 'none'>, number>
}

/** Waits before a failed load is tried again; after the last it is left to the runs. Source: producersync-api 6. */
const RETRY_WAITS_MS = [60_000, 300_000, 1_800_000, 7_200_000]
const ADD_RETRY_MS = 30_000
/** The backstop of `wake`. */
const POLL_MS = 500
const LOADS_AT_ONCE = 20
/** Of a feed, taken and not made yet: about a second's work, so that a load somebody waits for comes soon. */
const TAKEN_PER_FEED = 100
const STORED_AT_ONCE = 50
/** Reports in memory that are not stored yet; then no more are asked for. */
const UNSTORED_MAX = 200
const LEASE_MS = 90_000
const TARGETS_PER_CALL = 1_000

type Connected = { feed: Feed; nipr: NiprFeed }
type Taken = { load: DueLoad } & Connected

/**
 * Makes the first loads of NPNs that accounts have activated, and tells NIPR to watch them. Feeds take turns; any number
 * of processes share the work.
 */
export class LoadRunner {
  readonly #parts: LoadRunnerParts
  readonly #stop = new AbortController()
  /** On this process's own time: a clock that a test moves forgives no rate. */
  readonly #paces: Record<Exclude<FeedKind, 'none'>, TokenBucket>
  readonly #queues = new Map<string, Taken[]>()
  readonly #arrived = new Map<string, { feed: Feed; loaded: Loaded[]; storing: Promise<void> | null }>()
  readonly #adding = new Map<string, Promise<void>>()
  readonly #addAgainAt = new Map<string, Date>()
  #loading = 0
  #unstored = 0
  #timer: NodeJS.Timeout | undefined
  #paceTimer: NodeJS.Timeout | undefined
  #alarm: { cancel(): void } | undefined
  #looking: Promise<void> | undefined
  #lookAgain = false
  #idleWaiters: (() => void)[] = []

  constructor(parts: LoadRunnerParts) {
    this.#parts = parts
    const { nipr, simulator } = parts.reportsPerSecond
    this.#paces = { nipr: new TokenBucket(nipr, monotonic()), simulator: new TokenBucket(simulator, monotonic()) }
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), POLL_MS)
    this.wake()
  }

  /** NPNs may have been activated. */
  wake(): void {
    if (this.#stop.signal.aborted) return
    this.#lookAgain = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
      this.#notifyIdle()
    })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    clearInterval(this.#timer)
    clearTimeout(this.#paceTimer)
    this.#alarm?.cancel()
    const left = [...this.#queues.values()].flat().map(({ load }) => load)
    this.#queues.clear()
    await giveLoadsBack(this.#parts.database, left).catch(() => undefined) // their leases pass by themselves
    await this.settled()
  }

  /** Nothing is being loaded, and nothing is due. */
  async settled(): Promise<void> {
    while (!this.#isIdle) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
  }

  get #isIdle(): boolean {
    return (
      this.#looking === undefined &&
      this.#loading === 0 &&
      this.#queues.size === 0 &&
      this.#arrived.size === 0 &&
      this.#adding.size === 0
    )
  }

  async #look(): Promise<void> {
    const { database, clock, log } = this.#parts
    try {
      while (this.#lookAgain && !this.#stop.signal.aborted) {
        this.#lookAgain = false
        const now = clock.now()
        for (const busy of await readBusyFeeds(database, now)) {
          const connected = await this.#connect(busy.feedId)
          if (!connected) continue
          if (busy.adding) this.#add(connected, now)
          if (busy.loads) await this.#take(connected, now)
        }
        const at = await nextLoadAt(database, now)
        this.#alarm?.cancel()
        this.#alarm = at ? clock.alarm(at, () => this.wake()) : undefined
      }
    } catch (error) {
      log.warn({ event: 'loads.look_failed', reason: reasonOf(error) })
    }
  }

  async #connect(feedId: string): Promise<Connected | undefined> {
    const feed = await readFeed(this.#parts.database, feedId)
    const nipr = feed && (await this.#parts.connect(feed, 'load'))
    return feed && nipr ? { feed, nipr } : undefined
  }

  async #take(connected: Connected, now: Date): Promise<void> {
    const { id } = connected.feed
    const queue = this.#queues.get(id) ?? []
    const room = TAKEN_PER_FEED - queue.length
    if (room < TAKEN_PER_FEED / 2) return
    const loads = await leaseLoads(this.#parts.database, id, LEASE_MS, room, now)
    if (loads.length === 0) return
    // what somebody waits for goes before what was taken earlier
    this.#queues.set(id, [...loads.map((load) => ({ load, ...connected })), ...queue])
    this.#pump()
  }

  #pump(): void {
    while (this.#loading < LOADS_AT_ONCE && this.#unstored < UNSTORED_MAX && !this.#stop.signal.aborted) {
      const next = this.#shift()
      if (next === 'later' || next === undefined) break
      this.#loading += 1
      void this.#load(next).finally(() => {
        this.#loading -= 1
        this.#pump()
        this.#notifyIdle()
      })
    }
  }

  /** The next load of the feed whose turn it is, as far as the pace allows. */
  #shift(): Taken | 'later' | undefined {
    for (const [feedId, queue] of this.#queues) {
      const [first] = queue
      if (!first || first.feed.kind === 'none') continue
      const now = monotonic()
      const token = this.#paces[first.feed.kind].take(now)
      if (!token.taken) {
        clearTimeout(this.#paceTimer)
        this.#paceTimer = setTimeout(() => this.#pump(), token.at.getTime() - now.getTime())
        return 'later'
      }
      queue.shift()
      this.#queues.delete(feedId)
      if (queue.length > 0) this.#queues.set(feedId, queue) // to the end of the line
      if (queue.length < TAKEN_PER_FEED / 2) this.wake()
      return first
    }
    return undefined
  }

  async #load({ load, feed, nipr }: Taken): Promise<void> {
    try {
      const answer = await nipr.detail(load.npn, this.#stop.signal)
      if (answer.kind === 'failed') return await this.#postpone(load, answer)
      this.#store(feed, { load, producer: answer.kind === 'report' ? answer.producer : null })
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#parts.log.warn({ event: 'loads.failed', feedId: feed.id, npn: load.npn, reason: reasonOf(error) })
      }
    }
  }

  async #postpone(load: DueLoad, failure: FeedFailure): Promise<void> {
    const { database, clock, log } = this.#parts
    const { feedId, npn, attempts } = load
    log[failure.refused ? 'error' : 'warn']({
      event: 'loads.failed',
      feedId,
      npn,
      attempts: attempts + 1,
      cause: failure.cause,
    })
    const waitMs = RETRY_WAITS_MS[attempts]
    const dueAt = waitMs === undefined ? null : addMs(clock.now(), Math.max(waitMs, failure.retryAfterMs ?? 0))
    await postponeLoad(database, load, attempts + 1, dueAt)
    this.wake()
  }

  /** Reports that come while others of the feed are being stored are stored together. */
  #store(feed: Feed, loaded: Loaded): void {
    const arrived = this.#arrived.get(feed.id) ?? { feed, loaded: [], storing: null }
    this.#arrived.set(feed.id, arrived)
    arrived.loaded.push(loaded)
    this.#unstored += 1
    arrived.storing ??= this.#storeAll(feed.id, arrived.loaded).finally(() => {
      this.#arrived.delete(feed.id)
      this.wake()
      this.#notifyIdle()
    })
  }

  async #storeAll(feedId: string, loaded: Loaded[]): Promise<void> {
    while (loaded.length > 0) {
      const batch = loaded.splice(0, STORED_AT_ONCE)
      const loads = batch.map(({ load }) => load)
      try {
        const feed = await readFeed(this.#parts.database, feedId) // its clock may have been moved
        if (feed) await storeLoads(this.#parts, feed, batch)
        await giveLoadsBack(this.#parts.database, loads)
      } catch (error) {
        this.#parts.log.warn({ event: 'loads.storing_failed', feedId, reason: reasonOf(error) })
        await giveLoadsBack(this.#parts.database, loads).catch(() => undefined)
      }
      this.#unstored -= batch.length
      this.#pump()
    }
  }

  #add({ feed, nipr }: Connected, now: Date): void {
    const againAt = this.#addAgainAt.get(feed.id)
    if (this.#adding.has(feed.id) || (againAt && now < againAt)) return
    const adding = this.#addAll(feed, nipr).finally(() => {
      this.#adding.delete(feed.id)
      this.#notifyIdle()
    })
    this.#adding.set(feed.id, adding)
  }

  async #addAll(feed: Feed, nipr: NiprFeed): Promise<void> {
    const { database, clock, log } = this.#parts
    try {
      this.#addAgainAt.delete(feed.id)
      for (;;) {
        const npns = await readAdding(database, feed.id, TARGETS_PER_CALL)
        if (npns.length === 0 || this.#stop.signal.aborted) return
        const answer = await nipr.changeTargets('add', npns, this.#stop.signal)
        if (answer.kind === 'failed') {
          this.#addAgainAt.set(feed.id, addMs(clock.now(), Math.max(ADD_RETRY_MS, answer.retryAfterMs ?? 0)))
          return log.warn({ event: 'targets.adding_failed', feedId: feed.id, cause: answer.cause })
        }
        await endAdding(database, feed.id, npns, clock.now())
      }
    } catch (error) {
      this.#addAgainAt.set(feed.id, addMs(clock.now(), ADD_RETRY_MS))
      if (!this.#stop.signal.aborted)
        log.warn({ event: 'targets.adding_failed', feedId: feed.id, reason: reasonOf(error) })
    }
  }

  #notifyIdle(): void {
    if (!this.#isIdle || this.#idleWaiters.length === 0) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const resolve of waiters) resolve()
  }
}

function monotonic(): Date {
  return new Date(performance.now())
}
