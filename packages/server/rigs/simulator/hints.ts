import type { LaneHint } from '#src/delivery/lanes.ts'
import { between, type Random } from '../chaos/chance.ts'
import type { History } from '../chaos/history.ts'
import type { SimProcess } from './sim-process.ts'
import type { Life, VirtualTime } from './virtual-time.ts'

/** Well within the time in which lateness is laid to a fault. */
const LOST_MS = 5_000
const LATE_MS = [1, 300] as const

/** Hints between processes: they come late, or twice; during a fault, and for a while after, they may get lost. */
export class Hints {
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #history: History
  /** The present lives. */
  readonly #processes: readonly SimProcess[]

  constructor(parts: { time: VirtualTime; random: Random; history: History; processes: readonly SimProcess[] }) {
    this.#time = parts.time
    this.#random = parts.random
    this.#history = parts.history
    this.#processes = parts.processes
  }

  /** @param from  null: what no process of the simulation has to say */
  send(from: Life | null, lanes: readonly LaneHint[]): void {
    if (lanes.length === 0) return
    const mayBeLost = this.#history.faults.some(({ untilMs }) => untilMs + LOST_MS > this.#time.nowMs)
    for (const { life } of this.#processes) {
      if (life === from) continue
      for (let times = between(this.#random, mayBeLost ? 0 : 1, 2); times > 0; times -= 1) this.sendTo(life, lanes)
    }
  }

  sendTo(life: Life, lanes: readonly LaneHint[]): void {
    this.#time.after(
      between(this.#random, ...LATE_MS),
      () => {
        const process = this.#processes.find((other) => other.life === life)
        if (process?.isReady) process.hear(lanes)
      },
      life,
    )
  }
}
