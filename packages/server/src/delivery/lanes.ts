import type { Delivery, Queue } from './delivery.ts'
import { Lane } from './lane.ts'

/** What names a lane: hints carry it, and so does every delivery. */
export type LaneName = { accountId: string; endpointId: string; shard: number }

/** Something new is pending in a lane. `isChanged`: or its endpoint has changed. */
export type LaneHint = LaneName & { isChanged: boolean }

/** Deliveries in memory, all lanes together. */
const HELD_MAX = 50_000
/** A lane that has had nothing to do for this long is forgotten, its decrypted secrets with it. */
const IDLE_MS_MAX = 60_000

/**
 * The lanes of this worker, and what of their deliveries is in memory. A delivery is held from the moment it is known here
 * until its outcome is settled, and remembered for a while after, so that no read and no hint can bring it a second time.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()
  readonly #ofAccounts = new Map<string, Set<Lane>>()
  readonly #owns: (shard: number) => boolean
  readonly #payloadBytesMax: number
  readonly #letGo: () => void
  /** Deliveries that have been settled of late, with the attempts that they had then made; younger ones first. */
  #remembered: [Map<string, number>, Map<string, number>] = [new Map(), new Map()]
  #payloadBytes = 0
  #held = 0

  /**
   * @param owns  is new work for the shard this worker's?
   * @param letGo  deliveries of bundles are in memory no more, and not recorded
   */
  constructor(owns: (shard: number) => boolean, payloadBytesMax: number, letGo: () => void) {
    this.#owns = owns
    this.#letGo = letGo
    this.#payloadBytesMax = payloadBytesMax
  }

  get size(): number {
    return this.#lanes.size
  }

  /** Nothing more is read while it lasts, but for lanes that have nothing in memory. */
  get isFull(): boolean {
    return this.#payloadBytes >= this.#payloadBytesMax || this.#held >= HELD_MAX
  }

  owns(shard: number): boolean {
    return this.#owns(shard)
  }

  all(): Lane[] {
    return [...this.#lanes.values()]
  }

  get(endpointId: string): Lane | undefined {
    return this.#lanes.get(endpointId)
  }

  /** The lane of this name, made when there is none. */
  of(name: LaneName): Lane {
    const known = this.#lanes.get(name.endpointId)
    if (known) return known
    const lane = new Lane(name.accountId, name.endpointId, name.shard)
    this.#lanes.set(name.endpointId, lane)
    const ofAccount = this.#ofAccounts.get(name.accountId)
    if (ofAccount) ofAccount.add(lane)
    else this.#ofAccounts.set(name.accountId, new Set([lane]))
    return lane
  }

  ofAccount(accountId: string): ReadonlySet<Lane> {
    return this.#ofAccounts.get(accountId) ?? NO_LANES
  }

  /** Is it still this worker's, and may it go on? */
  isLive(lane: Lane): boolean {
    return !lane.closing && this.has(lane) && this.#owns(lane.shard)
  }

  has(lane: Lane): boolean {
    return this.#lanes.get(lane.endpointId) === lane
  }

  /** Whether the delivery is here, or was here a moment ago, with as many attempts or more: then what comes is of before. */
  knows(lane: Lane, delivery: Delivery): boolean {
    const [recent, earlier] = this.#remembered
    return isKnown(lane.held, delivery) || isKnown(recent, delivery) || isKnown(earlier, delivery)
  }

  /** Puts a delivery that nobody knew into a queue of its lane. */
  hold(lane: Lane, queue: Queue, delivery: Delivery): void {
    lane.held.set(delivery.deliveryId, delivery.attemptsMade)
    lane.queues[queue].due.push(delivery)
    lane.arrivals += 1
    this.#count(delivery, 1)
  }

  /** Takes a delivery out of its queue: it is attempted or canceled, and held until that is settled. */
  take(lane: Lane, queue: Queue, index: number): void {
    const { due } = lane.queues[queue]
    const taken = index === 0 ? due.shift() : due.splice(index, 1)[0] // the first one, mostly: nothing is moved for it
    if (taken) this.#count(taken, -1)
  }

  /** Puts a delivery back that was not attempted after all. */
  putBack(lane: Lane, delivery: Delivery): void {
    lane.queues[delivery.queue].due.unshift(delivery)
    this.#count(delivery, 1)
  }

  /** What has become of the delivery is written. */
  settle(lane: Lane, delivery: Delivery): void {
    const { deliveryId, attemptsMade, bundle } = delivery
    if (lane.held.get(deliveryId) === attemptsMade) lane.held.delete(deliveryId) // else it is here for its next attempt
    // what was packed to its end had no row that a read could bring
    if (!bundle?.isPacked) this.#remembered[0].set(deliveryId, attemptsMade)
  }

  /** Drops planned deliveries of an event: an attempt on request has delivered it. */
  dropPlanned(lane: Lane, eventId: string, exceptDeliveryId: string): void {
    for (const queue of Object.values(lane.queues)) {
      const isEnded = ({ cause, deliveryId, eventId: id }: Delivery) =>
        id === eventId && deliveryId !== exceptDeliveryId && (cause === 'event' || cause === 'replay')
      for (const delivery of queue.due.filter(isEnded)) this.#drop(lane, delivery)
      queue.due = queue.due.filter((delivery) => !isEnded(delivery))
    }
  }

  /** Lets go of what waits in the lane's queues, to read it anew: what the database says of it has changed. */
  reload(lane: Lane): void {
    for (const queue of Object.values(lane.queues)) {
      for (const delivery of queue.due) this.#drop(lane, delivery)
      queue.due = []
      queue.unread = true
    }
  }

  /** Forgets a lane and what is in its queues; attempts under way go on to their end, unheard. */
  forget(lane: Lane): void {
    lane.closing = true
    for (const queue of Object.values(lane.queues)) {
      for (const delivery of queue.due) this.#count(delivery, -1)
      queue.due = []
    }
    if (!this.has(lane)) return
    this.#lanes.delete(lane.endpointId)
    const ofAccount = this.#ofAccounts.get(lane.accountId)
    ofAccount?.delete(lane)
    if (ofAccount?.size === 0) this.#ofAccounts.delete(lane.accountId)
  }

  #drop(lane: Lane, delivery: Delivery): void {
    lane.held.delete(delivery.deliveryId)
    this.#count(delivery, -1)
    if (delivery.bundle?.isPacked) this.#letGo()
  }

  /** Lets go of what was remembered long enough. @returns lanes that have been idle for long */
  tidy(): Lane[] {
    this.#remembered = [new Map(), this.#remembered[0]]
    const idleSinceMs = performance.now() - IDLE_MS_MAX
    return this.all().filter((lane) => lane.isIdle && lane.usedAtMs < idleSinceMs)
  }

  #count(delivery: Delivery, by: 1 | -1): void {
    this.#held += by
    this.#payloadBytes += by * (delivery.payload?.length ?? 0)
  }
}

const NO_LANES: ReadonlySet<Lane> = new Set()

function isKnown(known: ReadonlyMap<string, number>, { deliveryId, attemptsMade }: Delivery): boolean {
  const made = known.get(deliveryId)
  return made !== undefined && made >= attemptsMade
}
