import type { Logger } from 'pino'
import type { Clock } from '#src/adapters/clock.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { Target, TargetKey } from '#src/endpoints/target.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'

export type ReadTargets = (keys: TargetKey[], now: Date) => Promise<Target[]>

const LANES_PER_READ = 100
const RETRY_MS = 200

/** Keeps what lanes know of their endpoints young: one statement at a time, for all lanes that ask. */
export class TargetReader {
  readonly #read: ReadTargets
  readonly #lanes: Lanes
  readonly #clock: Clock
  readonly #log: Logger
  readonly #refreshed: (lane: Lane, known: Target | null) => void
  readonly #done: () => void
  readonly #wanted = new Set<Lane>()
  #reading = false

  constructor(parts: {
    read: ReadTargets
    lanes: Lanes
    clock: Clock
    log: Logger
    /** The lane's target was read anew; `known` is what it was before. */
    refreshed: (lane: Lane, known: Target | null) => void
    /** A round of reading has ended. */
    done: () => void
  }) {
    this.#read = parts.read
    this.#lanes = parts.lanes
    this.#clock = parts.clock
    this.#log = parts.log
    this.#refreshed = parts.refreshed
    this.#done = parts.done
  }

  get isIdle(): boolean {
    return !this.#reading && this.#wanted.size === 0
  }

  want(lane: Lane): void {
    this.#wanted.add(lane)
    if (this.#reading) return
    this.#reading = true
    setImmediate(() => {
      void this.#readSome().finally(() => {
        this.#reading = false
        const [next] = this.#wanted
        if (next) this.want(next)
        this.#done()
      })
    })
  }

  /** The endpoint has changed: nothing starts by what is known of it, nor by what a read under way brings. */
  outdate(lane: Lane): void {
    lane.targetReadAt = null
    lane.targetChanges += 1
    this.want(lane)
  }

  forget(lane: Lane): void {
    this.#wanted.delete(lane)
  }

  async #readSome(): Promise<void> {
    const lanes = [...this.#wanted].slice(0, LANES_PER_READ)
    for (const lane of lanes) this.#wanted.delete(lane)
    const begun = lanes.map((lane) => ({ lane, changes: lane.targetChanges, arrivals: lane.arrivals }))
    const now = this.#clock.now()
    try {
      const targets = await this.#read(lanes, now)
      const byId = new Map(targets.map((target) => [target.endpointId, target]))
      for (const { lane, changes, arrivals } of begun) {
        const target = byId.get(lane.endpointId)
        // it is read once more, and that is taken, or an endpoint that changes all the time would get nothing
        lane.isTargetOvertaken = changes !== lane.targetChanges && !lane.isTargetOvertaken
        if (!target || lane.isTargetOvertaken || !this.#lanes.isLive(lane)) continue
        lane.arrivalsAtRead = arrivals
        this.#renew(lane, target, now)
      }
    } catch (error) {
      this.#log.warn({ event: 'delivery.endpoints_unread', reason: reasonOf(error) })
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      for (const lane of lanes) if (this.#lanes.isLive(lane)) this.#wanted.add(lane)
    }
  }

  #renew(lane: Lane, target: Target, readAt: Date): void {
    const known = lane.target
    if (known && known.version === target.version) {
      // what this worker has learnt since, and is about to write, is newer than what was read
      target.failureClock = known.failureClock
      target.provenAt = known.provenAt
      target.certificateEndsAt = known.certificateEndsAt
    } else {
      lane.signer = null
    }
    lane.target = target
    lane.targetReadAt = readAt
    this.#refreshed(lane, known)
  }
}
