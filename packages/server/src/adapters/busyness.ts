import { type EventLoopUtilization, performance } from 'node:perf_hooks'

/** Looked at again after this long at the earliest: shorter stretches say little. */
const STRETCH_MS = 100
/** Of a stretch. Above it the thread is what everything waits for. */
const BUSY_SHARE = 0.75

/** Whether this process's one thread has hardly had a moment without something to do. A stretch ends when somebody asks. */
export class Busyness {
  readonly #utilization: (since?: EventLoopUtilization) => EventLoopUtilization
  readonly #nowMs: () => number
  #since: EventLoopUtilization
  #sinceMs: number
  #isBusy = false

  /** @param parts  the process's own by default; times are monotonic ms */
  constructor(
    parts: { utilization?: (since?: EventLoopUtilization) => EventLoopUtilization; nowMs?: () => number } = {},
  ) {
    this.#utilization = parts.utilization ?? ((since) => performance.eventLoopUtilization(since))
    this.#nowMs = parts.nowMs ?? (() => performance.now())
    this.#since = this.#utilization()
    this.#sinceMs = this.#nowMs()
  }

  /** In the stretch before, which has just ended or is the one before the stretch that lasts. */
  isBusy(): boolean {
    const nowMs = this.#nowMs()
    if (nowMs - this.#sinceMs < STRETCH_MS) return this.#isBusy
    this.#isBusy = this.#utilization(this.#since).utilization >= BUSY_SHARE
    this.#since = this.#utilization()
    this.#sinceMs = nowMs
    return this.#isBusy
  }
}
