import { type EventLoopUtilization, performance } from 'node:perf_hooks'

/** Looked at again after this long at the earliest: shorter stretches say little. */
const STRETCH_MS = 100
/** Of a stretch. Above it the thread is what everything waits for. */
const BUSY_SHARE = 0.75

type Utilization = (since?: EventLoopUtilization) => EventLoopUtilization

/** Whether this process's one thread has hardly had a moment without something to do. A stretch ends when somebody asks. */
export class Busyness {
  readonly #utilization: Utilization
  #since: EventLoopUtilization
  #isBusy = false

  /** @param utilization  of this thread's event loop; times in ms */
  constructor(utilization: Utilization = (since) => performance.eventLoopUtilization(since)) {
    this.#utilization = utilization
    this.#since = utilization()
  }

  /** In the last stretch that has ended. */
  isBusy(): boolean {
    const { active, idle, utilization } = this.#utilization(this.#since)
    if (active + idle < STRETCH_MS) return this.#isBusy
    this.#isBusy = utilization >= BUSY_SHARE
    this.#since = this.#utilization()
    return this.#isBusy
  }
}
