import type { Logger } from 'pino'
import type { Clock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import { type Delivery, QUEUES, type Queue } from './delivery.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { findLanes, type LaneRead, type LaneWindow, readLanes } from './pending-store.ts'

/** Deliveries of a queue that a lane keeps in memory: a read's worth for each attempt it may have under way, or few. */
const WINDOW_PER_ATTEMPT = 16
const WINDOW_MIN = 64
const WINDOW_MAX = 1_024
const WINDOW_SUSPECT = 8
/** A queue takes up to so many straight from memory: what does not fit is read again, payload and all. */
const HANDED_MAX = 4_096
const LANES_PER_READ = 100
const READS_MAX = 2
/** After a read that failed, the next waits this long. */
const RETRY_MS = 200
/** Rows become visible within this time of their due time: the longest accepting transaction, and some. */
const LATE_COMMIT_MS = 15_000
/** All shards are swept once in `SWEEPS` calls, for what no hint told us. */
export const SWEEPS = 20

type LaneQueueRead = LaneRead & { lane: Lane }

/** Fills the windows of lanes from the database: when they run low, and when something new may be there. */
export class LaneReader {
  readonly #database: Database
  readonly #lanes: Lanes
  readonly #clock: Clock
  readonly #log: Logger
  readonly #dueLater: (lane: Lane, queue: Queue, at: Date) => void
  readonly #changed: (lane: Lane) => void
  readonly #done: () => void
  readonly #wanted = new Set<Lane>()
  #reads = 0
  #sweeps = 0
  #nextSweep = 0

  constructor(parts: {
    database: Database
    lanes: Lanes
    clock: Clock
    log: Logger
    /** Nothing of the queue is due before. */
    dueLater: (lane: Lane, queue: Queue, at: Date) => void
    /** The lane has deliveries that it had not before. */
    changed: (lane: Lane) => void
    /** A round of reading has ended. */
    done: () => void
  }) {
    this.#database = parts.database
    this.#lanes = parts.lanes
    this.#clock = parts.clock
    this.#log = parts.log
    this.#dueLater = parts.dueLater
    this.#changed = parts.changed
    this.#done = parts.done
  }

  get isIdle(): boolean {
    return this.#reads === 0 && this.#sweeps === 0 && this.#wanted.size === 0
  }

  windowOf(lane: Lane): number {
    if (lane.isSuspect) return WINDOW_SUSPECT
    const wanted = (lane.target?.maxConcurrency ?? 0) * WINDOW_PER_ATTEMPT
    return Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, wanted))
  }

  /** How many deliveries a queue of the lane may hold when more are handed over. */
  roomOf(lane: Lane): number {
    return lane.isSuspect ? WINDOW_SUSPECT : HANDED_MAX
  }

  /** Reads the lane soon, if it has room and there may be something to read. */
  want(lane: Lane): void {
    const lowAt = this.windowOf(lane) / 2
    const wants = QUEUES.some((name) => {
      const { unread, reading, due } = lane.queues[name]
      return unread && !reading && due.length <= lowAt && !(this.#lanes.isFull && due.length > 0)
    })
    if (!wants) return
    this.#wanted.add(lane)
    this.#readSoon()
  }

  forget(lane: Lane): void {
    this.#wanted.delete(lane)
  }

  /** Looks for lanes in the next part of these shards: by their numbers, as what is owned changes between two parts. */
  async sweepSome(shards: readonly number[]): Promise<void> {
    const part = this.#nextSweep % SWEEPS
    this.#nextSweep += 1
    await this.sweep(shards.filter((shard) => shard % SWEEPS === part))
  }

  /** Looks for lanes with pending deliveries in these shards. */
  async sweep(shards: readonly number[]): Promise<void> {
    if (shards.length === 0) return
    this.#sweeps += 1
    try {
      const now = this.#clock.now()
      for (const found of await findLanes(this.#database, shards)) {
        if (!this.#lanes.owns(found.shard)) continue
        const lane = this.#lanes.of(found)
        const queue = lane.queues[found.queue]
        if (found.dueAt > now) this.#dueLater(lane, found.queue, found.dueAt)
        else if (!queue.unread && queue.due.length === 0) {
          queue.unread = true
          lane.readFrom[found.queue] = found.dueAt
          this.#changed(lane)
        }
      }
    } catch (error) {
      this.#log.warn({ event: 'delivery.sweep_failed', reason: reasonOf(error) })
    } finally {
      this.#sweeps -= 1
      this.#done()
    }
  }

  #readSoon(): void {
    if (this.#reads >= READS_MAX || this.#wanted.size === 0) return
    this.#reads += 1
    setImmediate(() => {
      void this.#readSome().finally(() => {
        this.#reads -= 1
        this.#readSoon()
        this.#done()
      })
    })
  }

  async #readSome(): Promise<void> {
    const now = this.#clock.now()
    const reads = this.#takeReads()
    if (reads.length === 0) return
    try {
      const lanes = new Set(reads.map(({ lane }) => lane))
      const held = [...lanes].flatMap((lane) => [...lane.held.keys()])
      const windows = await readLanes(this.#database, reads, held, now)
      reads.forEach((read, index) => {
        const window = windows[index]
        if (window) this.#fill(read, window, now)
      })
    } catch (error) {
      this.#log.warn({ event: 'delivery.read_failed', reason: reasonOf(error) })
      for (const { lane, queue } of reads) {
        lane.queues[queue].reading = false
        lane.queues[queue].unread = true
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      for (const { lane } of reads) if (this.#lanes.isLive(lane)) this.#wanted.add(lane)
    }
  }

  #takeReads(): LaneQueueRead[] {
    const reads: LaneQueueRead[] = []
    for (const lane of this.#wanted) {
      if (reads.length >= LANES_PER_READ) break
      this.#wanted.delete(lane)
      if (!this.#lanes.isLive(lane)) continue
      const { accountId, endpointId, shard } = lane
      for (const name of QUEUES) {
        const queue = lane.queues[name]
        const limit = this.windowOf(lane) - queue.due.length
        if (!queue.unread || queue.reading || limit <= 0) continue
        queue.reading = true
        queue.unread = false
        reads.push({ lane, accountId, endpointId, shard, queue: name, limit, dueFrom: lane.readFrom[name] })
      }
    }
    return reads
  }

  #fill({ lane, queue: name, limit }: LaneQueueRead, window: LaneWindow, now: Date): void {
    const queue = lane.queues[name]
    queue.reading = false
    if (!this.#lanes.isLive(lane)) return
    for (const delivery of window.due) {
      if (!this.#lanes.knows(lane, delivery)) this.#lanes.hold(lane, name, delivery)
    }
    queue.due.sort(inOrder)
    if (window.due.length >= limit) queue.unread = true
    else lane.readFrom[name] = earlier(new Date(now.getTime() - LATE_COMMIT_MS), queue.due[0]?.dueAt)
    if (window.nextDueAt !== null) this.#dueLater(lane, name, window.nextDueAt)
    this.#changed(lane)
  }
}

/** As they are due; what was accepted in one moment, as it was accepted. */
function inOrder(a: Delivery, b: Delivery): number {
  return a.dueAt.getTime() - b.dueAt.getTime() || (a.eventId < b.eventId ? -1 : 1)
}

function earlier(one: Date, other: Date | undefined): Date {
  return other && other < one ? other : one
}
