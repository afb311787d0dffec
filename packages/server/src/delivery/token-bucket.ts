/** A bucket of one second: holds `rate` tokens at most and gains `rate` a second. */
export class TokenBucket {
  #rate: number
  #tokens: number
  #filledAtMs: number

  constructor(ratePerSecond: number, now: Date) {
    this.#rate = ratePerSecond
    this.#tokens = ratePerSecond
    this.#filledAtMs = now.getTime()
  }

  /** A changed rate keeps what has been used up. */
  setRate(ratePerSecond: number, now: Date): void {
    if (ratePerSecond === this.#rate) return
    this.#fill(now)
    this.#tokens = Math.min(ratePerSecond, Math.max(0, this.#tokens + ratePerSecond - this.#rate))
    this.#rate = ratePerSecond
  }

  /** Takes a token, or says when there will be one. */
  take(now: Date): { taken: true } | { taken: false; at: Date } {
    this.#fill(now)
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return { taken: true }
    }
    return { taken: false, at: new Date(now.getTime() + Math.ceil(((1 - this.#tokens) / this.#rate) * 1000)) }
  }

  #fill(now: Date): void {
    const passedMs = now.getTime() - this.#filledAtMs
    this.#filledAtMs = now.getTime()
    if (passedMs > 0) this.#tokens = Math.min(this.#rate, this.#tokens + (passedMs / 1000) * this.#rate)
  }
}
