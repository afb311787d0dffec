/** What a page asks for by itself, beside what is asked again from time to time, stays under a call a second. Source: portal 1 */
const CALLS_MAX = 16
const CALLS_PER_MS = 30 / 60_000

/** Lets reads that follow the stream begin at once, and holds them back while there is no end of changes. */
export class ReadBudget {
  #left = CALLS_MAX
  #countedMs: number

  constructor(nowMs: number) {
    this.#countedMs = nowMs
  }

  /** Takes so many reads, if they may begin now. @returns 0, or how long to wait before asking again, in milliseconds */
  take(reads: number, nowMs: number): number {
    this.#left = Math.min(CALLS_MAX, this.#left + (nowMs - this.#countedMs) * CALLS_PER_MS)
    this.#countedMs = nowMs
    // what needs more than there ever is begins when all is there
    const missing = Math.min(reads, CALLS_MAX) - this.#left
    if (missing > 0) return Math.ceil(missing / CALLS_PER_MS)
    this.#left -= reads
    return 0
  }
}
