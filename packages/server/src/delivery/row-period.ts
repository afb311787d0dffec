/** The first period, and the longest. */
const MS_MIN = 500
const MS_MAX = 16_000
/** What begins within this time after the end of the last period is twice as long as that. */
const AGAIN_MS = 10_000

/**
 * For how long what is new for a lane has rows of its own, because a bundle was too long in memory or found no room there. A process that
 * was behind for a moment is over it soon, and rows cost the database twice as much; who is behind all the time would only pack
 * what is unpacked a second later. Times are monotonic ms.
 */
export class RowPeriod {
  #untilMs = 0
  #lastMs = 0

  begin(nowMs: number): void {
    if (this.lasts(nowMs)) return
    const isAgain = this.#lastMs > 0 && nowMs < this.#untilMs + AGAIN_MS
    this.#lastMs = isAgain ? Math.min(this.#lastMs * 2, MS_MAX) : MS_MIN
    this.#untilMs = nowMs + this.#lastMs
  }

  lasts(nowMs: number): boolean {
    return nowMs < this.#untilMs
  }
}
