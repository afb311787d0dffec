import type { Target } from '#src/endpoints/target.ts'
import type { Announcement } from '#src/events/announce.ts'
import { type Breaker, CLOSED } from './breaker.ts'
import { type Delivery, ignoresDisabled, isSingleAttempt, QUEUES, type Queue } from './delivery.ts'
import type { DisabledReason } from './failure-clock.ts'
import type { Signer } from './request.ts'
import { RowPeriod } from './row-period.ts'
import type { TokenBucket } from './token-bucket.ts'
import { Width } from './width.ts'

/** What of one queue of a lane is in memory: the first of what is due, and what is known of the rest. */
export type LaneQueue = {
  due: Delivery[] // in the order of their due times
  unread: boolean // the database may hold due deliveries that are not in memory
  reading: boolean
  nextDueAt: Date | null // the earliest known to be due later
}

/** With more than that in memory, what comes now waits for a while. */
const SWIFT_DUE_MAX = 2_048

/** Budgets of a worker: what an endpoint's attempts count against. */
export const BUDGETS = ['first', 'retry', 'replay', 'suspect'] as const
export type Budget = (typeof BUDGETS)[number]

/**
 * One endpoint's deliveries in the worker that owns its shard. Holds a small window of them, however many wait; all
 * else about the endpoint that an attempt needs comes with `target`, which is never older than `TARGET_AGE_MS_MAX`
 * when an attempt starts.
 */
export class Lane {
  readonly accountId: string
  readonly endpointId: string
  readonly shard: number
  readonly queues: Record<Queue, LaneQueue> = { first: emptyQueue(), retry: emptyQueue(), replay: emptyQueue() }
  /** Ids of deliveries that wait here, are attempted or not recorded yet, with the attempts made before: a read leaves these out. */
  readonly held = new Map<string, number>()
  target: Target | null = null
  targetReadAt: Date | null = null
  /** How often the endpoint is known to have changed. */
  targetChanges = 0
  /** What was read last of the endpoint was not taken: it had changed meanwhile. */
  isTargetOvertaken = false
  /** How many deliveries have come into its queues, and how many had when the read of `target` began. */
  arrivals = 0
  arrivalsAtRead = 0
  signer: Signer | null = null
  /** When the first of the signer's secrets ends. */
  signerUntil: Date | null = null
  bucket: TokenBucket | null = null
  breaker: Breaker = CLOSED
  inFlight = 0
  readonly width = new Width()
  /** Attempts that have ended and are not recorded yet. */
  unsettled = 0
  /** Nothing starts before: rate limit or breaker. */
  pausedUntil: Date | null = null
  /** A limit of the destination, over all accounts, is reached. */
  deferred = false
  /** Up to which `canceledBefore` mark the rows have followed. */
  canceledThrough: Date | null = null
  /** The endpoint is to be disabled with the next record. */
  disable: { reason: DisabledReason; at: Date } | null = null
  /** The last success that ended a failing streak. */
  recoveredAt: Date | null = null
  /** When another end of the receiver's certificate was last noted. */
  certificateNotedAt: Date | null = null
  /** What operators are to hear of the endpoint with the next record. */
  announcements: readonly Announcement[] = []
  /** Nothing older than this is looked for in the database: it was read to the end. */
  readonly readFrom: Record<Queue, Date> = { first: new Date(0), retry: new Date(0), replay: new Date(0) }
  /** Which queue of a suspect lane goes first. */
  turn = 0
  /** The shard is being given back: nothing starts any more. */
  closing = false
  usedAtMs = performance.now()
  readonly rows = new RowPeriod()

  constructor(accountId: string, endpointId: string, shard: number) {
    this.accountId = accountId
    this.endpointId = endpointId
    this.shard = shard
  }

  /** How old what is known of the endpoint is; a lane without that is of no age. */
  targetAgeMs(now: Date): number {
    return this.targetReadAt === null ? Number.POSITIVE_INFINITY : now.getTime() - this.targetReadAt.getTime()
  }

  /** Disabled, as far as is known; but what has come since that was read may have been accepted after it was enabled again. */
  get mayBeEnabled(): boolean {
    return this.target?.disabled === true && this.arrivals !== this.arrivalsAtRead
  }

  /** What waits in memory. */
  get dueCount(): number {
    const { first, retry, replay } = this.queues
    return first.due.length + retry.due.length + replay.due.length
  }

  get isIdle(): boolean {
    return (
      this.inFlight === 0 &&
      this.held.size === 0 &&
      QUEUES.every((name) => {
        const queue = this.queues[name]
        return queue.due.length === 0 && !queue.unread && !queue.reading && queue.nextDueAt === null
      })
    )
  }

  /** Not proven to work: its attempts share a small budget, so that those which hang hold up nobody else. */
  get isSuspect(): boolean {
    const target = this.target
    return target !== null && (target.provenAt === null || target.failureClock.failingSince !== null)
  }

  /** Whether what comes now is sent and recorded within moments, as far as can be told. */
  get isSwift(): boolean {
    const { target, breaker } = this
    const { due, unread, reading } = this.queues.first
    const isFree = target?.ordering === 'none' && target.throttleRate === null && !target.disabled && !this.isSuspect
    const isHeldBack = this.deferred || this.pausedUntil !== null || this.disable !== null || breaker.openUntil !== null
    const isRead = !unread && !reading && due.length < SWIFT_DUE_MAX
    return isFree && !isHeldBack && isRead && !this.rows.lasts(performance.now())
  }

  /** The queues that wait under a budget; those of a suspect lane in turn. */
  queuesOf(budget: Budget): readonly Queue[] {
    if (!this.isSuspect) return budget === 'suspect' ? [] : [budget]
    return budget === 'suspect' ? [...QUEUES.slice(this.turn), ...QUEUES.slice(0, this.turn)] : []
  }

  /**
   * What goes next under a budget. A `fifo` endpoint gets its events one at a time, and the next only when the one before
   * has ended for good; attempts on request do not queue behind it.
   */
  next(budget: Budget): { queue: Queue; index: number; delivery: Delivery } | undefined {
    const queues = this.queuesOf(budget)
    const isFifo = this.target?.ordering === 'fifo'
    const ordered = isFifo ? this.#fifoQueues(queues) : queues
    for (const queue of ordered) {
      const delivery = this.queues[queue].due[0]
      if (delivery) return { queue, index: 0, delivery }
    }
    if (!isFifo) return undefined
    for (const queue of queues) {
      const index = this.queues[queue].due.findIndex(({ cause }) => isSingleAttempt(cause))
      const delivery = this.queues[queue].due[index]
      if (delivery) return { queue, index, delivery }
    }
    return undefined
  }

  /** A retry that waits, in memory or not, is the one before all others. */
  #fifoQueues(queues: readonly Queue[]): readonly Queue[] {
    const { due, unread, reading, nextDueAt } = this.queues.retry
    if (this.inFlight > 0 || this.unsettled > 0) return []
    if (due.length > 0) return queues.filter((queue) => queue === 'retry')
    return unread || reading || nextDueAt !== null ? [] : queues
  }

  /** Whether the endpoint takes this delivery no more: disabled, deleted, or canceled by a mark that is later than it. */
  cancels(delivery: Delivery): boolean {
    const { target } = this
    if (target === null) return false
    if (target.deletedAt !== null || delivery.payload === null) return true
    if (ignoresDisabled(delivery.cause)) return false
    return target.disabled || (target.canceledBefore !== null && delivery.createdAt < target.canceledBefore)
  }
}

function emptyQueue(): LaneQueue {
  return { due: [], unread: false, reading: false, nextDueAt: null }
}
