import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'

/** Outcomes that cannot be written for this long after the last attempt are left: their deliveries are sent again. */
export const DRAIN_MS_MAX = 1_000

type Parts = {
  lanes: Lanes
  /** The lane may not start anything any more. */
  place: (lane: Lane) => void
  forget: (lane: Lane) => void
  /** Resolves when an attempt has ended, or an outcome is settled. */
  changed: () => Promise<void>
  /** Lets `changed` resolve. */
  wake: () => void
}

/** Shards that this worker gives back: nothing starts there any more, and what has started is recorded first. */
export class HandingBack {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @returns those of which nothing is under way or unrecorded any more, as soon as there are any */
  async ended(shards: readonly number[]): Promise<readonly number[]> {
    const { lanes: all, forget, changed, wake } = this.#parts
    const given = new Set(shards)
    let unrecordedTooLong = false
    let timer: NodeJS.Timeout | undefined
    try {
      for (;;) {
        const lanes = all.all().filter((lane) => given.has(lane.shard))
        for (const lane of lanes) this.#close(lane)
        const isBusy = (lane: Lane) => lane.inFlight > 0 || (lane.unsettled > 0 && !unrecordedTooLong)
        const busy = new Set(lanes.filter(isBusy).map((lane) => lane.shard))
        const ended = shards.filter((shard) => !busy.has(shard))
        if (ended.length > 0) {
          for (const lane of lanes) if (!busy.has(lane.shard)) forget(lane)
          return ended
        }
        if (lanes.every((lane) => lane.inFlight === 0)) {
          timer ??= setTimeout(() => {
            unrecordedTooLong = true
            wake()
          }, DRAIN_MS_MAX)
        }
        await changed()
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #close(lane: Lane): void {
    if (lane.closing) return
    lane.closing = true
    this.#parts.place(lane)
  }
}
