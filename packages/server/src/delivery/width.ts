/** A lane that has started nothing for this long begins anew, with one attempt at a time. */
const REST_MS = 1_000
/** More than so many that are due for each attempt under way are a reason for more of these. */
const DUE_EACH = 16
/** An attempt that takes longer is a reason, too, where something waits for its end. */
const SLOW_MS = 20
/** Every attempt seems to take longer while this process has too much to do. */
const SLOW_PER_LATENESS = 3
/** Where many hang, one that answered sooner before has no more under way than this for being slow now. */
const ODD_WIDTH = 2
/** How often there may be a reason. */
export const WIDEN_MS = 10

/**
 * How many attempts of a lane may be under way, up to what its endpoint takes: one after a rest, and more when that does not do.
 * Most receivers answer within some ms, and a burst that is sent to them by turns needs one or two connections; sent at once, it would
 * take as many as it has deliveries, and a new connection costs as much as ten requests. Times are monotonic ms.
 */
export class Width {
  #width = 1
  /** Since when something has waited for the end of an attempt, and none has ended. */
  #waitingSinceMs: number | null = null
  /** How long the last attempt took; null: none has ended. */
  #lastMs: number | null = null

  /** Nothing is under way; the last attempt started at `usedAtMs`. */
  begin(usedAtMs: number, nowMs: number): void {
    if (nowMs - usedAtMs > REST_MS) this.#width = 1
  }

  /** May another attempt start beside those under way? */
  admits(inFlight: number): boolean {
    return inFlight < this.#width
  }

  /** Something is due, and waits. */
  wait(nowMs: number): void {
    this.#waitingSinceMs ??= nowMs
  }

  /** Nothing waits any more. */
  rest(): void {
    this.#waitingSinceMs = null
  }

  /** An attempt has ended that took so long. */
  moved(attemptMs: number): void {
    this.#waitingSinceMs = null
    this.#lastMs = attemptMs
  }

  /**
   * Twice as many, where there is a reason for it.
   * @param due      how many wait
   * @param lateMs   by how much this process is behind with what it has to do
   * @param mayHang  whether there is room for attempts that may hang as those before them
   * @returns `wider`: more than before may be under way; `later`: ask again; `ended`: only when an attempt has ended, or more wait
   */
  widen(
    widthMax: number,
    due: number,
    nowMs: number,
    { lateMs, mayHang }: { lateMs: number; mayHang: boolean },
  ): 'wider' | 'later' | 'ended' {
    const before = this.#width
    const slowMs = SLOW_MS + SLOW_PER_LATENESS * lateMs
    const isCrowded = due > DUE_EACH * before
    const isSlow = nowMs - (this.#waitingSinceMs ?? nowMs) >= slowMs
    if (!isSlow && !isCrowded) return 'later'
    const isOdd = (this.#lastMs ?? slowMs) < slowMs
    if (!isCrowded && isOdd && !mayHang && before >= ODD_WIDTH) return 'ended'
    this.#waitingSinceMs = null
    this.#width = Math.min(widthMax, before * 2)
    return this.#width > before ? 'wider' : 'ended'
  }
}
