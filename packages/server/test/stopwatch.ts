const TICK_MS = 10
/** A longer pause than this between two ticks is not this process's: something else had the processor. */
const PAUSE_MS_MAX = 30

/**
 * Measures time as this process had it: while a busy machine keeps it from running, the watch stands. For limits that the
 * process keeps by itself, by its timers.
 */
export class Stopwatch {
  #ranMs = 0
  #tickedAtMs = performance.now()
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** @returns for how long it ran, in ms */
  stop(): number {
    clearInterval(this.#timer)
    this.#tick()
    return this.#ranMs
  }

  #tick(): void {
    const nowMs = performance.now()
    this.#ranMs += Math.min(nowMs - this.#tickedAtMs, PAUSE_MS_MAX)
    this.#tickedAtMs = nowMs
  }
}
