import type { Logger } from 'pino'
import type { Database } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { Delivery } from './delivery.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { readCanceled } from './pending-store.ts'

const CANCELED_PER_READ = 500

type Parts = {
  database: Database
  lanes: Lanes
  log: Logger
  cancel: (lane: Lane, delivery: Delivery) => void
  /** What was canceled so far is written, or its time is over. */
  recorded: () => Promise<void>
  /** A mark has been followed to its end, or not. */
  done: () => void
}

/**
 * An endpoint that is deleted or disabled bears a mark; this lets the rows follow it, in batches: all planned deliveries made
 * before it, due or not.
 */
export class MarkFollower {
  readonly #parts: Parts
  #following = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get isIdle(): boolean {
    return this.#following === 0
  }

  /** Begins to follow the mark of an endpoint that was read, where it bears one that is not followed yet. */
  follow(lane: Lane, target: Target): void {
    const mark = target.deletedAt ?? target.canceledBefore
    if (mark === null || (lane.canceledThrough !== null && mark <= lane.canceledThrough)) return
    this.#parts.lanes.reload(lane) // a mark may have moved the times that it is compared with
    void this.#follow(lane, target, mark)
  }

  async #follow(lane: Lane, target: Target, mark: Date): Promise<void> {
    const { database, lanes, log, cancel, recorded, done } = this.#parts
    lane.canceledThrough = mark
    this.#following += 1
    const { accountId, shard, endpointId } = lane
    const covered = { accountId, shard, endpointId, everything: target.deletedAt !== null, createdBefore: mark }
    try {
      for (;;) {
        const canceled = await readCanceled(database, covered, [...lane.held.keys()], CANCELED_PER_READ)
        if (canceled.length === 0 || !lanes.isLive(lane)) return
        for (const delivery of canceled) {
          if (lanes.knows(lane, delivery)) continue
          lane.held.set(delivery.deliveryId, delivery.attemptsMade)
          cancel(lane, delivery)
        }
        await recorded()
      }
    } catch (error) {
      lane.canceledThrough = null
      log.warn({ event: 'delivery.cancel_failed', reason: reasonOf(error) })
    } finally {
      this.#following -= 1
      done()
    }
  }
}
